"""What things of a network are called on a host, where a device's name has at most 15 characters."""

import hashlib
from base64 import b32encode
from ipaddress import IPv4Network

from pileus.drivers.networks.api import Interface, Link, Network, Subnet

METADATA = "169.254.169.254"
RESOLVER = "169.254.169.253"


def short(prefix: str, name: str) -> str:
    """`prefix` (one or two letters) and 12 characters that stand for `name`."""
    return prefix + b32encode(hashlib.sha256(name.encode()).digest()).decode()[:12].lower()


def interface_device(interface: str) -> str:
    """The network's end of a machine's interface."""
    return short("i", interface)


def nat_device(gateway: str) -> str:
    return short("n", gateway)


def peer_device(peering: str) -> str:
    return short("p", peering)


def gateway_address(subnet: Subnet) -> str:
    return str(IPv4Network(subnet.range)[1])


def resolver_addresses(network: Network) -> set[str]:
    """Where names are answered: at the base + 2 of each of its ranges and subnets, and where it is the same for all."""
    ranges = (*network.ranges, *(subnet.range for subnet in network.subnets))
    return {RESOLVER, *(str(IPv4Network(each)[2]) for each in ranges)}


def link(network: Network, namespace: str, interface: Interface, index: int) -> Link:
    """Raises KeyError when the network does not name the interface's subnet."""
    subnet = {each.id: each for each in network.subnets}[interface.subnet]
    return Link(
        interface=interface.id,
        namespace=namespace,
        name=interface_device(interface.id),
        index=index,
        mac=interface.mac,
        addresses=tuple(address.private for address in interface.addresses),
        prefix=IPv4Network(subnet.range).prefixlen,
        gateway=gateway_address(subnet),
    )
