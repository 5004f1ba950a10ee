"""Peerings: two VPCs that reach each other by private addresses, of one account or two, of one region or two.

Source: EC2 API Reference, the operations' pages; VPC Peering Guide, "VPC peering connection lifecycle" (a request
expires after seven days; what has ended is shown for a while to both) and "limitations" (overlapping ranges fail).
"""

from typing import Any

import msgspec

from pileus.control import Outcome, RequeueAt
from pileus.model import regions as facts
from pileus.service import Call
from pileus.store import Transaction, wake

from .. import tags
from ..kinds import Kind, targets
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, missing
from . import quotas, ranges, records
from .compiling import sides
from .defaults import operation, own
from .kinds import VPC
from .records import Peering, Side, Vpc
from .route_states import judged, tables_of
from .waking import network_changed

replace = msgspec.structs.replace
EXPIRES_AFTER_S = 7 * 86_400.0
SHOWN_AFTER_END_S = {"deleted": 2 * 3_600.0, "rejected": 2 * 86_400.0, "expired": 2 * 86_400.0, "failed": 2 * 86_400.0}
OPEN = ("pending-acceptance", "active")
DNS = "AllowDnsResolutionFromRemoteVpc"

PEERING: Kind[Peering] = Kind(
    "pcx",
    "vpc-peering-connection",
    "InvalidVpcPeeringConnectionID",
    "vpcPeeringConnection",
    records.peerings,
    {
        "vpc-peering-connection-id": lambda peering: [peering.id],
        "status-code": lambda peering: [peering.status],
        "status-message": lambda peering: [peering.message],
        "requester-vpc-info.vpc-id": lambda peering: [peering.requester.vpc],
        "requester-vpc-info.owner-id": lambda peering: [peering.requester.account],
        "requester-vpc-info.cidr-block": lambda peering: peering.requester.ranges,
        "accepter-vpc-info.vpc-id": lambda peering: [peering.accepter.vpc],
        "accepter-vpc-info.owner-id": lambda peering: [peering.accepter.account],
        "accepter-vpc-info.cidr-block": lambda peering: peering.accepter.ranges,
    },
    lambda call, peering: {
        "ec2:RequesterVpc": _vpc_arn(call, peering.requester),
        "ec2:AccepterVpc": _vpc_arn(call, peering.accepter),
    },
    malformed="InvalidVpcPeeringConnectionId.Malformed",
)


def _vpc_arn(call: Call, side: Side) -> str:
    return f"arn:{call.partition}:ec2:{side.region}:{side.account}:vpc/{side.vpc}"


def show(call: Call, peering: Peering) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VpcPeeringConnectionId": peering.id,
        "RequesterVpcInfo": _show_side(peering.requester),
        "AccepterVpcInfo": _show_side(peering.accepter),
        "Status": {"Code": peering.status, "Message": peering.message},
        "Tags": tags.show(peering.tags),
    }
    return shown | ({"ExpirationTime": peering.expires} if peering.status == "pending-acceptance" else {})


def _show_side(side: Side) -> dict[str, Any]:
    shown: dict[str, Any] = {"OwnerId": side.account, "VpcId": side.vpc, "Region": side.region}
    if side.ranges:
        shown |= {"CidrBlock": side.ranges[0], "CidrBlockSet": [{"CidrBlock": cidr} for cidr in side.ranges]}
    return shown | {"PeeringOptions": _show_options(side)}


def _show_options(side: Side) -> dict[str, bool]:
    return {
        DNS: side.dns,
        "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
        "AllowEgressFromLocalVpcToRemoteClassicLink": False,
    }


def keep(tx: Transaction, peering: Peering) -> None:
    """For both sides, each with its own tags; routes through it and both networks follow."""
    for side in (peering.requester, peering.accepter):
        key = (side.account, side.region, peering.id)
        there = records.peerings.get(tx, *key)
        own_tags = there.tags if there is not None else peering.tags if side == peering.requester else {}
        mine = replace(peering, account=side.account, region=side.region, tags=own_tags)
        records.peerings.put(tx, *key, record=mine)
    for side in (peering.requester, peering.accepter):
        for table in tables_of(tx, side.account, side.region, side.vpc):
            routes = tuple(
                judged(tx, side.account, side.region, side.vpc, route) if route.target == peering.id else route
                for route in table.routes
            )
            if routes != table.routes:
                changed = replace(table, routes=routes)
                records.route_tables.put(tx, side.account, side.region, table.id, record=changed)
        wake(tx, records.vpcs.name, side.account, side.region, side.vpc)
        network_changed(tx, side.account, side.region, side.vpc)


