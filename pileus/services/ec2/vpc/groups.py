"""Security groups: made, described, deleted; who refers to whom.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Security groups".
"""

import re
from typing import Any

from pileus.service import Call

from .. import tags
from ..kinds import targets
from ..listing import cut, describe
from ..service import Ec2Error, Request, invalid, missing
from . import quotas, records
from .defaults import open_outward, operation, own
from .group_permissions import permissions, rule_matches, rules_of, show_pair, stale
from .joining import group_named
from .kinds import GROUP, RULE, VPC, within
from .records import GroupRule, SecurityGroup
from .waking import changed

NAME = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


def show(call: Call, group: SecurityGroup) -> dict[str, Any]:
    rules = rules_of(call, group.id)
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "Description": group.description,
        "OwnerId": group.account,
        "VpcId": group.vpc,
        "SecurityGroupArn": GROUP.arn(call, group.id),
        "IpPermissions": permissions(call, [rule for rule in rules if not rule.egress]),
        "IpPermissionsEgress": permissions(call, [rule for rule in rules if rule.egress]),
        **tags.shown(group.tags),
    }


def default_home(call: Call) -> str:
    """The default VPC. Raises VPCIdNotSpecified."""
    home = records.homes.get(call.tx, call.account, call.region)
    if not home:
        raise Ec2Error("VPCIdNotSpecified", "No default VPC for this user")
    return home


def group_of(call: Call, request: Request) -> SecurityGroup:
    """By id, or by its name in the default VPC."""
    if "GroupId" in request:
        return GROUP.need(call, request["GroupId"])
    name = request.get("GroupName")
    if not name:
        raise missing("groupName or groupId")
    found = group_named(call, default_home(call), name)
    if found is None:
        raise Ec2Error(
            "InvalidGroup.NotFound",
            f"The security group '{name}' does not exist in default VPC '{default_home(call)}'",
        )
    return found


def targeted(call: Call, request: Request) -> str:
    """For permissions: the ARN of the group that a request names in either way."""
    id = request.get("GroupId")
    if id is None and request.get("GroupName"):
        home = records.homes.get(call.tx, call.account, call.region)
        found = group_named(call, home, request["GroupName"]) if home else None
        id = found.id if found is not None else None
    return GROUP.arn(call, id or "*")


def _creating(call: Call, request: Request) -> list[str]:
    vpc = request.get("VpcId") or records.homes.get(call.tx, call.account, call.region) or "*"
    return [GROUP.arn(call, "*"), VPC.arn(call, vpc)]


