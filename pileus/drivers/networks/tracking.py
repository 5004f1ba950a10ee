"""Which running connections end when a network changes.

As AWS documents it (EC2 User Guide, "Security group connection tracking"): a connection that a group let through is
tracked, and goes on when its rule goes; but TCP and UDP that a rule allows from everywhere, while a rule of the other
direction allows everything to everywhere, is untracked, and ends at once. What passes a NAT gateway is always tracked.
A public address that moved takes its connections from the machine that had it, and a private one does, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pileus.drivers.networks.api import ANY, Interface, Network, Rule
from pileus.drivers.networks.conntrack import Connection
from pileus.drivers.networks.matches import EVERYWHERE, ICMP, TCP, UDP
from pileus.drivers.networks.rules import published


@dataclass(frozen=True)
class Permissions:
    """A network's groups, ready to be asked. `peers`: the other networks whose groups count."""

    network: Network
    peers: Iterable[Network] = ()

    def interfaces(self) -> dict[str, Interface]:
        """By their private addresses."""
        return {address.private: each for each in self.network.interfaces for address in each.addresses}

    def members(self) -> dict[str, tuple[str, ...]]:
        """Address -> groups, of this network and its peers."""
        return {
            address.private: each.groups
            for network in (self.network, *self.peers)
            for each in network.interfaces
            for address in each.addresses
        }

    def rules(self, interface: Interface, inward: bool) -> Iterator[Rule]:
        for group in self.network.groups:
            if group.id in interface.groups:
                yield from group.inward if inward else group.outward


def narrowed(before: Network, after: Network) -> bool:
    """Whether connections may have lost a permission or an address."""
    return (
        (before.groups, before.interfaces) != (after.groups, after.interfaces)
        or dict(published(before)) != dict(published(after))
        or before.peerings != after.peerings
    )


def ended(before: Permissions, after: Permissions, running: Iterable[Connection]) -> Iterator[Connection]:
    old, new = set(published(before.network)), set(published(after.network))
    moved = {public for _, public in old ^ new}
    was, now = before.interfaces(), after.interfaces()
    members = after.members()
    for each in running:
        if moved and not moved.isdisjoint((each.asked, each.seen)):
            yield each
            continue
        for inward, own, other in ((False, each.source, each.destination), (True, each.destination, each.source)):
            if own not in was:
                continue
            # The next machine with the same address does not inherit what its predecessor was allowed.
            gone = own not in now or now[own].id != was[own].id
            if gone or (
                _untracked(before, was[own], inward, each, other)
                and not _allowed(after, now[own], inward, each, other, members)
            ):
                yield each
                break


def matches(rule: Rule, protocol: int, first: int, last: int) -> bool:
    """Of a packet: `first` and `last` are both its port, or its ICMP type and code."""
    if rule.protocol == ANY:
        return True
    if rule.protocol != protocol:
        return False
    if protocol == ICMP:
        return rule.first in (ANY, first) and (rule.first == ANY or rule.last in (ANY, last))
    if protocol in (TCP, UDP):
        return rule.first == ANY or rule.first <= first <= rule.last
    return True


def _open(rule: Rule) -> bool:
    return str(EVERYWHERE) in rule.ranges


def _everything(rule: Rule, protocol: int) -> bool:
    every_port = rule.protocol == ANY or rule.first == ANY or (rule.first, rule.last) == (0, 65_535)
    return _open(rule) and rule.protocol in (ANY, protocol) and every_port


def _untracked(rules: Permissions, interface: Interface, inward: bool, each: Connection, other: str) -> bool:
    port = each.destination_port
    if each.protocol not in (TCP, UDP):
        return False
    if not any(_open(rule) and matches(rule, each.protocol, port, port) for rule in rules.rules(interface, inward)):
        return False
    if not any(_everything(rule, each.protocol) for rule in rules.rules(interface, not inward)):
        return False
    return inward or not _by_nat(rules.network, interface, other)


def _by_nat(network: Network, interface: Interface, other: str) -> bool:
    """Whether the interface's routes lead there through a NAT gateway."""
    address = IPv4Address(other)
    if any(address in IPv4Network(each) for each in network.ranges):
        return False
    tables: Mapping[str, str] = {subnet.id: subnet.table for subnet in network.subnets}
    found = [
        (IPv4Network(route.range).prefixlen, route.kind)
        for table in network.tables
        if table.id == tables.get(interface.subnet)
        for route in table.routes
        if route.range and address in IPv4Network(route.range)
    ]
    return max(found, default=(0, ""))[1] == "nat"


def _allowed(
    rules: Permissions,
    interface: Interface,
    inward: bool,
    each: Connection,
    other: str,
    members: Mapping[str, tuple[str, ...]],
) -> bool:
    address, port = IPv4Address(other), each.destination_port
    return any(
        matches(rule, each.protocol, port, port)
        and (
            any(address in IPv4Network(one) for one in rule.ranges)
            or not set(rule.groups).isdisjoint(members.get(other, ()))
        )
        for rule in rules.rules(interface, inward)
    )
