"""What a security group's rules look like to callers: as permissions (rules of one protocol and ports together), as
filters see them, as errors spell them; and how a permission is read.

Source: EC2 API Reference, "IpPermission", "UserIdGroupPair", "DescribeSecurityGroups".
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pileus.service import Call

from ..filters import matches
from ..kinds import KINDS
from ..service import Ec2Error, Request, invalid, missing, natural
from . import ranges, records
from .compiling import sides
from .joining import group_named
from .kinds import GROUP, VPC
from .records import GroupRule, SecurityGroup

NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
PORTS_MAX = 65_535


class Permission(NamedTuple):
    """One rule as a request means it, not in any group yet."""

    protocol: str
    first: int
    last: int
    range: str = ""
    prefix_list: str = ""
    other: str = ""
    other_account: str = ""
    other_vpc: str = ""
    peering: str = ""
    description: str = ""

    def same(self, egress: bool) -> tuple[object, ...]:
        return egress, self.protocol, self.first, self.last, self.range, self.prefix_list, self.other


def rules_of(call: Call, group: str) -> list[GroupRule]:
    found = records.group_rules.find(call.tx, records.rules_of_group, call.account, call.region, group)
    return [rule for _, rule in found]


def permissions(call: Call, rules: Iterable[GroupRule]) -> list[dict[str, Any]]:
    """IpPermissions."""
    made: dict[tuple[str, int, int], dict[str, Any]] = {}
    for rule in rules:
        shown = made.get((rule.protocol, rule.first, rule.last))
        if shown is None:
            shown = made[rule.protocol, rule.first, rule.last] = _empty(rule)
        described = {"Description": rule.description} if rule.description else {}
        if ":" in rule.range:  # asked to be revoked, and not there
            shown["Ipv6Ranges"].append({"CidrIpv6": rule.range, **described})
        elif rule.range:
            shown["IpRanges"].append({"CidrIp": rule.range, **described})
        elif rule.prefix_list:
            shown["PrefixListIds"].append({"PrefixListId": rule.prefix_list, **described})
        else:
            shown["UserIdGroupPairs"].append({**show_pair(call, rule), **described})
    return list(made.values())


def _empty(rule: GroupRule) -> dict[str, Any]:
    ports = {} if rule.protocol == "-1" else {"FromPort": rule.first, "ToPort": rule.last}
    lists: dict[str, Any] = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    return {"IpProtocol": rule.protocol, **ports, **lists}


def show_pair(call: Call, rule: GroupRule) -> dict[str, Any]:
    shown: dict[str, Any] = {"UserId": rule.other_account, "GroupId": rule.other}
    if rule.peering:
        peering = records.peerings.get(call.tx, call.account, call.region, rule.peering)
        status = peering.status if peering is not None else "deleted"
        shown |= {"VpcId": rule.other_vpc, "VpcPeeringConnectionId": rule.peering, "PeeringStatus": status}
    return shown


def stale(call: Call, rule: GroupRule) -> bool:
    """It refers to a group of a VPC that is no longer a peer, or that is gone there."""
    if not rule.peering:
        return False
    peering = records.peerings.get(call.tx, call.account, call.region, rule.peering)
    if peering is None or peering.status != "active":
        return True
    _, other = sides(peering, rule.vpc)
    return records.groups.get(call.tx, other.account, other.region, rule.other) is None


_READERS: dict[str, Callable[[Call, GroupRule], str]] = {
    "cidr": lambda call, rule: rule.range,
    "ipv6-cidr": lambda call, rule: "",
    "from-port": lambda call, rule: str(rule.first) if rule.protocol != "-1" else "",
    "to-port": lambda call, rule: str(rule.last) if rule.protocol != "-1" else "",
    "protocol": lambda call, rule: rule.protocol,
    "group-id": lambda call, rule: rule.other,
    "group-name": lambda call, rule: _name_of(call, rule.other),
    "user-id": lambda call, rule: rule.other_account,
    "prefix-list-id": lambda call, rule: rule.prefix_list,
}


def _name_of(call: Call, group: str) -> str:
    found = GROUP.get(call, group) if group else None
    return found.name if found is not None else ""


def rule_matches(call: Call, rules: list[GroupRule], filters: list[dict[str, Any]]) -> bool:
    """Filters 'ip-permission.cidr', 'egress.ip-permission.cidr', …"""
    for given in filters:
        name = given.get("Name") or ""
        reader = _READERS.get(name.rpartition(".")[2])
        if reader is None or name.rpartition(".")[0] not in ("ip-permission", "egress.ip-permission"):
            raise invalid(f"The filter '{name}' is invalid")
        egress = name.startswith("egress")
        found = [reader(call, rule) or None for rule in rules if rule.egress == egress]
        if not matches(given.get("Values") or [], found):
            return False
    return True


def spelled(permission: Permission) -> str:
    """As errors name a rule."""
    peer = permission.range or permission.prefix_list or permission.other
    if permission.protocol == "-1":
        return f"peer: {peer}, ALL, ALLOW"
    ports = f"from port: {permission.first}, to port: {permission.last}"
    if permission.protocol in ("icmp", "icmpv6"):
        ports = f"type: {permission.first}, code: {permission.last}"
    return f"peer: {peer}, {permission.protocol.upper()}, {ports}, ALLOW"


def kind_of_traffic(given: Request) -> tuple[str, int, int]:
    """(protocol, first, last) of a permission or a flat request. Raises InvalidParameterValue."""
    text = given.get("IpProtocol")
    if text is None:
        raise missing("ipProtocol")
    protocol = NAMES.get(str(text).lower(), str(text).lower())
    first, last = given.get("FromPort"), given.get("ToPort")
    if protocol in ("tcp", "udp"):
        return protocol, *_ports(first, last)
    if protocol in ("icmp", "icmpv6"):
        return protocol, -1 if first is None else int(first), -1 if last is None else int(last)
    if protocol != "-1" and (natural(protocol) is None or int(protocol) > 255):
        raise invalid(f"Invalid value '{text}' for IP protocol. Unknown protocol.")
    return protocol, -1, -1  # any other protocol has no ports, whatever was given


def _ports(first: int | None, last: int | None) -> tuple[int, int]:
    if first is None or last is None:
        raise invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
    for port in (first, last):
        if not 0 <= port <= PORTS_MAX:
            raise Ec2Error("InvalidParameterValue", f"TCP/UDP port ({port}) out of range")
    if first > last:
        raise invalid(f"Invalid TCP/UDP port range ({first}:{last})")
    return int(first), int(last)


def read(call: Call, group: SecurityGroup, given: list[Request], *, revoking: bool = False) -> list[Permission]:
    """The rules that IpPermissions mean, in their order. `revoking`: ranges of IPv6 are rules that are not there,
    rather than refused: Terraform revokes the one to ::/0 of every group that it makes, in case there is one."""
    found = []
    for permission in given:
        traffic = kind_of_traffic(permission)
        for each in permission.get("IpRanges") or []:
            cidr = str(ranges.parsed(each.get("CidrIp") or "", "cidrIp"))
            found.append(Permission(*traffic, range=cidr, description=_description(each)))
        for each in permission.get("PrefixListIds") or []:
            id = KINDS["pl"].need(call, each.get("PrefixListId") or "").id
            found.append(Permission(*traffic, prefix_list=id, description=_description(each)))
        for each in permission.get("UserIdGroupPairs") or []:
            other = _other(call, group, each)
            found.append(
                Permission(*traffic, description=_description(each), **other)  # type: ignore[arg-type]
            )
        for each in permission.get("Ipv6Ranges") or []:
            if not revoking:
                raise invalid("IPv6 is not there: leave Ipv6Ranges out.")
            found.append(Permission(*traffic, range=ranges.parsed6(each.get("CidrIpv6") or "", "cidrIpv6")))
    if len({each.same(False) for each in found}) != len(found):
        raise invalid("The same permission must not appear multiple times")
    return found


def _description(given: Request) -> str:
    text = str(given.get("Description") or "")
    if len(text) > 255:
        raise invalid("Invalid rule description. Valid descriptions are strings less than 256 characters")
    return text


def _other(call: Call, group: SecurityGroup, pair: Request) -> dict[str, str]:
    """The group that a rule refers to: of the VPC, or of a peer."""
    id, name, account, peering = (pair.get(key) for key in ("GroupId", "GroupName", "UserId", "VpcPeeringConnectionId"))
    pair.get("VpcId")
    pair.get("PeeringStatus")
    if not id and name:
        named = group_named(call, group.vpc, name)
        if named is None or not VPC.need(call, group.vpc).default:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
        id = named.id
    if not id:
        raise missing("groupId")
    return other_group(call, group.vpc, id, account, peering)


def other_group(
    call: Call, vpc: str, id: str, account: str | None = None, wanted_peering: str | None = None
) -> dict[str, str]:
    own = GROUP.get(call, id)
    if own is not None and vpc in (own.vpc, *own.vpcs) and account in (None, "", call.account):
        return {"other": id, "other_account": call.account, "other_vpc": vpc}
    if not GROUP.form.fullmatch(id):
        raise GROUP.unknown([id])
    for _, peering in records.peerings.find(call.tx, records.peerings_of_vpc, call.account, call.region, vpc):
        _, there = sides(peering, vpc)
        found = records.groups.get(call.tx, there.account, there.region, id)
        usable = peering.status == "active" and there.region == call.region and wanted_peering in (None, peering.id)
        if usable and found is not None and found.vpc == there.vpc and account in (None, there.account):
            return {"other": id, "other_account": there.account, "other_vpc": there.vpc, "peering": peering.id}
    if own is not None:
        raise Ec2Error("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
    raise GROUP.unknown([id])
