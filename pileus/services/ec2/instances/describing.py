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
from ..vpc.records import Attachment as Tie
from ..vpc.records import Interface
from . import showing
from .records import Instance, instance_kind


def filters_of(call: Call) -> dict[str, Callable[[Instance], Iterable[str | None]]]:
    """Those of the record, and those that look at its interfaces."""

    def over(read: Callable[[Interface], Iterable[str | None]]) -> Callable[[Instance], Iterable[str | None]]:
        def values(instance: Instance) -> Iterable[str | None]:
            for interface in joining.interfaces_of(call.tx, instance.account, instance.region, instance.id):
                yield from read(interface)

        return values

    def first(read: Callable[[Interface], Iterable[str | None]]) -> Callable[[Instance], Iterable[str | None]]:
        def values(instance: Instance) -> Iterable[str | None]:
            found = joining.interfaces_of(call.tx, instance.account, instance.region, instance.id)
            return read(found[0]) if found else []

        return values

    def attached(read: Callable[[Attachment], str]) -> Callable[[Instance], Iterable[str | None]]:
        def values(instance: Instance) -> Iterable[str | None]:
            for disk in instance.disks:
                volume = volumes.get(call.tx, instance.account, instance.region, disk.volume)
                if volume is not None and volume.attachment is not None:
                    yield read(volume.attachment)

        return values

    def joined(read: Callable[[Tie], str]) -> Callable[[Instance], Iterable[str | None]]:
        return over(lambda one: [read(one.attachment)] if one.attachment is not None else [])

    groups, names = (lambda one: one.groups), (lambda one: one.names)
    return {
        **instance_kind.filters,
        "group-id": first(groups),
        "group-name": first(names),
        "instance.group-id": first(groups),
        "instance.group-name": first(names),
        "ip-address": first(lambda one: [showing.public_of(one)]),
        "private-dns-name": lambda one: [joining.private_name(call.region, one.private_address)],
        "dns-name": lambda one: [showing.instance(call, one).get("PublicDnsName")],
        "source-dest-check": first(lambda one: ["true" if one.source_check else "false"]),
        "block-device-mapping.status": attached(lambda one: one.state),
        "block-device-mapping.attach-time": attached(lambda one: f"{iso_millis(one.at)}Z"),
        "block-device-mapping.delete-on-termination": attached(lambda one: boolean(one.delete_on_termination)),
        "network-interface.attachment.attachment-id": joined(lambda one: one.id),
        "network-interface.attachment.device-index": joined(lambda one: str(one.index)),
        "network-interface.attachment.delete-on-termination": joined(lambda one: boolean(one.delete_on_termination)),
        "network-interface.attachment.instance-id": joined(lambda one: one.instance),
        "network-interface.owner-id": over(lambda one: [one.account]),
        "network-interface.source-dest-check": over(lambda one: [boolean(one.source_check)]),
        "network-interface.private-dns-name": over(
            lambda one: [joining.private_name(call.region, one.primary.address)]
        ),
        "network-interface.network-interface-id": over(lambda one: [one.id]),
        "network-interface.subnet-id": over(lambda one: [one.subnet]),
        "network-interface.vpc-id": over(lambda one: [one.vpc]),
        "network-interface.mac-address": over(lambda one: [one.mac]),
        "network-interface.group-id": over(groups),
        "network-interface.group-name": over(names),
        "network-interface.availability-zone": over(lambda one: [one.zone]),
        "network-interface.description": over(lambda one: [one.description]),
        "network-interface.addresses.private-ip-address": over(lambda one: [each.address for each in one.addresses]),
        "network-interface.addresses.association.public-ip": over(
            lambda one: [each.public.address for each in one.addresses if each.public is not None]
        ),
        "network-interface.association.public-ip": over(
            lambda one: [each.public.address for each in one.addresses if each.public is not None]
        ),
    }


@operation("DescribeInstances")
def describe_instances(call: Call, request: Request) -> dict[str, Any]:
    request.get("IncludeManagedResources")  # Pileus manages none by itself
    keep = compiled(request.get("Filters") or [], filters_of(call))
    records, token = select(call, request, instance_kind, ids="InstanceIds", keep=keep, exclusive=True)
    shown: dict[str, Any] = {"Reservations": showing.reservations(call, records)}
    if token:
        shown["NextToken"] = token
    return shown
