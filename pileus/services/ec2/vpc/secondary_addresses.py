"""Further private addresses of an interface.

Source: EC2 API Reference, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses".
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..kinds import targets
from ..service import Request, combination, invalid, missing
from . import allotting, quotas
from .defaults import operation
from .joining import drop_public, tell_instance, too_many_addresses, write
from .kinds import INTERFACE
from .records import Interface, Private

replace = msgspec.structs.replace


@operation("AssignPrivateIpAddresses", resource=targets(INTERFACE, "NetworkInterfaceId"))
def assign_private_ip_addresses(call: Call, request: Request) -> dict[str, Any]:
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    wanted = request.get("PrivateIpAddresses") or []
    count = request.get("SecondaryPrivateIpAddressCount") or 0
    movable = bool(request.get("AllowReassignment"))
    if wanted and count:
        raise combination("privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together")
    if not wanted and not count:
        raise missing("secondaryPrivateIpAddressCount")
    have = {each.address for each in interface.addresses}
    new = [address for address in dict.fromkeys(wanted) if address not in have]
    if len(interface.addresses) + len(new) + count > quotas.ADDRESSES_OF_INTERFACE:
        raise too_many_addresses()
    for address in new:
        if movable:
            _take_away(call, interface, address)
        allotting.allot(call, interface.subnet, interface.id, address)
    new += [allotting.allot(call, interface.subnet, interface.id) for _ in range(count)]
    changed = replace(interface, addresses=(*interface.addresses, *(Private(address) for address in new)))
    write(call, changed)
    tell_instance(call, changed)
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": address} for address in new],
    }


def _take_away(call: Call, interface: Interface, address: str) -> None:
    """From the interface that has it as a secondary one. Raises InvalidParameterValue for a primary one."""
    holder = allotting.holder(call, interface.subnet, address)
    if holder is None:
        return
    other = INTERFACE.need(call, holder)
    if other.primary.address == address:
        raise invalid(f"Address {address} is the primary address of interface {other.id} and cannot be reassigned")
    _remove(call, other, [address])


@operation("UnassignPrivateIpAddresses", resource=targets(INTERFACE, "NetworkInterfaceId"))
def unassign_private_ip_addresses(call: Call, request: Request) -> None:
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    gone = request.get("PrivateIpAddresses") or []
    if not gone:
        raise missing("privateIpAddress")
    have = {each.address for each in interface.addresses}
    for address in gone:
        if address not in have:
            raise invalid(f"Some of the specified addresses are not assigned to interface {interface.id}")
        if address == interface.primary.address:
            raise invalid(
                f"Address {address} is the primary address of interface {interface.id} and cannot be unassigned"
            )
    _remove(call, interface, gone)


def _remove(call: Call, interface: Interface, gone: list[str]) -> None:
    for each in interface.addresses:
        if each.address in gone:
            if each.public is not None:
                drop_public(call, each.public)
            allotting.give_back(call, interface.subnet, each.address)
    left = tuple(each for each in interface.addresses if each.address not in gone)
    changed = replace(interface, addresses=left)
    write(call, changed)
    tell_instance(call, changed)
