"""Reads that have one true answer in this cloud: what AWS once let accounts choose, and what does not exist here.

Source: EC2 API Reference, "DescribeIdFormat" and its kin (all ids are long), "GetSerialConsoleAccessStatus",
"DescribeVpcBlockPublicAccessOptions", "DescribeVpcClassicLink", "DescribeVpcClassicLinkDnsSupport" (EC2-Classic is no
more), "DescribeSnapshotTierStatus", "EnableVolumeIO", "ModifyVpcTenancy". The contrary is refused, so that the answer
stays true.
"""

from typing import Any

from pileus.service import Call

from .filters import chosen, compiled
from .kinds import targets
from .listing import page_size, select
from .service import Request, invalid, operation
from .tags import shown as shown_tags
from .volumes.records import snapshot_kind, volume_kind
from .vpc.defaults import settle
from .vpc.kinds import VPC

LONG = (
    "bundle",
    "conversion-task",
    "customer-gateway",
    "dhcp-options",
    "elastic-ip-allocation",
    "elastic-ip-association",
    "export-task",
    "flow-log",
    "image",
    "import-task",
    "instance",
    "internet-gateway",
    "network-acl",
    "network-acl-association",
    "network-interface",
    "network-interface-attachment",
    "prefix-list",
    "reservation",
    "route-table",
    "route-table-association",
    "security-group",
    "snapshot",
    "subnet",
    "subnet-cidr-block-association",
    "volume",
    "vpc",
    "vpc-cidr-block-association",
    "vpc-endpoint",
    "vpc-peering-connection",
    "vpn-connection",
    "vpn-gateway",
)
"""The types of resources whose ids could once be short ones."""


def _formats(wanted: list[str]) -> list[dict[str, Any]]:
    for name in wanted:
        if name not in LONG:
            raise invalid(f"Value ({name}) for parameter resource is invalid.")
    return [{"Resource": name, "UseLongIds": True} for name in wanted or LONG]


@operation("DescribeIdFormat")
def describe_id_format(call: Call, request: Request) -> dict[str, Any]:
    asked = request.get("Resource")
    return {"Statuses": _formats([asked] if asked else [])}


@operation("DescribeIdentityIdFormat")
def describe_identity_id_format(call: Call, request: Request) -> dict[str, Any]:
    """The same for everybody, whoever it is."""
    asked, arn = request.get("Resource"), request["PrincipalArn"]
    if not arn.startswith("arn:") and arn != "all":
        raise invalid(f"Value ({arn}) for parameter principalArn is invalid.")
    return {"Statuses": _formats([asked] if asked else [])}


@operation("DescribeAggregateIdFormat")
def describe_aggregate_id_format(call: Call, request: Request) -> dict[str, Any]:
    return {"UseLongIdsAggregated": True, "Statuses": _formats([])}


@operation("DescribePrincipalIdFormat")
def describe_principal_id_format(call: Call, request: Request) -> dict[str, Any]:
    """Principals that chose for themselves: nobody did."""
    _formats(request.get("Resources") or [])
    page_size(request, least=1)
    request.get("NextToken")
    return {"Principals": []}


@operation("GetSerialConsoleAccessStatus")
def get_serial_console_access_status(call: Call, request: Request) -> dict[str, Any]:
    return {"SerialConsoleAccessEnabled": False, "ManagedBy": "account"}


@operation("DisableSerialConsoleAccess")
def disable_serial_console_access(call: Call, request: Request) -> dict[str, Any]:
    """It is never on."""
    return {"SerialConsoleAccessEnabled": False}


@operation("DescribeVpcBlockPublicAccessOptions")
def describe_vpc_block_public_access_options(call: Call, request: Request) -> dict[str, Any]:
    return {
        "VpcBlockPublicAccessOptions": {
            "AwsAccountId": call.account,
            "AwsRegion": call.region,
            "State": "default-state",
            "InternetGatewayBlockMode": "off",
            "ManagedBy": "account",
            "ExclusionsAllowed": "allowed",
        }
    }


@operation("DescribeVpcClassicLink")
def describe_vpc_classic_link(call: Call, request: Request) -> dict[str, Any]:
    settle(call)
    filters = [one for one in request.get("Filters") or [] if one.get("Name") != "is-classic-link-enabled"]
    linked = [value for one in request.get("Filters") or [] if one not in filters for value in one.get("Values") or []]
    keep = chosen(VPC, {"Filters": filters})
    wanted = request.get("VpcIds")
    known = VPC.need_all(call, wanted) if wanted else list(VPC.all(call))
    shown = [{"VpcId": vpc.id, "ClassicLinkEnabled": False, **shown_tags(vpc.tags)} for vpc in known if keep(vpc)]
    return {"Vpcs": [] if linked and "false" not in linked else shown}


@operation("DescribeVpcClassicLinkDnsSupport")
def describe_vpc_classic_link_dns_support(call: Call, request: Request) -> dict[str, Any]:
    settle(call)
    found, token = select(call, request, VPC, ids="VpcIds")
    shown = [{"VpcId": vpc.id, "ClassicLinkDnsSupported": False} for vpc in found]
    return {"Vpcs": shown, **({"NextToken": token} if token else {})}


@operation("DescribeSnapshotTierStatus")
def describe_snapshot_tier_status(call: Call, request: Request) -> dict[str, Any]:
    """None was ever archived (ModifySnapshotTier is refused)."""
    known = {name: snapshot_kind.filters[name] for name in ("snapshot-id", "volume-id")}
    keep = compiled(request.get("Filters") or [], {**known, "last-tiering-operation": lambda snapshot: []})
    found, token = select(call, request, snapshot_kind, ids="SnapshotIds", keep=keep)
    shown = [
        {
            "SnapshotId": snapshot.id,
            "VolumeId": snapshot.volume,
            "Status": snapshot.state,
            "OwnerId": snapshot.account,
            "StorageTier": "standard",
            **shown_tags(snapshot.tags),
        }
        for snapshot in found
    ]
    return {"SnapshotTierStatuses": shown, **({"NextToken": token} if token else {})}


@operation("EnableVolumeIO", resource=targets(volume_kind, "VolumeId"))
def enable_volume_io(call: Call, request: Request) -> None:
    """Nothing ever disables it."""
    volume_kind.need(call, request["VolumeId"])


@operation("ModifyVpcTenancy", resource=targets(VPC, "VpcId"))
def modify_vpc_tenancy(call: Call, request: Request) -> dict[str, Any]:
    """To `default`, which it is: dedicated tenancy is refused where VPCs are made."""
    settle(call)
    VPC.need(call, request["VpcId"])
    request.get("InstanceTenancy")  # the model knows no other value
    return {"ReturnValue": True}
