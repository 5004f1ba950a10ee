"""NAT gateways: private subnets' way out.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "NAT gateways" (a deleted one is shown for
about an hour), "Troubleshoot NAT gateways" (one that cannot be is made and fails, and goes after about an hour).
"""

import dataclasses
from typing import Any

import msgspec

from pileus.control import Outcome, RequeueAt
from pileus.service import Actor, Call, service_caller
from pileus.store import Transaction

from .. import tags
from ..filters import compiled
from ..kinds import Kind, targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid, missing
from ..tokens import made_before, remember
from . import addresses, quotas, records
from .defaults import operation, own
from .joining import create_interface, delete_interface
from .kinds import ADDRESS, INTERFACE, SUBNET, within
from .realizing import able, lacking, realize
from .records import NatGateway, Subnet
from .route_states import refresh
from .waking import changed

replace = msgspec.structs.replace
SHOWN_AFTER_DELETION_S = 3_600.0
ALIVE = ("pending", "available")


class NatKind(Kind[NatGateway]):
    """Its errors have a form of their own."""

    def unknown(self, lost: list[str]) -> Ec2Error:
        error = super().unknown(lost)
        if error.code == self.not_found:
            error.message = f"NatGateway {', '.join(lost)} was not found"
        return error


NAT = NatKind(
    "nat",
    "natgateway",
    "InvalidNatGatewayID",
    "NatGateway",
    records.nat_gateways,
    {
        "nat-gateway-id": lambda nat: [nat.id],
        "state": lambda nat: [nat.state],
        "subnet-id": lambda nat: [nat.subnet],
        "vpc-id": lambda nat: [nat.vpc],
    },
    not_found="NatGatewayNotFound",
    malformed="NatGatewayMalformed",
)


def show(call: Call, nat: NatGateway) -> dict[str, Any]:
    address: dict[str, Any] = {"IsPrimary": True, "Status": "succeeded" if nat.interface else "failed"}
    if nat.interface:
        address |= {"NetworkInterfaceId": nat.interface, "PrivateIp": nat.private}
    elif nat.allocation:
        address["AllocationId"] = nat.allocation
    if nat.public and nat.interface:
        address |= {"AllocationId": nat.allocation, "PublicIp": nat.address}
    if nat.public and nat.association:
        address["AssociationId"] = nat.association
    shown: dict[str, Any] = {
        "NatGatewayId": nat.id,
        "VpcId": nat.vpc,
        "SubnetId": nat.subnet,
        "State": nat.state,
        "ConnectivityType": "public" if nat.public else "private",
        "AvailabilityMode": "zonal",
        "CreateTime": nat.created,
        "NatGatewayAddresses": [address],
        "Tags": tags.show(nat.tags),
    }
    if nat.failure:
        shown |= {"FailureCode": nat.failure_code or "InternalError", "FailureMessage": nat.failure}
    return shown | ({"DeleteTime": nat.deleted} if nat.deleted else {})


def _creating(call: Call, request: Request) -> list[str]:
    allocation = request.get("AllocationId")
    named = [ADDRESS.arn(call, allocation)] if allocation else []
    return [NAT.arn(call, "*"), SUBNET.arn(call, request.get("SubnetId") or "*"), *named]


@operation("CreateNatGateway", resource=_creating, context=within, partial="zonal, with one address")
def create_nat_gateway(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"NatGateway": show(call, NAT.need(call, there[0])), **token}
    if request.get("AvailabilityMode") not in (None, "zonal"):
        raise invalid("Regional NAT gateways are not there: AvailabilityMode is zonal.")
    if "SubnetId" not in request:
        raise missing("SubnetId")
    subnet, public = SUBNET.need(call, request["SubnetId"]), request.get("ConnectivityType") != "private"
    allocation = request.get("AllocationId")
    if public and not allocation:
        raise missing("AllocationId")
    if not public and allocation:
        raise invalid("AllocationId cannot be given for a private NAT gateway.")
    zone = [nat for nat in NAT.all(call) if nat.state in ALIVE and _zone(call, nat) == subnet.zone]
    quotas.room(
        zone,
        quotas.NAT_GATEWAYS_OF_ZONE,
        "NatGatewayLimitExceeded",
        f"Performing this operation would exceed the limit of {quotas.NAT_GATEWAYS_OF_ZONE} NAT gateways",
    )
    id, given = NAT.new_id(), tags.given(call, request, NAT)[NAT.type]
    made = _hindered(call, id, subnet, allocation, given) if allocation else None
    made = made or _make(call, id, subnet, request.get("PrivateIpAddress"), allocation, given)
    NAT.put(call, id, made)
    remember(call, request, [id])
    changed(call, subnet.vpc)
    return {"NatGateway": show(call, made) | {"State": "pending"}, **token}


