"""Route tables and which subnets follow them.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Configure route tables".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import targets
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, missing
from ..tokens import made_before, remember
from . import quotas, records
from .defaults import association_id, operation, own
from .kinds import ROUTE_TABLE, SUBNET, VPC, within
from .records import RouteTable, TableAssociation
from .route_states import tables_in
from .routes import show_routes
from .waking import changed

replace = msgspec.structs.replace


def show(call: Call, table: RouteTable) -> dict[str, Any]:
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc,
        "OwnerId": table.account,
        "Associations": [_show_association(table, each) for each in table.associations],
        "PropagatingVgws": [],
        "Routes": show_routes(call, table),
        "Tags": tags.show(table.tags),
    }


def _show_association(table: RouteTable, association: TableAssociation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Main": association.main,
        "RouteTableAssociationId": association.id,
        "RouteTableId": table.id,
        "AssociationState": {"State": "associated"},
    }
    return shown | ({"SubnetId": association.subnet} if association.subnet else {})


def _creating(call: Call, request: Request) -> list[str]:
    return [ROUTE_TABLE.arn(call, "*"), VPC.arn(call, request.get("VpcId") or "*")]


@operation("CreateRouteTable", resource=_creating, context=within)
def create_route_table(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"RouteTable": show(call, ROUTE_TABLE.need(call, there[0])), **token}
    vpc = VPC.need(call, request["VpcId"])
    quotas.room(
        tables_in(call, vpc.id),
        quotas.ROUTE_TABLES,
        "RouteTableLimitExceeded",
        "The maximum number of route tables has been reached.",
    )
    given = tags.given(call, request, ROUTE_TABLE)[ROUTE_TABLE.type]
    id = ROUTE_TABLE.new_id()
    cidrs = tuple(each.cidr for each in vpc.ranges)
    made = ROUTE_TABLE.put(call, id, RouteTable(vpc=vpc.id, ranges=cidrs, **own(call, id, given)))
    remember(call, request, [id])
    changed(call, vpc.id)
    return {"RouteTable": show(call, made), **token}


@operation("DescribeRouteTables")
def describe_route_tables(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, ROUTE_TABLE, ids="RouteTableIds", answer="RouteTables", show=show)


@operation("DeleteRouteTable", resource=targets(ROUTE_TABLE, "RouteTableId"))
def delete_route_table(call: Call, request: Request) -> None:
    table = ROUTE_TABLE.need(call, request["RouteTableId"])
    endpoints = records.endpoints.find(call.tx, records.endpoints_of_vpc, call.account, call.region, table.vpc)
    if table.associations or any(table.id in each.tables and not each.deleted for _, each in endpoints):
        raise Ec2Error("DependencyViolation", f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
    ROUTE_TABLE.delete(call, table.id)
    changed(call, table.vpc)


def _associated(call: Call, request: Request) -> list[str]:
    subnet = request.get("SubnetId")
    table = ROUTE_TABLE.arn(call, request.get("RouteTableId") or "*")
    return [table, *([SUBNET.arn(call, subnet)] if subnet else [])]


@operation("AssociateRouteTable", resource=_associated, partial="with subnets, not with gateways")
def associate_route_table(call: Call, request: Request) -> dict[str, Any]:
    """Gateways' own tables (ingress routing) are refused by name."""
    if "SubnetId" not in request:
        raise (
            missing("SubnetId")
            if "GatewayId" not in request
            else invalid("Route tables of gateways are not there: name a subnet.")
        )
    table, subnet = ROUTE_TABLE.need(call, request["RouteTableId"]), SUBNET.need(call, request["SubnetId"])
    if table.vpc != subnet.vpc:
        raise invalid(f"Route table {table.id} and subnet {subnet.id} belong to different networks")
    key = (call.account, call.region, subnet.id)
    for _, other in list(records.route_tables.find(call.tx, records.table_of_subnet, *key)):
        there = next(each for each in other.associations if each.subnet == subnet.id)
        if other.id == table.id:
            return _state(there.id, "AssociationId")
        raise Ec2Error(
            "Resource.AlreadyAssociated",
            f"the specified association for route table {table.id} conflicts with an existing association",
        )
    made = TableAssociation(association_id("rtbassoc"), subnet.id)
    ROUTE_TABLE.put(call, table.id, replace(table, associations=(*table.associations, made)))
    changed(call, table.vpc)
    return _state(made.id, "AssociationId")


def _state(id: str, member: str) -> dict[str, Any]:
    return {member: id, "AssociationState": {"State": "associated"}}


def _table_of(call: Call, association: str) -> RouteTable | None:
    key = (call.account, call.region, association)
    found = records.route_tables.find(call.tx, records.by_table_association, *key)
    return next((table for _, table in found), None)


def _of_association(call: Call, association: str) -> tuple[RouteTable, TableAssociation]:
    table = _table_of(call, association)
    if table is None:
        raise Ec2Error("InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist")
    return table, next(each for each in table.associations if each.id == association)


def _parties(call: Call, request: Request) -> list[str]:
    """The table that has the association, and the one that gets it."""
    old = _table_of(call, request.get("AssociationId") or "")
    named = [old.id if old is not None else "*", *([request["RouteTableId"]] if "RouteTableId" in request else [])]
    return [ROUTE_TABLE.arn(call, id) for id in named]


@operation("ReplaceRouteTableAssociation", resource=_parties)
def replace_route_table_association(call: Call, request: Request) -> dict[str, Any]:
    """The main table is changed in this way as well."""
    old, association = _of_association(call, request["AssociationId"])
    table = ROUTE_TABLE.need(call, request["RouteTableId"])
    if table.vpc != old.vpc:
        raise invalid(f"Route tables {old.id} and {table.id} belong to different networks")
    if table.id == old.id:
        return _state(association.id, "NewAssociationId")
    made = replace(association, id=association_id("rtbassoc"))
    ROUTE_TABLE.put(call, old.id, _without(old, association))
    ROUTE_TABLE.put(call, table.id, replace(table, associations=(*table.associations, made)))
    changed(call, table.vpc)
    return _state(made.id, "NewAssociationId")


def _without(table: RouteTable, association: TableAssociation) -> RouteTable:
    return replace(table, associations=tuple(each for each in table.associations if each != association))


@operation("DisassociateRouteTable", resource=_parties)
def disassociate_route_table(call: Call, request: Request) -> None:
    table, association = _of_association(call, request["AssociationId"])
    if association.main:
        raise combination(f"cannot disassociate the main route table association {association.id}")
    ROUTE_TABLE.put(call, table.id, _without(table, association))
    changed(call, table.vpc)