@operation("CreateSecurityGroup", resource=_creating, context=within)
def create_security_group(call: Call, request: Request) -> dict[str, Any]:
    name, description = request["GroupName"], request["Description"]
    if name.startswith("sg-"):
        raise invalid(f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*")
    for value, member, what in ((name, "GroupName", "name"), (description, "GroupDescription", "description")):
        if not NAME.fullmatch(value):
            why = (
                f"Invalid security group {what}. Valid {what}s are strings less than 256 characters from the "
                "following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
            )
            why = why if value.isascii() else "Character sets beyond ASCII are not supported."
            raise invalid(f"Value ({value}) for parameter {member} is invalid. {why}")
    vpc = VPC.need(call, request.get("VpcId") or default_home(call))
    if name == "default":
        raise Ec2Error("InvalidParameterValue", "Cannot use reserved security group name: default")
    if group_named(call, vpc.id, name) is not None:
        raise Ec2Error("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc.id}'")
    quotas.room(
        GROUP.all(call),
        quotas.GROUPS,
        "SecurityGroupLimitExceeded",
        f"The maximum number of security groups for VPC '{vpc.id}' has been reached.",
    )
    given = tags.given(call, request, GROUP)[GROUP.type]
    id = GROUP.new_id()
    GROUP.put(call, id, SecurityGroup(vpc=vpc.id, name=name, description=description, **own(call, id, given)))
    open_outward(call, id, vpc.id)
    changed(call, vpc.id)
    return {"GroupId": id, "SecurityGroupArn": GROUP.arn(call, id), **tags.shown(given)}


@operation("DescribeSecurityGroups")
def describe_security_groups(call: Call, request: Request) -> dict[str, Any]:
    """Filters by rules (`ip-permission.…`) look at one value at a time, as EC2's do."""
    wanted = set(request.get("GroupNames") or ())
    if wanted:
        there = {group.name for group in GROUP.all(call) if group.vpc == default_home(call)}
        if lost := sorted(wanted - there):
            raise Ec2Error(
                "InvalidGroup.NotFound",
                f"The security group '{lost[0]}' does not exist in default VPC '{default_home(call)}'",
            )
    filters = request.get("Filters") or []
    of_rules = [each for each in filters if (each.get("Name") or "").partition(".")[0] in ("ip-permission", "egress")]
    if of_rules:
        request = {**request, "Filters": [each for each in filters if each not in of_rules]}
    return describe(
        call,
        request,
        GROUP,
        ids="GroupIds",
        answer="SecurityGroups",
        show=show,
        extra=lambda group: _passes(call, group, wanted, of_rules),
    )


def _passes(call: Call, group: SecurityGroup, names: set[str], filters: list[dict[str, Any]]) -> bool:
    if names and not (group.name in names and group.vpc == default_home(call)):
        return False
    return not filters or rule_matches(call, rules_of(call, group.id), filters)


@operation("DeleteSecurityGroup", resource=targeted)
def delete_security_group(call: Call, request: Request) -> dict[str, Any]:
    group = group_of(call, request)
    if group.name == "default":
        raise Ec2Error("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
    key = (call.account, call.region, group.id)
    used = next(records.interfaces.find(call.tx, records.interfaces_in_group, *key, limit=1), None) is not None
    # Rules of a peer's become stale; those that name it without a peering are of VPCs that it is or was used in.
    named = any(rule.group != group.id and not rule.peering for rule in naming(call, group.id))
    if used or group.vpcs or named:
        raise Ec2Error("DependencyViolation", f"resource {group.id} has a dependent object")
    for rule in rules_of(call, group.id):
        RULE.delete(call, rule.id)
    GROUP.delete(call, group.id)
    changed(call, group.vpc)
    return {"Return": True, "GroupId": group.id}


def naming(call: Call, group: str) -> list[GroupRule]:
    """The rules, of any account, that refer to the group."""
    return [rule for _, rule in records.group_rules.find(call.tx, records.rules_naming, group)]


@operation("DescribeSecurityGroupReferences", resource=targets(GROUP, "GroupId"))
def describe_security_group_references(call: Call, request: Request) -> dict[str, Any]:
    """From the other side of peerings."""
    shown = []
    for group in GROUP.need_all(call, request["GroupId"]):
        seen = sorted({(rule.vpc, rule.peering) for rule in naming(call, group.id) if rule.peering})
        shown += [
            {"GroupId": group.id, "ReferencingVpcId": vpc, "VpcPeeringConnectionId": peering} for vpc, peering in seen
        ]
    return {"SecurityGroupReferenceSet": shown}


@operation("DescribeStaleSecurityGroups")
def describe_stale_security_groups(call: Call, request: Request) -> dict[str, Any]:
    """Groups with rules that refer to a group of a VPC that is no longer a peer, or to a group that is gone there."""
    vpc = VPC.need(call, request["VpcId"])
    found = []
    for _, group in records.groups.find(
        call.tx, records.groups_of_vpc, call.account, call.region, vpc.id, limit=quotas.GROUPS
    ):
        rules = [rule for rule in rules_of(call, group.id) if stale(call, rule)]
        if rules:
            found.append((group.id, (group, rules)))
    items, token = cut(call, request, f"stale/{vpc.id}", found)
    shown = [
        {
            "GroupId": group.id,
            "GroupName": group.name,
            "Description": group.description,
            "VpcId": vpc.id,
            "StaleIpPermissions": [_show_stale(call, rule) for rule in rules if not rule.egress],
            "StaleIpPermissionsEgress": [_show_stale(call, rule) for rule in rules if rule.egress],
        }
        for group, rules in items
    ]
    return {"StaleSecurityGroupSet": shown, **({"NextToken": token} if token else {})}


def _show_stale(call: Call, rule: GroupRule) -> dict[str, Any]:
    shown: dict[str, Any] = {"IpProtocol": rule.protocol, "UserIdGroupPairs": [show_pair(call, rule)]}
    return shown | ({"FromPort": rule.first, "ToPort": rule.last} if rule.protocol != "-1" else {})


@operation("GetSecurityGroupsForVpc", resource=targets(VPC, "VpcId"))
def get_security_groups_for_vpc(call: Call, request: Request) -> dict[str, Any]:
    vpc = VPC.need(call, request["VpcId"])
    return describe(
        call,
        request,
        GROUP,
        ids="GroupIds",
        answer="SecurityGroupForVpcs",
        show=lambda call, group: {
            "GroupId": group.id,
            "GroupName": group.name,
            "Description": group.description,
            "OwnerId": group.account,
            "PrimaryVpcId": group.vpc,
            "Tags": tags.show(group.tags),
        },
        extra=lambda group: vpc.id in (group.vpc, *group.vpcs),
    )