def _side(vpc: Vpc) -> Side:
    return Side(vpc.account, vpc.region, vpc.id, tuple(each.cidr for each in vpc.ranges))


def _creating(call: Call, request: Request) -> list[str]:
    return [PEERING.arn(call, "*"), VPC.arn(call, request.get("VpcId") or "*")]


def _context(call: Call, request: Request) -> dict[str, Any]:
    account, region = request.get("PeerOwnerId") or call.account, request.get("PeerRegion") or call.region
    vpc, peer = request.get("VpcId") or "", request.get("PeerVpcId") or ""
    return {
        "ec2:RequesterVpc": VPC.arn(call, vpc),
        "ec2:AccepterVpc": f"arn:{call.partition}:ec2:{region}:{account}:vpc/{peer}",
    }


@operation("CreateVpcPeeringConnection", resource=_creating, context=_context)
def create_vpc_peering_connection(call: Call, request: Request) -> dict[str, Any]:
    """A request that cannot be fulfilled is kept, as failed, as AWS does."""
    vpc = VPC.need(call, request["VpcId"])
    peer = request.get("PeerVpcId")
    if not peer:
        raise missing("peerVpcId")
    account, region = request.get("PeerOwnerId") or call.account, request.get("PeerRegion") or call.region
    if region not in facts.regions():
        raise invalid(f"Value ({region}) for parameter peerRegion is invalid.")
    if peer == vpc.id:
        raise invalid("A VPC cannot be its own peer.")
    there = records.vpcs.get(call.tx, account, region, peer)
    requester = _side(vpc)
    accepter = _side(there) if there is not None else Side(account, region, peer, ())
    _room(call, vpc.id)
    id = PEERING.new_id()
    given = tags.given(call, request, PEERING)[PEERING.type]
    made = Peering(
        requester=requester,
        accepter=accepter,
        status="pending-acceptance",
        message=f"Pending Acceptance by {account}",
        expires=call.now + EXPIRES_AFTER_S,
        **own(call, id, given),
    )
    if there is None:
        made = _failed(call, made, "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range")
        PEERING.put(call, id, made)
    else:
        if any(ranges.overlapping(cidr, accepter.ranges) for cidr in requester.ranges):
            made = _failed(call, made, "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range")
        elif _twin(call, vpc.id, accepter):
            raise Ec2Error("VpcPeeringConnectionAlreadyExists", "A VPC peering connection between these VPCs exists.")
        keep(call.tx, made)
    return {"VpcPeeringConnection": show(call, made)}


def _failed(call: Call, peering: Peering, why: str) -> Peering:
    return replace(peering, status="failed", message=why, ended=call.now)


def _of(call: Call, vpc: str) -> list[Peering]:
    found = records.peerings.find(call.tx, records.peerings_of_vpc, call.account, call.region, vpc)
    return [peering for _, peering in found]


def _twin(call: Call, vpc: str, other: Side) -> bool:
    return any(peering.status in OPEN and sides(peering, vpc)[1].vpc == other.vpc for peering in _of(call, vpc))


def _room(call: Call, vpc: str) -> None:
    quotas.room(
        (peering for peering in _of(call, vpc) if peering.status in OPEN),
        quotas.PEERINGS,
        "VpcPeeringConnectionLimitExceeded",
        "The maximum number of VPC peering connections has been reached.",
    )


def _need(call: Call, request: Request, *states: str) -> Peering:
    """Raises InvalidStateTransition when it is in none of the states."""
    peering = PEERING.need(call, request["VpcPeeringConnectionId"])
    if peering.status not in states:
        raise Ec2Error(
            "InvalidStateTransition",
            f"Invalid state transition for {peering.id}, attempted to transition from {peering.status}",
        )
    return peering


def _accepting(call: Call, request: Request) -> list[str]:
    peering = PEERING.get(call, request.get("VpcPeeringConnectionId") or "")
    if peering is None:
        return [PEERING.arn(call, "*")]
    return [PEERING.arn(call, peering.id), VPC.arn(call, peering.accepter.vpc)]