def _make(
    call: Call, id: str, subnet: Subnet, private: str | None, allocation: str | None, given: dict[str, str]
) -> NatGateway:
    interface = create_interface(
        call,
        subnet,
        groups=[],
        private=private,
        description=f"Interface for NAT Gateway {id}",
        source_check=False,
        requester="amazon-nat",
        type="nat_gateway",
    )
    made = NatGateway(
        vpc=subnet.vpc,
        subnet=subnet.id,
        public=bool(allocation),
        state="pending",
        interface=interface.id,
        private=interface.primary.address,
        **own(call, id, given),
    )
    return _with_address(call, made, allocation) if allocation else made


def _hindered(call: Call, id: str, subnet: Subnet, allocation: str, given: dict[str, str]) -> NatGateway | None:
    """A gateway that has failed, if there can be none (EC2 API Reference, "NatGateway": the codes and their texts)."""
    key = (call.account, call.region, subnet.vpc)
    if not list(records.internet_gateways.find(call.tx, records.gateway_of_vpc, *key, limit=1)):
        code, why = "Gateway.NotAttached", f"Network {subnet.vpc} has no Internet gateway attached"
    elif ADDRESS.need(call, allocation).association:
        code, why = "Resource.AlreadyAssociated", f"Elastic IP address {allocation} is already associated"
    else:
        return None
    return NatGateway(
        vpc=subnet.vpc,
        subnet=subnet.id,
        public=True,
        state="failed",
        interface="",
        private="",
        allocation=ADDRESS.need(call, allocation).id,
        failure=why,
        failure_code=code,
        **own(call, id, given),
    )


def _zone(call: Call, nat: NatGateway) -> str:
    subnet = SUBNET.get(call, nat.subnet)
    return subnet.zone if subnet is not None else ""


def _with_address(call: Call, nat: NatGateway, allocation: str) -> NatGateway:
    address = ADDRESS.need(call, allocation)
    interface = INTERFACE.need(call, nat.interface)
    association = addresses.associate(call, allocation, interface, nat.private, service=nat.id)
    return replace(nat, address=address.public, allocation=allocation, association=association)


@operation("DescribeNatGateways")
def describe_nat_gateways(call: Call, request: Request) -> dict[str, Any]:
    """The member with the filters has a name of its own."""
    keep = compiled(request.get("Filter") or [], NAT.filters)
    return describe(call, request, NAT, ids="NatGatewayIds", answer="NatGateways", show=show, extra=keep)


@operation("DeleteNatGateway", resource=targets(NAT, "NatGatewayId"))
def delete_nat_gateway(call: Call, request: Request) -> dict[str, Any]:
    nat = NAT.need(call, request["NatGatewayId"])
    if nat.state in (*ALIVE, "failed"):
        NAT.put(call, nat.id, replace(nat, state="deleting", deleted=call.now))
        refresh(call, nat.vpc, nat.id)
        changed(call, nat.vpc)
    return {"NatGatewayId": nat.id}


class KeepNatGateways:
    """pending -> available once the network has it (failed, where there can be none); deleting -> deleted once it does
    not; then forgotten. One that failed is forgotten too."""

    watches = "ec2.nat_gateways"
    outside = True

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        nat = await world.store.transact(lambda tx: records.nat_gateways.get(tx, *key))
        if nat is None:
            return None
        if nat.state in ("deleted", "failed"):
            due = (nat.deleted or nat.created) + SHOWN_AFTER_DELETION_S
            if world.clock.now() < due:
                return RequeueAt(due)
            await world.store.transact(lambda tx: records.nat_gateways.delete(tx, *key))
            return None
        if nat.state in ("pending", "deleting"):
            await realize(world, nat.account, nat.region, nat.vpc)
            failure = "" if await able(world) else await lacking(world)
            await world.store.transact(lambda tx: _arrive(world, tx, key, failure))
        return None


def _arrive(world: Any, tx: Transaction, key: tuple[Any, ...], failure: str) -> None:
    """The network is as the record said: the state says so. A deleted gateway's interface goes, its address is free.
    `failure`: why this host has no networks."""
    nat = records.nat_gateways.get(tx, *key)
    if nat is None:
        return
    if nat.state == "pending":
        state = "failed" if failure else "available"
        records.nat_gateways.put(tx, *key, record=replace(nat, state=state, failure=failure))
    elif nat.state == "deleting":
        call = acting(world, tx, nat)
        if INTERFACE.get(call, nat.interface) is not None:
            delete_interface(call, nat.interface)
        records.nat_gateways.put(tx, *key, record=replace(nat, state="deleted", association=""))


def acting(world: Any, tx: Transaction, nat: NatGateway) -> Call:
    """As EC2 itself; what it does belongs to the gateway's account."""
    caller = dataclasses.replace(service_caller("ec2.amazonaws.com"), account=nat.account)
    return Actor(world, caller, nat.region).call(tx, "ec2", "DeleteNetworkInterface")
