"""Whether a network names only what it has."""

from collections import Counter
from collections.abc import Iterable, Iterator

from pileus.drivers.api import Unable
from pileus.drivers.networks.api import Network


def verify(network: Network) -> None:
    """Raises Unable with all that is wrong; nothing of such a network is applied."""
    if wrong := list(_wrong(network)):
        raise Unable(f"network {network.id}: {'; '.join(wrong)}")


def _wrong(network: Network) -> Iterator[str]:
    if not network.id or any(letter in network.id for letter in "./ "):
        yield "its id has a dot, a slash or a space"
    tables, acls = {each.id for each in network.tables}, {each.id for each in network.acls}
    groups, subnets = {each.id for each in network.groups}, {each.id for each in network.subnets}
    for subnet in network.subnets:
        yield from _unknown(f"subnet {subnet.id}", "table", [subnet.table], tables)
        yield from _unknown(f"subnet {subnet.id}", "access list", [subnet.acl], acls)
    for interface in network.interfaces:
        yield from _unknown(f"interface {interface.id}", "subnet", [interface.subnet], subnets)
        yield from _unknown(f"interface {interface.id}", "group", interface.groups, groups)
        if not interface.addresses:
            yield f"interface {interface.id} has no address"
    for gateway in network.nat_gateways:
        yield from _unknown(f"NAT gateway {gateway.id}", "subnet", [gateway.subnet], subnets)
    private = [address.private for each in network.interfaces for address in each.addresses]
    private += [gateway.private for gateway in network.nat_gateways]
    yield from (f"{each} is there twice" for each, times in Counter(private).items() if times > 1)


def _unknown(who: str, what: str, named: Iterable[str], known: set[str]) -> Iterator[str]:
    yield from (f"{who} names a {what} that is not there: {each}" for each in named if each not in known)