@operation("AcceptVpcPeeringConnection", resource=_accepting)
def accept_vpc_peering_connection(call: Call, request: Request) -> dict[str, Any]:
    peering = _need(call, request, "pending-acceptance", "active")
    if peering.status == "active":
        return {"VpcPeeringConnection": show(call, peering)}
    if (peering.accepter.account, peering.accepter.region) != call.scope:
        raise Ec2Error("OperationNotPermitted", f"User {call.account} cannot accept peering {peering.id}")
    if VPC.get(call, peering.accepter.vpc) is None:
        raise VPC.unknown([peering.accepter.vpc])
    _room(call, peering.accepter.vpc)
    keep(call.tx, replace(peering, status="active", message="Active"))
    return {"VpcPeeringConnection": show(call, PEERING.need(call, peering.id))}


@operation("RejectVpcPeeringConnection", resource=targets(PEERING, "VpcPeeringConnectionId"))
def reject_vpc_peering_connection(call: Call, request: Request) -> dict[str, Any]:
    peering = _need(call, request, "pending-acceptance")
    if (peering.accepter.account, peering.accepter.region) != call.scope:
        raise Ec2Error("OperationNotPermitted", f"User {call.account} cannot reject peering {peering.id}")
    _end(call, peering, "rejected", f"Rejected by {call.account}")
    return {"Return": True}


@operation("DeleteVpcPeeringConnection", resource=targets(PEERING, "VpcPeeringConnectionId"))
def delete_vpc_peering_connection(call: Call, request: Request) -> dict[str, Any]:
    peering = _need(call, request, *OPEN, "failed", "expired", "rejected", "deleted")
    if peering.status == "deleted":
        return {"Return": True}
    if peering.status not in OPEN:
        raise Ec2Error(
            "InvalidStateTransition",
            f"Invalid state transition for {peering.id}, attempted to transition from {peering.status} to deleting",
        )
    _end(call, peering, "deleted", f"Deleted by {call.account}")
    return {"Return": True}


def _end(call: Call, peering: Peering, status: str, message: str) -> None:
    wake_both(call.tx, peering)
    keep(call.tx, replace(peering, status=status, message=message, ended=call.now))


def wake_both(tx: Transaction, peering: Peering) -> None:
    for side in (peering.requester, peering.accepter):
        network_changed(tx, side.account, side.region, side.vpc)


@operation("DescribeVpcPeeringConnections")
def describe_vpc_peering_connections(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, PEERING, ids="VpcPeeringConnectionIds", answer="VpcPeeringConnections", show=show)


@operation("ModifyVpcPeeringConnectionOptions", resource=targets(PEERING, "VpcPeeringConnectionId"))
def modify_vpc_peering_connection_options(call: Call, request: Request) -> dict[str, Any]:
    """Each side changes its own, once the peering is active."""
    peering = _need(call, request, *OPEN)
    if peering.status != "active":
        raise Ec2Error("OperationNotPermitted", f"Peering {peering.id} is not active")
    told: dict[str, Side] = {}
    for member, name in (
        ("RequesterPeeringConnectionOptions", "requester"),
        ("AccepterPeeringConnectionOptions", "accepter"),
    ):
        if member not in request:
            continue
        side: Side = getattr(peering, name)
        if (side.account, side.region) != call.scope:
            raise Ec2Error("OperationNotPermitted", f"User {call.account} cannot modify the options of the {name}.")
        told[name] = replace(side, dns=request[member].get(DNS, side.dns))
    if not told:
        raise combination("Options of the requester or of the accepter must be given.")
    changed = replace(peering, **told)
    keep(call.tx, changed)
    answer = {"requester": "RequesterPeeringConnectionOptions", "accepter": "AccepterPeeringConnectionOptions"}
    return {answer[name]: {DNS: side.dns} for name, side in told.items()}


class KeepPeerings:
    """Requests expire; what has ended is forgotten after a while."""

    watches = "ec2.peerings"

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        outcome: Outcome = await world.store.transact(lambda tx: _aged(tx, world.clock.now(), key))
        return outcome


def _aged(tx: Transaction, now: float, key: tuple[Any, ...]) -> Outcome:
    peering = records.peerings.get(tx, *key)
    if peering is None or peering.status == "active":
        return None
    if peering.status == "pending-acceptance":
        if now < peering.expires:
            return RequeueAt(peering.expires)
        keep(tx, replace(peering, status="expired", message="Expired", ended=now))
        return None
    due = peering.ended + SHOWN_AFTER_END_S[peering.status]
    if now < due:
        return RequeueAt(due)
    records.peerings.delete(tx, *key)
    return None
