"""How a rule of a group or an entry of an access list is said to the kernel's packet filter."""

from collections.abc import Iterator
from ipaddress import IPv4Network, collapse_addresses

from pileus.drivers.networks.api import ANY, AclEntry, Rule
from pileus.drivers.networks.names import short

ICMP, TCP, UDP = 1, 6, 17
CROSSING = 0x8000_0000
"""The mark of packets that cross zones, besides the number of their route table."""
EVERYWHERE = IPv4Network("0.0.0.0/0")


def group_set(group: str) -> str:
    """The set with the addresses of a group's interfaces."""
    return short("m", group)


def traffic(protocol: int, first: int, last: int) -> str:
    """The match of a protocol with its ports, or its type and code. Ends with a space, unless it matches everything."""
    if protocol == ANY:
        return ""
    if protocol == ICMP:
        kind = f"icmp type {first} " if first != ANY else "meta l4proto 1 "
        return kind + (f"icmp code {last} " if first != ANY and last != ANY else "")
    if protocol in (TCP, UDP) and first != ANY and (first, last) != (0, 65_535):
        return f"meta l4proto {protocol} th dport {first}-{last} "
    return f"meta l4proto {protocol} "


def collapsed(ranges: tuple[str, ...]) -> list[IPv4Network]:
    return list(collapse_addresses(IPv4Network(each) for each in ranges))


def permissions(rule: Rule, side: str) -> Iterator[str]:
    """The lines of a group's rule. `side`: where the other side's address stands, saddr or daddr."""
    what = traffic(rule.protocol, rule.first, rule.last)
    ranges = collapsed(rule.ranges)
    if ranges == [EVERYWHERE]:
        yield f"{what}accept"
    elif ranges:
        yield f"{what}ip {side} {{ {', '.join(map(str, ranges))} }} accept"
    for group in rule.groups:
        yield f"{what}ip {side} @{group_set(group)} accept"


def entry(line: AclEntry, side: str, refusal: str) -> str:
    """The line of an access list's entry. `refusal`: what is done with what is denied."""
    what = traffic(line.protocol, line.first, line.last)
    where = "" if IPv4Network(line.range) == EVERYWHERE else f"ip {side} {line.range} "
    return f"{what}{where}{'return' if line.allow else refusal}"
