"""DescribeInstances, and what tells of an instance otherwise.

Source: EC2 API Reference, the operations' pages.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pileus.base.clock import iso_millis
from pileus.service import Call

from ..filters import boolean, compiled
from ..listing import select
from ..service import Request, operation
from ..volumes.records import Attachment, volumes
from ..vpc import joining
from ..vpc.kinds import INTERFACE
from ..vpc.records import Interface
from . import hostnames, showing
from .records import Instance, instance_kind

Read = Callable[[Instance], Iterable[str | None]]


def filters_of(call: Call) -> dict[str, Read]:
    """Those of the record, and those that look at its disks and interfaces."""

    def attached(read: Callable[[Attachment], str]) -> Read:
        def values(instance: Instance) -> Iterable[str | None]:
            for disk in instance.disks:
                volume = volumes.get(call.tx, instance.account, instance.region, disk.volume)
                if volume is not None and volume.attachment is not None:
                    yield read(volume.attachment)

        return values

    return {
        **instance_kind.filters,
        **_of_first_interface(call),
        **_of_interfaces(call),
        "private-dns-name": lambda one: [hostnames.private_name(one)],
        "dns-name": lambda one: [showing.instance(call, one).get("PublicDnsName")],
        "block-device-mapping.status": attached(lambda one: one.state),
        "block-device-mapping.attach-time": attached(lambda one: f"{iso_millis(one.at)}Z"),
        "block-device-mapping.delete-on-termination": attached(lambda one: boolean(one.delete_on_termination)),
    }


def _of_first_interface(call: Call) -> dict[str, Read]:
    def first(read: Callable[[Interface], Iterable[str | None]]) -> Read:
        def values(instance: Instance) -> Iterable[str | None]:
            found = joining.interfaces_of(call.tx, instance.account, instance.region, instance.id)
            return read(found[0]) if found else []

        return values

    return {
        "group-id": first(lambda one: one.groups),
        "group-name": first(lambda one: one.names),
        "instance.group-id": first(lambda one: one.groups),
        "instance.group-name": first(lambda one: one.names),
        "ip-address": first(lambda one: [showing.public_of(one)]),
        "source-dest-check": first(lambda one: [boolean(one.source_check)]),
    }


def _of_interfaces(call: Call) -> dict[str, Read]:
    def over(read: Callable[[Interface], Iterable[str | None]]) -> Read:
        def values(instance: Instance) -> Iterable[str | None]:
            for interface in joining.interfaces_of(call.tx, instance.account, instance.region, instance.id):
                yield from read(interface)

        return values

    found = {name: over(read) for name, read in INTERFACE.filters.items()}
    found |= {"tag-key": over(lambda one: one.tags), "tag-value": over(lambda one: one.tags.values())}
    return {f"network-interface.{name}": read for name, read in found.items()}


@operation("DescribeInstances")
def describe_instances(call: Call, request: Request) -> dict[str, Any]:
    request.get("IncludeManagedResources")  # Pileus manages none by itself
    keep = compiled(request.get("Filters") or [], filters_of(call))
    records, token = select(call, request, instance_kind, ids="InstanceIds", keep=keep, exclusive=True)
    shown: dict[str, Any] = {"Reservations": showing.reservations(call, records)}
    if token:
        shown["NextToken"] = token
    return shown
