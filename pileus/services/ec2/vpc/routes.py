"""Routes: where packets to a range go.

Source: EC2 API Reference, "CreateRoute", "ReplaceRoute", "DeleteRoute", "Route"; Amazon VPC User Guide, "Route table
concepts".
"""

from ipaddress import IPv4Network
from typing import Any

import msgspec

from pileus.service import Call

from ..kinds import KINDS, kind_of, targets
from ..service import Ec2Error, Request, combination, invalid, missing
from . import quotas, ranges, records
from .defaults import managed_prefix_list, operation
from .joining import interfaces_of
from .kinds import GATEWAY, INTERFACE, ROUTE_TABLE
from .records import RouteRecord, RouteTable
from .route_states import judged
from .waking import changed

replace = msgspec.structs.replace
TARGETS = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId")
_SHOWN = {
    "internet": "GatewayId",
    "nat": "NatGatewayId",
    "peer": "VpcPeeringConnectionId",
    "interface": "NetworkInterfaceId",
}


def show_routes(call: Call, table: RouteTable) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [
        {"DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        for cidr in table.ranges
    ]
    shown += [_show(call, route) for route in table.routes]
    for _, endpoint in records.endpoints.find(call.tx, records.endpoints_of_vpc, call.account, call.region, table.vpc):
        if table.id in endpoint.tables and not endpoint.deleted:
            shown.append(
                {
                    "DestinationPrefixListId": managed_prefix_list(call.region, endpoint.kind),
                    "GatewayId": endpoint.id,
                    "Origin": "CreateRoute",
                    "State": "active",
                }
            )
    return shown


def _show(call: Call, route: RouteRecord) -> dict[str, Any]:
    member = "DestinationCidrBlock" if "/" in route.destination else "DestinationPrefixListId"
    shown: dict[str, Any] = {member: route.destination, _SHOWN[route.kind]: route.target, "Origin": "CreateRoute"}
    if route.instance:
        shown |= {"InstanceId": route.instance, "InstanceOwnerId": call.account}
    return shown | {"State": "blackhole" if route.blackhole else "active"}


def _destination(call: Call, request: Request) -> str:
    """A range, or the id of a prefix list."""
    given = [name for name in ("DestinationCidrBlock", "DestinationPrefixListId") if name in request]
    if len(given) > 1:
        raise combination("The parameters destinationCidrBlock and destinationPrefixListId cannot be used together")
    if not given and "DestinationIpv6CidrBlock" in request:
        raise invalid("IPv6 is not there: leave DestinationIpv6CidrBlock out.")
    if not given:
        raise missing("destinationCidrBlock")
    if given[0] == "DestinationPrefixListId":
        return str(KINDS["pl"].need(call, request["DestinationPrefixListId"]).id)
    return str(ranges.parsed(request["DestinationCidrBlock"], "destinationCidrBlock"))


def _named(route: str) -> str:
    return f"destination-cidr-block {route}" if "/" in route else f"destination-prefix-list-id {route}"


def _target(call: Call, request: Request, table: RouteTable, destination: str) -> RouteRecord:
    given = [name for name in TARGETS if name in request]
    if len(given) != 1:
        raise combination("Exactly one target must be given for a route.") if given else missing("GatewayId")
    id = request[given[0]]
    # "The AWS API is very forgiving": a NAT gateway may come as GatewayId (Terraform Registry, "aws_route_table").
    if given[0] == "GatewayId" and id.startswith("nat-"):
        if KINDS["nat"].get(call, id) is None:
            raise _no_gateway(id)
        given = ["NatGatewayId"]
    if given[0] == "InstanceId":
        return _of_instance(call, table, destination, id)
    if given[0] == "NetworkInterfaceId":
        interface = INTERFACE.need(call, id)
        _same(table, interface.vpc, id)
        return RouteRecord(destination, "interface", id)
    if given[0] == "GatewayId":
        if not id.startswith("igw-"):
            raise _no_gateway(id)
        gateway = GATEWAY.get(call, id)
        if gateway is None:
            raise _no_gateway(id)
        if gateway.vpc != table.vpc:
            raise invalid(f"route table {table.id} and network gateway {id} belong to different networks")
        return RouteRecord(destination, "internet", id)
    found: Any = KINDS["nat" if given[0] == "NatGatewayId" else "pcx"].need(call, id)
    if given[0] == "NatGatewayId":
        _same(table, found.vpc, id)
        return RouteRecord(destination, "nat", id)
    if table.vpc not in (found.requester.vpc, found.accepter.vpc):
        raise invalid(f"route table {table.id} and peering {id} belong to different networks")
    if found.status != "active":
        raise Ec2Error("InvalidStateTransition", f"The peering {id} is not active.")
    return RouteRecord(destination, "peer", id)


def _no_gateway(id: str) -> Ec2Error:
    kind = kind_of(id)
    if kind is not None and kind.prefix == "vpce":
        return invalid(f"Routes to the endpoint {id} come and go by ModifyVpcEndpoint.")
    return Ec2Error("InvalidGatewayID.NotFound", f"The gateway ID '{id}' does not exist")


def _same(table: RouteTable, vpc: str, id: str) -> None:
    if vpc != table.vpc:
        raise invalid(f"route table {table.id} and {id} belong to different networks")


def _of_instance(call: Call, table: RouteTable, destination: str, instance: str) -> RouteRecord:
    """Its one interface is meant."""
    found = interfaces_of(call.tx, call.account, call.region, instance)
    if not found:
        raise (
            KINDS["i"].unknown([instance])
            if "i" in KINDS
            else Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{instance}' does not exist")
        )
    if len(found) > 1:
        raise Ec2Error(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{instance}'. "
            "Please specify an interface ID for the operation instead.",
        )
    _same(table, found[0].vpc, instance)
    return RouteRecord(destination, "interface", found[0].id)


def _checked(table: RouteTable, destination: str) -> None:
    """Ranges of the VPC itself are local; routes inside them lead to middleboxes, which are not there."""
    if "/" not in destination:
        return
    network = IPv4Network(destination)
    if str(network) in table.ranges:
        raise Ec2Error("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    if ranges.within(network, table.ranges):
        raise invalid(
            f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's "
            "CIDR blocks. "
            "Such routes lead to middleboxes, which Pileus does not have yet."
        )


@operation(
    "CreateRoute",
    resource=targets(ROUTE_TABLE, "RouteTableId"),
    partial="to internet and NAT gateways, interfaces, machines and peerings; none inside the VPC's ranges",
)
def create_route(call: Call, request: Request) -> dict[str, Any]:
    table, destination = ROUTE_TABLE.need(call, request["RouteTableId"]), _destination(call, request)
    _checked(table, destination)
    route = judged(call.tx, call.account, call.region, table.vpc, _target(call, request, table, destination))
    for there in table.routes:
        if there.destination == destination:
            if (there.kind, there.target) == (route.kind, route.target):
                return {"Return": True}
            raise Ec2Error("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    quotas.room(
        table.routes,
        quotas.ROUTES,
        "RouteLimitExceeded",
        f"The maximum number of routes has been reached for {table.id}.",
    )
    _write(call, table, (*table.routes, route))
    return {"Return": True}


def _write(call: Call, table: RouteTable, routes: tuple[RouteRecord, ...]) -> None:
    ROUTE_TABLE.put(call, table.id, replace(table, routes=routes))
    changed(call, table.vpc)


def _no_route(table: RouteTable, destination: str) -> Ec2Error:
    return Ec2Error("InvalidRoute.NotFound", f"no route with {_named(destination)} in route table {table.id}")


@operation("ReplaceRoute", resource=targets(ROUTE_TABLE, "RouteTableId"))
def replace_route(call: Call, request: Request) -> None:
    table, destination = ROUTE_TABLE.need(call, request["RouteTableId"]), _destination(call, request)
    if not any(each.destination == destination for each in table.routes):
        raise Ec2Error(
            "InvalidParameterValue",
            f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead.",
        )
    route = judged(call.tx, call.account, call.region, table.vpc, _target(call, request, table, destination))
    _write(call, table, tuple(route if each.destination == destination else each for each in table.routes))


@operation("DeleteRoute", resource=targets(ROUTE_TABLE, "RouteTableId"))
def delete_route(call: Call, request: Request) -> None:
    table, destination = ROUTE_TABLE.need(call, request["RouteTableId"]), _destination(call, request)
    if destination in table.ranges:
        raise invalid(f"cannot remove local route {destination} in route table {table.id}")
    left = tuple(each for each in table.routes if each.destination != destination)
    if len(left) == len(table.routes):
        raise _no_route(table, destination)
    _write(call, table, left)
