"""Which private address of a subnet an interface gets, and which public one of the whole cloud."""

from ipaddress import IPv4Address, IPv4Network

import msgspec

from pileus.service import Call

from ..service import Ec2Error, invalid
from . import quotas, ranges, records
from .kinds import ADDRESS, SUBNET
from .range_reservations import past, spans_in
from .records import Subnet, Taken

EDGE_OWN = 16
"""Addresses of the public range that are the edge's."""


def no_room(subnet: str) -> Ec2Error:
    return Ec2Error(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet {subnet} does not have enough free addresses to satisfy the request.",
    )


def in_use(address: str) -> Ec2Error:
    return Ec2Error("InvalidIPAddress.InUse", f"Address {address} is in use.")


def allot(call: Call, subnet: str, interface: str, wanted: str | None = None) -> str:
    """A private address for the interface. Raises EC2's error when there is none, or the wanted one is not to be had.

    Addresses are given out in order, and those that came back only after the last: who held on to one that it no
    longer has does not meet its next owner at once. Those of reserved ranges go to who names them only.
    """
    known = SUBNET.need(call, subnet)
    network = IPv4Network(known.range)
    if ranges.free_in(known.range, known.used) <= 0:
        raise no_room(subnet)
    number = _next(call, known, network) if wanted is None else _wanted(call, known, network, wanted)
    records.private_addresses.put(call.tx, call.account, call.region, subnet, number, record=interface)
    SUBNET.put(call, subnet, msgspec.structs.replace(known, used=known.used + 1))
    return str(IPv4Address(number))


def _wanted(call: Call, subnet: Subnet, network: IPv4Network, wanted: str) -> int:
    address = ranges.address(wanted, "privateIpAddress")
    if address not in network:
        raise invalid(f"Address {wanted} does not fall within the subnet's address range")
    if address not in _given_out(network):
        raise invalid(f"Address {wanted} is in subnet's reserved address range")
    if holder(call, subnet.id, wanted) is not None:
        raise in_use(wanted)
    return int(address)


class _given_out:
    """The addresses of a subnet that interfaces may have."""

    def __init__(self, network: IPv4Network):
        self.first, self.last = int(network[4]), int(network[-2])

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and self.first <= int(address) <= self.last


def _next(call: Call, subnet: Subnet, network: IPv4Network) -> int:
    table, key = records.private_addresses, (call.account, call.region, subnet.id)
    first, last, spans = int(network[4]), int(network[-2]), spans_in(call, subnet.id)
    highest = next(table.scan(call.tx, *key, limit=1, reverse=True), None)
    expected = past(first if highest is None else int(highest[0][0]) + 1, spans)
    if expected <= last:
        return expected
    expected = past(first, spans)
    while expected <= last:
        some = [int(rest[0]) for rest, _ in table.scan(call.tx, *key, after=(expected - 1,), limit=256)]
        for number in some:
            if number > expected:
                return expected
            if number == expected:
                expected = past(expected + 1, spans)
        if len(some) < 256:
            break
    if expected > last:
        raise no_room(subnet.id)
    return expected


def holder(call: Call, subnet: str, address: str) -> str | None:
    """The interface that has it. Raises InvalidParameterValue for what is no address."""
    key = (call.account, call.region, subnet, int(ranges.address(address, "address")))
    return records.private_addresses.get(call.tx, *key)


def give_back(call: Call, subnet: str, address: str) -> None:
    known = SUBNET.need(call, subnet)
    records.private_addresses.delete(call.tx, call.account, call.region, subnet, int(IPv4Address(address)))
    SUBNET.put(call, subnet, msgspec.structs.replace(known, used=known.used - 1))


def room_for_elastic(call: Call) -> None:
    """Raises AddressLimitExceeded for an account that has all the elastic addresses it may have in a region."""
    quotas.room(
        ADDRESS.all(call),
        quotas.ELASTIC_ADDRESSES,
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
    )


def take_public(call: Call, holder: str, wanted: str | None = None) -> str:
    """The lowest public address that nobody has, or the wanted one."""
    network = IPv4Network(call.cloud.drivers.networks.public_range())
    first, last = int(network[EDGE_OWN]), int(network[-2])
    number = _lowest(call, first, last)
    if wanted is not None:
        number = int(ranges.address(wanted, "address"))
        if not first <= number <= last:
            raise Ec2Error("InvalidAddress.NotFound", f"Address '{wanted}' not found.")
        if records.public_addresses.get(call.tx, number) is not None:
            raise in_use(wanted)
    records.public_addresses.put(call.tx, number, record=Taken(call.account, call.region, holder))
    return str(IPv4Address(number))


def _lowest(call: Call, first: int, last: int) -> int:
    expected = first
    while expected <= last:
        some = [int(rest[0]) for rest, _ in records.public_addresses.scan(call.tx, after=(expected - 1,), limit=256)]
        for number in some:
            if number != expected:
                return expected
            expected += 1
        if len(some) < 256:
            break
    if expected > last:
        raise Ec2Error("InsufficientAddressCapacity", "Insufficient capacity.")
    return expected


def return_public(call: Call, address: str) -> None:
    records.public_addresses.delete(call.tx, int(IPv4Address(address)))
