"""Routes whose target is gone, or of no use, are black holes; they are not when it is back.

Source: Amazon VPC User Guide, "Route table concepts" and EC2 API Reference, "Route" (State).
"""

import msgspec

from pileus.service import Call

from . import records
from .records import RouteRecord, RouteTable


def refresh(call: Call, vpc: str, target: str) -> None:
    """Looks at every route of the VPC that leads to `target`."""
    for table in tables_in(call, vpc):
        if any(route.target == target for route in table.routes):
            routes = tuple(judged(call, vpc, route) if route.target == target else route for route in table.routes)
            if routes != table.routes:
                changed = msgspec.structs.replace(table, routes=routes)
                records.route_tables.put(call.tx, call.account, call.region, table.id, record=changed)


def tables_in(call: Call, vpc: str) -> list[RouteTable]:
    found = records.route_tables.find(call.tx, records.tables_of_vpc, call.account, call.region, vpc)
    return [table for _, table in found]


def judged(call: Call, vpc: str, route: RouteRecord) -> RouteRecord:
    """The route, with what its state is now."""
    return msgspec.structs.replace(route, blackhole=not _of_use(call, vpc, route), instance=_instance(call, route))


def _instance(call: Call, route: RouteRecord) -> str:
    interface = records.interfaces.get(call.tx, call.account, call.region, route.target)
    return interface.attachment.instance if interface is not None and interface.attachment is not None else ""


def _of_use(call: Call, vpc: str, route: RouteRecord) -> bool:
    key = (call.account, call.region, route.target)
    if route.kind == "internet":
        gateway = records.internet_gateways.get(call.tx, *key)
        return gateway is not None and gateway.vpc == vpc
    if route.kind == "interface":
        interface = records.interfaces.get(call.tx, *key)
        return interface is not None and (interface.attachment is not None or bool(interface.requester))
    if route.kind == "nat":
        nat = records.nat_gateways.get(call.tx, *key)
        return nat is not None and nat.state in ("pending", "available")
    if route.kind == "peer":
        peering = records.peerings.get(call.tx, *key)
        return peering is not None and peering.status == "active"
    endpoint = records.endpoints.get(call.tx, *key)
    return endpoint is not None and not endpoint.deleted
