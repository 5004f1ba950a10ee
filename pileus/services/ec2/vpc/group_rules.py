"""Rules of security groups: permitted, revoked, described, changed.

Source: EC2 API Reference, the operations' pages. A rule is one peer under one protocol and ports, with an id of its
own; EC2 takes it apart and puts it together in three forms.
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import KINDS
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, missing
from . import quotas, ranges
from .defaults import operation, own
from .group_permissions import Permission, kind_of_traffic, other_group, permissions, read, rules_of, spelled
from .groups import group_of, targeted
from .joining import group_named
from .kinds import GROUP, RULE, VPC
from .records import GroupRule, SecurityGroup
from .waking import group_changed

replace = msgspec.structs.replace


def show(call: Call, rule: GroupRule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SecurityGroupRuleId": rule.id,
        "SecurityGroupRuleArn": RULE.arn(call, rule.id),
        "GroupId": rule.group,
        "GroupOwnerId": rule.account,
        **_shown_rule(rule),
        **tags.shown(rule.tags),
    }
    if rule.other:
        shown["ReferencedGroupInfo"] = {"GroupId": rule.other, "UserId": rule.other_account}
        if rule.peering:
            shown["ReferencedGroupInfo"] |= {"VpcId": rule.other_vpc, "VpcPeeringConnectionId": rule.peering}
    return shown


def _shown_rule(rule: GroupRule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.first,
        "ToPort": rule.last,
    }
    if rule.range:
        shown["CidrIpv4"] = rule.range
    if rule.prefix_list:
        shown["PrefixListId"] = rule.prefix_list
    return shown | ({"Description": rule.description} if rule.description else {})


def _show_revoked(rule: GroupRule) -> dict[str, Any]:
    shown = {"SecurityGroupRuleId": rule.id, "GroupId": rule.group, **_shown_rule(rule)}
    return shown | ({"ReferencedGroupId": rule.other} if rule.other else {})


def _flat(call: Call, group: SecurityGroup, request: Request) -> list[Permission]:
    """The old form, one rule spelled out in the request itself."""
    name = request.get("SourceSecurityGroupName")
    owner = request.get("SourceSecurityGroupOwnerId")
    if name:
        found = group_named(call, group.vpc, name) if owner in (None, call.account) else None
        if found is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
        other = other_group(call, group.vpc, found.id)
        kinds = (
            [kind_of_traffic(request)]
            if "IpProtocol" in request
            else [("tcp", 0, 65_535), ("udp", 0, 65_535), ("icmp", -1, -1)]
        )
        return [Permission(*kind, **other) for kind in kinds]  # type: ignore[arg-type]
    if "CidrIp" in request:
        return [Permission(*kind_of_traffic(request), range=str(ranges.parsed(request["CidrIp"], "cidrIp")))]
    raise missing("ipPermissions") if "IpProtocol" not in request else missing("cidrIp")


def _asked(call: Call, group: SecurityGroup, request: Request, *, revoking: bool = False) -> list[Permission]:
    if "IpPermissions" not in request:
        return _flat(call, group, request)
    found = read(call, group, request["IpPermissions"], revoking=revoking)
    if not found:
        raise invalid("Invalid value 'null' for ipPermissions: at least one source or destination is needed.")
    return found


def _authorize(call: Call, request: Request, egress: bool) -> dict[str, Any]:
    group = group_of(call, request)
    asked = _asked(call, group, request)
    there = rules_of(call, group.id)
    known = {rule.same for rule in there}
    for permission in asked:
        if permission.same(egress) in known:
            raise Ec2Error("InvalidPermission.Duplicate", f'the specified rule "{spelled(permission)}" already exists')
    check_quota(call, [rule for rule in there if rule.egress == egress], asked)
    given = tags.given(call, request, RULE)[RULE.type]
    made = [_keep(call, group, egress, permission, given) for permission in asked]
    group_changed(call, group)
    return {"Return": True, "SecurityGroupRules": [show(call, rule) for rule in made]}


def check_quota(call: Call, there: list[GroupRule], more: list[Permission]) -> None:
    """A prefix list weighs as many rules as it may have entries."""
    weight = 0
    for list_id in [*(rule.prefix_list for rule in there), *(each.prefix_list for each in more)]:
        found = KINDS["pl"].get(call, list_id) if list_id else None
        weight += found.max_entries if found is not None else 1
    if weight > quotas.GROUP_RULES:
        raise Ec2Error(
            "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
        )


def _keep(call: Call, group: SecurityGroup, egress: bool, permission: Permission, given: dict[str, str]) -> GroupRule:
    id = RULE.new_id()
    rule = GroupRule(group=group.id, vpc=group.vpc, egress=egress, **permission._asdict(), **own(call, id, given))
    return RULE.put(call, id, rule)


def _revoke(call: Call, request: Request, egress: bool) -> dict[str, Any]:
    group = group_of(call, request)
    there = [rule for rule in rules_of(call, group.id) if rule.egress == egress]
    gone, unknown = _revoked(call, request, group, there, egress)
    for rule in gone:
        RULE.delete(call, rule.id)
    group_changed(call, group)
    answer: dict[str, Any] = {"Return": True, "RevokedSecurityGroupRules": [_show_revoked(rule) for rule in gone]}
    return answer | ({"UnknownIpPermissions": unknown} if unknown else {})


def _revoked(
    call: Call, request: Request, group: SecurityGroup, there: list[GroupRule], egress: bool
) -> tuple[list[GroupRule], list[dict[str, Any]]]:
    """The rules that go, and the permissions that there were not (in a default VPC that is no error)."""
    wanted = request.get("SecurityGroupRuleIds")
    if wanted:
        if "IpPermissions" in request:
            raise combination("The parameters securityGroupRuleIds and ipPermissions cannot be used together")
        by_id = {rule.id: rule for rule in there}
        for id in wanted:
            if id not in by_id:
                raise RULE.unknown([id])
        return [by_id[id] for id in dict.fromkeys(wanted)], []
    known = {rule.same: rule for rule in there}
    gone, lost = [], []
    for permission in _asked(call, group, request, revoking=True):
        found = known.get(permission.same(egress))
        if found is not None:
            gone.append(found)
        else:
            lost.append(permission)
    if lost and not VPC.need(call, group.vpc).default:
        raise _no_rule()
    strange = [
        GroupRule(
            id="",
            account=call.account,
            region=call.region,
            group=group.id,
            vpc=group.vpc,
            egress=egress,
            **each._asdict(),
        )
        for each in lost
    ]
    return gone, permissions(call, strange)


def _no_rule() -> Ec2Error:
    return Ec2Error("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")


@operation("AuthorizeSecurityGroupIngress", resource=targeted)
def authorize_security_group_ingress(call: Call, request: Request) -> dict[str, Any]:
    return _authorize(call, request, False)


@operation("AuthorizeSecurityGroupEgress", resource=targeted)
def authorize_security_group_egress(call: Call, request: Request) -> dict[str, Any]:
    return _authorize(call, request, True)


@operation("RevokeSecurityGroupIngress", resource=targeted)
def revoke_security_group_ingress(call: Call, request: Request) -> dict[str, Any]:
    return _revoke(call, request, False)


@operation("RevokeSecurityGroupEgress", resource=targeted)
def revoke_security_group_egress(call: Call, request: Request) -> dict[str, Any]:
    return _revoke(call, request, True)


@operation("DescribeSecurityGroupRules")
def describe_security_group_rules(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, RULE, ids="SecurityGroupRuleIds", answer="SecurityGroupRules", show=show)


@operation("ModifySecurityGroupRules", resource=targeted)
def modify_security_group_rules(call: Call, request: Request) -> dict[str, Any]:
    """The rule as given takes the place of the one there is; its direction, id and tags stay."""
    group = GROUP.need(call, request["GroupId"])
    for given in request["SecurityGroupRules"]:
        rule = RULE.need(call, given["SecurityGroupRuleId"])
        if rule.group != group.id:
            raise _no_rule()
        permission = _replacement(call, group, given.get("SecurityGroupRule") or {})
        others = {each.same for each in rules_of(call, group.id) if each.id != rule.id}
        if permission.same(rule.egress) in others:
            raise Ec2Error("InvalidPermission.Duplicate", f'the specified rule "{spelled(permission)}" already exists')
        RULE.put(call, rule.id, replace(rule, **permission._asdict()))
    group_changed(call, group)
    return {"Return": True}


def _replacement(call: Call, group: SecurityGroup, given: Request) -> Permission:
    traffic, description = kind_of_traffic(given), given.get("Description") or ""
    named = [name for name in ("CidrIpv4", "PrefixListId", "ReferencedGroupId") if name in given]
    if len(named) != 1:
        raise invalid("Exactly one of CidrIpv4, PrefixListId and ReferencedGroupId must be given.")
    if named == ["CidrIpv4"]:
        return Permission(*traffic, range=str(ranges.parsed(given["CidrIpv4"], "cidrIpv4")), description=description)
    if named == ["PrefixListId"]:
        id = KINDS["pl"].need(call, given["PrefixListId"]).id
        return Permission(*traffic, prefix_list=id, description=description)
    other = other_group(call, group.vpc, given["ReferencedGroupId"])
    return Permission(*traffic, description=description, **other)  # type: ignore[arg-type]


def _redescribe(call: Call, request: Request, egress: bool) -> dict[str, Any]:
    group = group_of(call, request)
    there = [rule for rule in rules_of(call, group.id) if rule.egress == egress]
    by_id = {
        each.get("SecurityGroupRuleId"): each.get("Description") or ""
        for each in request.get("SecurityGroupRuleDescriptions") or []
    }
    wanted: list[tuple[GroupRule, str]] = []
    for id, text in by_id.items():
        found = next((rule for rule in there if rule.id == id), None)
        if found is None:
            raise RULE.unknown([id or ""])
        wanted.append((found, text))
    if not by_id:
        known = {rule.same: rule for rule in there}
        for permission in _asked(call, group, request):
            rule = known.get(permission.same(egress))
            if rule is None:
                raise _no_rule()
            wanted.append((rule, permission.description))
    for rule, text in wanted:
        RULE.put(call, rule.id, replace(rule, description=text))
    return {"Return": True}


@operation("UpdateSecurityGroupRuleDescriptionsIngress", resource=targeted)
def update_descriptions_ingress(call: Call, request: Request) -> dict[str, Any]:
    return _redescribe(call, request, False)


@operation("UpdateSecurityGroupRuleDescriptionsEgress", resource=targeted)
def update_descriptions_egress(call: Call, request: Request) -> dict[str, Any]:
    return _redescribe(call, request, True)
