"""What a placement group means for the machines in it.

All machines are on the one host, so that a cluster's are as close as can be. Racks are like zones: what the cloud keeps
apart by its own rules and numbers, not by hardware. Source: Amazon EC2 User Guide, "Placement strategies for your
placement groups" (a cluster is in one zone and takes no burstable types; seven running instances of a rack level spread
in a zone; up to seven partitions, among which instances without a number are divided evenly); EC2 API Reference, "Error
codes" (InsufficientInstanceCapacity is the server's).
"""

from collections import Counter
from typing import Any

import msgspec

from pileus.service import Call

from ..instances.records import Grouped, Instance, instances, instances_in_group
from ..instances.types import InstanceType
from ..service import Ec2Error, combination, invalid
from .records import Group, asked

SPREAD_MAX = 7
MEMBERS_MAX = 1_000_000


class Wish(msgspec.Struct, frozen=True):
    """`partition`: 0 leaves it to the group."""

    group: Group
    partition: int = 0


def read(call: Call, given: Any, kind: InstanceType) -> Wish | None:
    """What `Placement` says of a group."""
    group, partition = asked(call, given.get("GroupName"), given.get("GroupId")), given.get("PartitionNumber")
    if group is None:
        if partition is not None:
            raise combination("PartitionNumber is for instances in a placement group with the strategy partition.")
        return None
    check_type(group.strategy, kind)
    if partition is None:
        return Wish(group)
    if group.strategy != "partition":
        raise combination("PartitionNumber is for placement groups with the strategy partition.")
    if not 1 <= partition <= group.partitions:
        raise invalid(
            f"Value ({partition}) for parameter partitionNumber is invalid. The placement group '{group.name}' has the "
            f"partitions 1 to {group.partitions}."
        )
    return Wish(group, partition)


def check_type(strategy: str, kind: InstanceType) -> None:
    if strategy not in kind.strategies:
        raise combination(
            f"{strategy.capitalize()} placement groups are not supported by the '{kind.name}' instance type. Specify a "
            "supported instance type or change the placement group strategy, and try again."
        )


def members(call: Call, group: str) -> list[Instance]:
    """All that are not terminated."""
    return [one for _, one in instances.find(call.tx, instances_in_group, group, limit=MEMBERS_MAX)]


def check_zone(call: Call, group: Group, zone: str) -> None:
    """A cluster is where its first instance is."""
    if group.strategy != "cluster":
        return
    other = next((one.zone for one in members(call, group.id) if one.zone != zone), None)
    if other is not None:
        raise Ec2Error(
            "InvalidPlacementGroup.InUse",
            f"The placement group '{group.name}' is in use in another availability zone: {other}",
        )


def room(call: Call, wish: Wish | None, zone: str, low: int, high: int) -> int:
    """How many can be launched, of `high`. Raises InsufficientInstanceCapacity when that is less than `low`."""
    if wish is None:
        return high
    check_zone(call, wish.group, zone)
    if wish.group.strategy != "spread":
        return high
    free = _free(call, wish.group.id, zone)
    if free < low:
        raise _full(wish.group.name, zone)
    return min(high, free)


def _free(call: Call, group: str, zone: str) -> int:
    running = [one for one in members(call, group) if one.zone == zone and one.state in ("pending", "running")]
    return max(0, SPREAD_MAX - len(running))


def _full(name: str, zone: str) -> Ec2Error:
    return Ec2Error(
        "InsufficientInstanceCapacity",
        f"The spread placement group '{name}' has {SPREAD_MAX} running instances in {zone}, as many as there may be in "
        "a zone.",
        status=500,
    )


def check_start(call: Call, instance: Instance, kind: InstanceType) -> None:
    """Of one that is stopped: its type may be another by now, and its place in a spread somebody else's."""
    if instance.grouped is None:
        return
    check_type(instance.grouped.strategy, kind)
    if instance.grouped.strategy == "spread" and not _free(call, instance.grouped.id, instance.zone):
        raise _full(instance.grouped.name, instance.zone)


def joined(call: Call, wish: Wish | None, zone: str, count: int = 1) -> list[Grouped | None]:
    """The places of so many more instances."""
    if wish is None:
        return [None] * count
    group, spread_over = wish.group, wish.group.strategy == "partition" and not wish.partition
    held: Counter[int] = Counter()
    if spread_over:
        there = [one.grouped for one in members(call, group.id) if one.zone == zone]
        held.update(one.partition for one in there if one is not None)
    places: list[Grouped | None] = []
    for _ in range(count):
        partition = wish.partition
        if spread_over:
            partition = min(range(1, group.partitions + 1), key=lambda number: (held[number], number))
            held[partition] += 1
        places.append(Grouped(group.id, group.name, group.strategy, partition))
    return places
