"""Who and what is where in a network, as it is told to the driver. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from pileus.drivers.networks.api import Group, Interface, Network, Subnet


def inside(address: str, ranges: Iterable[str]) -> bool:
    return bool(address) and any(IPv4Address(address) in IPv4Network(each) for each in ranges)


def covers(range: str, address: str) -> bool:
    """Whether the range holds the address; an empty one stands for all that there are."""
    return inside(address, (range,)) if address else range == "0.0.0.0/0"


def holding(address: str, ranges: Iterable[str]) -> str:
    return next(each for each in ranges if inside(address, (each,)))


def owner(network: Network, address: str) -> Interface | None:
    return next((each for each in network.interfaces if address in {a.private for a in each.addresses}), None)


def interface_in(network: Network, id: str) -> Interface:
    return next(each for each in network.interfaces if each.id == id)


def subnet_of(network: Network, id: str) -> Subnet:
    return next(each for each in network.subnets if each.id == id)


def groups_of(network: Network, interface: Interface) -> list[Group]:
    return [each for each in network.groups if each.id in interface.groups]


def public_of(network: Network, private: str) -> str:
    """The public address that a private one of a machine or a NAT gateway goes out as."""
    for interface in network.interfaces:
        for each in interface.addresses:
            if each.private == private:
                return each.public
    return next((each.public for each in network.nat_gateways if each.private == private), "")
