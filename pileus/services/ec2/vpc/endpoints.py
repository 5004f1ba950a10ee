"""Gateway endpoints: ways to S3 and DynamoDB that need no internet.

Source: EC2 API Reference, the operations' pages; AWS PrivateLink Guide, "Gateway endpoints".
"""

from typing import Any

import msgspec

from pileus.model import regions as facts
from pileus.policy import MalformedPolicy, compile_policy
from pileus.service import Call

from .. import tags
from ..filters import compiled
from ..kinds import Kind, targets
from ..listing import cut, describe
from ..service import Ec2Error, Request, invalid, missing
from ..tokens import made_before, remember
from . import quotas, records
from .defaults import operation, own
from .kinds import ROUTE_TABLE, VPC
from .records import Endpoint
from .serving import OPEN_POLICY
from .waking import changed

replace = msgspec.structs.replace
KINDS_OF_SERVICE = ("dynamodb", "s3")


class EndpointKind(Kind[Endpoint]):
    """Its errors say Id, and have a form of their own."""

    def unknown(self, lost: list[str]) -> Ec2Error:
        error = super().unknown(lost)
        if error.code == self.not_found:
            error.message = f"The Vpc Endpoint Id '{', '.join(lost)}' does not exist"
        return error


ENDPOINT = EndpointKind(
    "vpce",
    "vpc-endpoint",
    "InvalidVpcEndpointId",
    "Vpc Endpoint",
    records.endpoints,
    {
        "vpc-endpoint-id": lambda endpoint: [endpoint.id],
        "vpc-id": lambda endpoint: [endpoint.vpc],
        "service-name": lambda endpoint: [endpoint.service],
        "service-region": lambda endpoint: [endpoint.region],
        "vpc-endpoint-state": lambda endpoint: ["available"],
        "vpc-endpoint-type": lambda endpoint: ["Gateway"],
    },
    lambda call, endpoint: {"ec2:VpceServiceName": endpoint.service},
    not_found="InvalidVpcEndpointId.NotFound",
)


def show(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "VpcEndpointId": endpoint.id,
        "VpcEndpointType": "Gateway",
        "VpcId": endpoint.vpc,
        "ServiceName": endpoint.service,
        "ServiceRegion": endpoint.region,
        "State": "available",
        "PolicyDocument": endpoint.policy,
        "RouteTableIds": list(endpoint.tables),
        "SubnetIds": [],
        "Groups": [],
        "PrivateDnsEnabled": False,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [],
        "DnsEntries": [],
        "CreationTimestamp": endpoint.created,
        "OwnerId": endpoint.account,
        "Tags": tags.show(endpoint.tags),
    }


