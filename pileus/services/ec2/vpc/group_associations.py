"""Using a security group in further VPCs of its account: the same rules, wherever its interfaces are.

An association is in effect at once. In each VPC a rule that refers to a group means the group's interfaces there, and
those of peers. Source: EC2 API Reference, "AssociateSecurityGroupVpc", "DisassociateSecurityGroupVpc",
"DescribeSecurityGroupVpcAssociations"; Amazon VPC User Guide, "Associate security groups with multiple VPCs" (neither
default groups nor default VPCs; not while interfaces there use it; a group is deleted only when it has none).
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..filters import compiled
from ..kinds import targets
from ..listing import cut
from ..service import Ec2Error, Request, invalid
from . import records
from .defaults import operation
from .kinds import GROUP, VPC
from .records import SecurityGroup
from .waking import changed

replace = msgspec.structs.replace


class Use(msgspec.Struct, frozen=True):
    group: str
    vpc: str
    account: str


def _parties(call: Call, request: Request) -> list[str]:
    return [*targets(GROUP, "GroupId")(call, request), *targets(VPC, "VpcId")(call, request)]


@operation("AssociateSecurityGroupVpc", resource=_parties, partial="VPCs of the group's own account")
def associate_security_group_vpc(call: Call, request: Request) -> dict[str, Any]:
    group, vpc = GROUP.need(call, request["GroupId"]), VPC.need(call, request["VpcId"])
    if group.name == "default" or vpc.default:
        raise invalid("Neither a default security group nor a default VPC can be associated.")
    if vpc.id == group.vpc:
        raise invalid(f"The security group '{group.id}' was created in '{vpc.id}'.")
    if vpc.id not in group.vpcs:
        GROUP.put(call, group.id, replace(group, vpcs=(*group.vpcs, vpc.id)))
        changed(call, vpc.id)
    return {"State": "associated"}


@operation("DisassociateSecurityGroupVpc", resource=_parties)
def disassociate_security_group_vpc(call: Call, request: Request) -> dict[str, Any]:
    group, vpc = GROUP.need(call, request["GroupId"]), VPC.need(call, request["VpcId"])
    if vpc.id not in group.vpcs:
        raise invalid(f"The security group '{group.id}' is not associated with '{vpc.id}'.")
    key = (call.account, call.region, group.id)
    if any(one.vpc == vpc.id for _, one in records.interfaces.find(call.tx, records.interfaces_in_group, *key)):
        raise Ec2Error("DependencyViolation", f"resource {group.id} has a dependent object in '{vpc.id}'")
    drop(call, group, vpc.id)
    changed(call, vpc.id)
    return {"State": "disassociated"}


def drop(call: Call, group: SecurityGroup, vpc: str) -> None:
    GROUP.put(call, group.id, replace(group, vpcs=tuple(each for each in group.vpcs if each != vpc)))


def drop_all(call: Call, vpc: str) -> None:
    """Of a VPC that is deleted."""
    found = records.groups.find(call.tx, records.groups_lent_to, call.account, call.region, vpc)
    for _, group in list(found):
        drop(call, group, vpc)


FILTERS: dict[str, Any] = {
    "group-id": lambda use: [use.group],
    "group-owner-id": lambda use: [use.account],
    "state": lambda use: ["associated"],
    "vpc-id": lambda use: [use.vpc],
    "vpc-owner-id": lambda use: [use.account],
}


@operation("DescribeSecurityGroupVpcAssociations")
def describe_security_group_vpc_associations(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(request.get("Filters") or [], FILTERS, tagged=False)
    uses = [Use(group.id, vpc, group.account) for group in GROUP.all(call) for vpc in group.vpcs]
    items, token = cut(call, request, "uses", [(f"{use.group}/{use.vpc}", use) for use in uses if keep(use)])
    shown = [
        {
            "GroupId": use.group,
            "VpcId": use.vpc,
            "VpcOwnerId": use.account,
            "GroupOwnerId": use.account,
            "State": "associated",
        }
        for use in items
    ]
    return {"SecurityGroupVpcAssociations": shown, **({"NextToken": token} if token else {})}
