"""Who must look at what after a change: the network of a VPC is told whole, so all that matters is which VPC."""

from pileus.service import Call
from pileus.store import Transaction, wake

from . import records
from .records import SecurityGroup, vpcs


def changed(call: Call, vpc: str) -> None:
    """Something was written that the compiled network of this VPC of the caller's shows."""
    network_changed(call.tx, call.account, call.region, vpc)


def group_changed(call: Call, group: SecurityGroup) -> None:
    """The rules of a group: of every VPC that it is used in."""
    for vpc in (group.vpc, *group.vpcs):
        changed(call, vpc)


def network_changed(tx: Transaction, account: str, region: str, vpc: str) -> None:
    """The network of the VPC, and those of its peers: they name its groups and ranges."""
    wake(tx, vpcs.name, account, region, vpc)
    for _, peering in records.peerings.find(tx, records.peerings_of_vpc, account, region, vpc):
        if peering.status == "active":
            for side in (peering.requester, peering.accepter):
                if side.vpc != vpc:
                    wake(tx, vpcs.name, side.account, side.region, side.vpc)


def instance_changed(call: Call, instance: str) -> None:
    """An interface of the machine, or an address of one."""
    if instance:
        call.wake("ec2.instances", call.account, call.region, instance)