def _service(call: Call, request: Request) -> tuple[str, str]:
    """(name, kind). Interface endpoints are refused by name."""
    name = request.get("ServiceName")
    if not name:
        raise missing("ServiceName")
    type = request.get("VpcEndpointType") or "Gateway"
    if type != "Gateway":
        raise invalid(f"Endpoints of type {type} are not there: VpcEndpointType is Gateway (S3, DynamoDB).")
    if request.get("ServiceRegion") not in (None, call.region):
        raise invalid("A gateway endpoint is of a service in its own region.")
    for kind in KINDS_OF_SERVICE:
        if name == f"com.amazonaws.{call.region}.{kind}":
            return name, kind
    raise Ec2Error("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _policy(text: str | None) -> str:
    if not text:
        return OPEN_POLICY
    try:
        compile_policy(text, "resource", "endpoint policy")
    except MalformedPolicy as error:
        raise Ec2Error("InvalidPolicyDocument", f"The policy document is not valid: {error}") from None
    return text


def _tables(call: Call, vpc: str, ids: list[str]) -> list[str]:
    for table in ROUTE_TABLE.need_all(call, ids):
        if table.vpc != vpc:
            raise invalid(f"Route table {table.id} and endpoint belong to different networks")
    return list(dict.fromkeys(ids))


def _free(call: Call, vpc: str, kind: str, tables: list[str], but: str = "") -> None:
    """A table leads to a service by one endpoint."""
    for _, other in records.endpoints.find(call.tx, records.endpoints_of_vpc, call.account, call.region, vpc):
        if other.id != but and other.kind == kind and (both := sorted(set(tables) & set(other.tables))):
            raise Ec2Error(
                "RouteAlreadyExists",
                f"route table {both[0]} already has a route with destination-prefix-list-id of {other.service}",
            )


def _creating(call: Call, request: Request) -> list[str]:
    tables = [ROUTE_TABLE.arn(call, id) for id in request.get("RouteTableIds") or []]
    return [ENDPOINT.arn(call, "*"), VPC.arn(call, request.get("VpcId") or "*"), *tables]


def _context(call: Call, request: Request) -> dict[str, Any]:
    return {"ec2:VpceServiceName": request.get("ServiceName") or "", "ec2:VpceServiceOwner": "amazon"}


@operation(
    "CreateVpcEndpoint",
    resource=_creating,
    context=_context,
    partial="gateway endpoints of S3 and DynamoDB",
)
def create_vpc_endpoint(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"VpcEndpoint": show(call, ENDPOINT.need(call, there[0])), **token}
    vpc, (service, kind) = VPC.need(call, request["VpcId"]), _service(call, request)
    if request.get("PrivateDnsEnabled"):
        raise Ec2Error("InvalidParameter", "Private DNS can only be enabled for interface endpoints.")
    tables = _tables(call, vpc.id, request.get("RouteTableIds") or [])
    _free(call, vpc.id, kind, tables)
    quotas.room(
        ENDPOINT.all(call),
        quotas.ENDPOINTS,
        "VpcEndpointLimitExceeded",
        "The maximum number of VPC endpoints has been reached.",
    )
    id = ENDPOINT.new_id()
    made = Endpoint(
        vpc=vpc.id,
        service=service,
        kind=kind,
        tables=tuple(tables),
        policy=_policy(request.get("PolicyDocument")),
        **own(call, id, tags.given(call, request, ENDPOINT)[ENDPOINT.type]),
    )
    ENDPOINT.put(call, id, made)
    remember(call, request, [id])
    changed(call, vpc.id)
    return {"VpcEndpoint": show(call, made), **token}


@operation("DescribeVpcEndpoints")
def describe_vpc_endpoints(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, ENDPOINT, ids="VpcEndpointIds", answer="VpcEndpoints", show=show)


def _modifying(call: Call, request: Request) -> list[str]:
    named = [*(request.get("AddRouteTableIds") or []), *(request.get("RemoveRouteTableIds") or [])]
    return [ENDPOINT.arn(call, request.get("VpcEndpointId") or "*"), *(ROUTE_TABLE.arn(call, id) for id in named)]


@operation("ModifyVpcEndpoint", resource=_modifying)
def modify_vpc_endpoint(call: Call, request: Request) -> dict[str, Any]:
    endpoint = ENDPOINT.need(call, request["VpcEndpointId"])
    gone = request.get("RemoveRouteTableIds") or []
    more = _tables(call, endpoint.vpc, request.get("AddRouteTableIds") or [])
    _free(call, endpoint.vpc, endpoint.kind, more, endpoint.id)
    tables = [*(id for id in endpoint.tables if id not in gone), *(id for id in more if id not in endpoint.tables)]
    policy = _policy(request.get("PolicyDocument") or endpoint.policy)
    if request.get("ResetPolicy"):
        policy = OPEN_POLICY
    ENDPOINT.put(call, endpoint.id, replace(endpoint, tables=tuple(tables), policy=policy))
    changed(call, endpoint.vpc)
    return {"Return": True}


@operation("DeleteVpcEndpoints", resource=targets(ENDPOINT, "VpcEndpointIds"))
def delete_vpc_endpoints(call: Call, request: Request) -> dict[str, Any]:
    """Each for itself: those that are not there are told of."""
    unsuccessful = []
    for id in dict.fromkeys(request["VpcEndpointIds"]):
        endpoint = ENDPOINT.get(call, id)
        if endpoint is None:
            error = ENDPOINT.unknown([id])
            unsuccessful.append({"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}})
            continue
        ENDPOINT.delete(call, id)
        changed(call, endpoint.vpc)
    return {"Unsuccessful": unsuccessful}


class _Service(msgspec.Struct, frozen=True):
    name: str
    tags: dict[str, str] = {}


@operation("DescribeVpcEndpointServices", partial="S3 and DynamoDB")
def describe_vpc_endpoint_services(call: Call, request: Request) -> dict[str, Any]:
    known = {f"com.amazonaws.{call.region}.{kind}": kind for kind in KINDS_OF_SERVICE}
    wanted = request.get("ServiceNames") or sorted(known)
    for name in wanted:
        if name not in known:
            raise Ec2Error("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    keep = compiled(
        request.get("Filters") or [],
        {
            "service-name": lambda found: [found.name],
            "service-type": lambda found: ["Gateway"],
            "owner": lambda found: ["amazon"],
        },
        tagged=False,
    )
    found = [(name, _Service(name)) for name in wanted if keep(_Service(name))]
    items, token = cut(call, request, "endpoint services", found)
    details = [
        {
            "ServiceName": each.name,
            "ServiceType": [{"ServiceType": "Gateway"}],
            "ServiceRegion": call.region,
            "AvailabilityZones": facts.zones(call.region),
            "Owner": "amazon",
            "BaseEndpointDnsNames": [f"{known[each.name]}.{call.region}.amazonaws.com"],
            "VpcEndpointPolicySupported": True,
            "AcceptanceRequired": False,
            "ManagesVpcEndpoints": False,
            "Tags": [],
        }
        for each in items
    ]
    names = [each.name for each in items]
    return {"ServiceNames": names, "ServiceDetails": details, **({"NextToken": token} if token else {})}
