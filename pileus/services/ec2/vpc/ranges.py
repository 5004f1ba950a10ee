"""IPv4 ranges as requests give them.

Source: EC2 API Reference, "CreateVpc", "CreateSubnet": a range with bits set beyond its length is taken without them.
"""

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Network, NetmaskValueError

from ..service import Ec2Error, invalid

RESERVED = 5
"""Addresses of a subnet that nobody gets: the first four and the last (Amazon VPC User Guide, "Subnet sizing")."""


def parsed(text: str, member: str, *, code: str = "InvalidParameterValue") -> IPv4Network:
    """Raises InvalidParameterValue."""
    try:
        if "/" in text:
            return IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        pass  # said below, in EC2's words
    raise Ec2Error(code, f"Value ({text}) for parameter {member} is invalid. This is not a valid CIDR block.")


def parsed6(text: str, member: str) -> str:
    """A range of IPv6, as it is shown. Raises InvalidParameterValue."""
    try:
        return str(IPv6Network(text, strict=False))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise invalid(f"Value ({text}) for parameter {member} is invalid. This is not a valid CIDR block.") from None


def address(text: str, member: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except (AddressValueError, ValueError):
        raise invalid(f"Value ({text}) for parameter {member} is invalid. Invalid IP Address format.") from None


def overlapping(one: str | IPv4Network, others: Iterable[str | IPv4Network]) -> bool:
    network = IPv4Network(one)
    return any(network.overlaps(IPv4Network(other)) for other in others)


def within(inner: str | IPv4Network, outers: Iterable[str]) -> bool:
    network = IPv4Network(inner)
    return any(network.subnet_of(IPv4Network(outer)) for outer in outers)


def free_in(cidr: str, used: int) -> int:
    return IPv4Network(cidr).num_addresses - RESERVED - used
