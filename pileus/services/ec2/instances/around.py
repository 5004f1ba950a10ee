"""What instances have around them (interfaces, disks, networks), read once for a whole answer.

Of a few instances each thing is looked up; of many, all of the account's are read in one go, which is several times
faster than a thousand looks, unless there are far more of them than are asked for.
"""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

from pileus.service import Call
from pileus.store import Table

from ..kinds import each
from ..volumes.records import Volume, volumes
from ..vpc import joining
from ..vpc.kinds import VPC
from ..vpc.records import Interface, Vpc, interfaces
from .records import Instance

MANY = 500
TIMES = 3
R = TypeVar("R")


class Around:
    def __init__(self, call: Call, records: Sequence[Instance]):
        self._call = call
        self._vpcs: dict[str, Vpc] = {}
        self._volumes: dict[str, Volume] | None = None
        self._interfaces: dict[str, list[Interface]] | None = None
        if len(records) >= MANY:
            every, joined = self._every(volumes, records), self._every(interfaces, records)
            self._volumes = {volume.id: volume for volume in every} if every is not None else None
            self._interfaces = _by_instance(joined) if joined is not None else None

    def _every(self, table: Table[R], records: Sequence[Instance]) -> list[R] | None:
        """None when there are too many others."""
        limit = TIMES * len(records)
        found = list(islice(each(table, self._call.tx, records[0].account, records[0].region), limit + 1))
        return found if len(found) <= limit else None

    def interfaces(self, instance: Instance) -> list[Interface]:
        if self._interfaces is not None:
            return self._interfaces.get(instance.id, [])
        return joining.interfaces_of(self._call.tx, instance.account, instance.region, instance.id)

    def volume(self, instance: Instance, id: str) -> Volume | None:
        if self._volumes is not None:
            return self._volumes.get(id)
        return volumes.get(self._call.tx, instance.account, instance.region, id)

    def vpc(self, id: str) -> Vpc:
        found = self._vpcs.get(id)
        if found is None:
            found = self._vpcs[id] = VPC.need(self._call, id)
        return found


def _by_instance(joined: list[Interface]) -> dict[str, list[Interface]]:
    found: dict[str, list[Interface]] = {}
    for interface in joined:
        if interface.attachment is not None:
            found.setdefault(interface.attachment.instance, []).append(interface)
    for some in found.values():
        some.sort(key=lambda one: one.attachment.index if one.attachment is not None else 0)
    return found
