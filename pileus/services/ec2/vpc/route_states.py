"""Routes whose target is gone, or of no use, are black holes; they are not when it is back.

Source: Amazon VPC User Guide, "Route table concepts" and EC2 API Reference, "Route" (State).
"""

import msgspec

from pileus.service import Call
from pileus.store import Transaction

from . import records
from .records import RouteRecord, RouteTable


def refresh(call: Call, vpc: str, target: str) -> None:
    """Looks at every route of the VPC that leads to `target`."""
    for table in tables_in(call, vpc):
        if any(route.target == target for route in table.routes):
            routes = tuple(
                judged(call.tx, call.account, call.region, vpc, route) if route.target == target else route
                for route in table.routes
            )
            if routes != table.routes:
                changed = msgspec.structs.replace(table, routes=routes)
                records.route_tables.put(call.tx, call.account, call.region, table.id, record=changed)


def tables_in(call: Call, vpc: str) -> list[RouteTable]:
    """The caller's VPC's."""
    return tables_of(call.tx, call.account, call.region, vpc)


def tables_of(tx: Transaction, account: str, region: str, vpc: str) -> list[RouteTable]:
    found = records.route_tables.find(tx, records.tables_of_vpc, account, region, vpc)
    return [table for _, table in found]


def judged(tx: Transaction, account: str, region: str, vpc: str, route: RouteRecord) -> RouteRecord:
    """The route, with what its state is now."""
    key = (account, region, route.target)
    interface = records.interfaces.get(tx, *key) if route.kind == "interface" else None
    attachment = interface.attachment if interface is not None else None
    instance = attachment.instance if attachment is not None else ""
    return msgspec.structs.replace(route, blackhole=not _of_use(tx, key, vpc, route.kind), instance=instance)


def _of_use(tx: Transaction, key: tuple[str, str, str], vpc: str, kind: str) -> bool:
    if kind == "internet":
        gateway = records.internet_gateways.get(tx, *key)
        return gateway is not None and gateway.vpc == vpc
    if kind == "interface":
        interface = records.interfaces.get(tx, *key)
        return interface is not None and (interface.attachment is not None or bool(interface.requester))
    if kind == "nat":
        nat = records.nat_gateways.get(tx, *key)
        return nat is not None and nat.state in ("pending", "available")
    peering = records.peerings.get(tx, *key)
    return kind == "peer" and peering is not None and peering.status == "active"
