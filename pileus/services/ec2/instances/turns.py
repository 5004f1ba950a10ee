"""Whose turn it is to boot: a host that boots twenty machines at once has none for half a minute.

So a few boot at a time, in the order of their launch, and the others are `pending` meanwhile: the first is there at
once, and the last no later. What is known here is of this process only; after a start of the cloud all ask again.
"""

import asyncio
from heapq import nsmallest
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from pileus.drivers.machines.api import Machines
from pileus.service.call import Cloud
from pileus.store import Transaction, wake

from .records import Instance, instances

BOOT_SECONDS = 10.0
"""A machine that has not said by then that it is up keeps no other waiting."""
NEXT_SECONDS, LATER_SECONDS = 2.0, 60.0
"""When those that wait ask again if nobody wakes them: who is next, and the others."""
Key = tuple[Any, ...]


class _Line:
    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self.booting: dict[str, float] = {}
        """Machine -> until when its turn is, at most."""
        self.waiting: dict[str, tuple[float, int, int]] = {}
        """Machine -> its place in the order of launches, and of arrivals within a second."""
        self.arrivals = count()
        self.keys: dict[str, Key] = {}

    def next(self, free: int) -> list[str]:
        return nsmallest(free, self.waiting, self.waiting.__getitem__) if free > 0 else []


_lines: WeakKeyDictionary[Machines, _Line] = WeakKeyDictionary()


def _line(cloud: Cloud) -> _Line:
    loop, found = asyncio.get_running_loop(), _lines.get(cloud.drivers.machines)
    if found is None or found.loop is not loop:
        found = _lines[cloud.drivers.machines] = _Line(loop)
    return found


async def take(cloud: Cloud, instance: Instance) -> float | None:
    """None when the instance may boot now: the turn is its until `leave`. Else the moment at which to ask again, though
    it is woken sooner when its turn comes."""
    line, now = _line(cloud), cloud.clock.now()
    if instance.id in line.booting:
        return None
    for id in [id for id, until in line.booting.items() if not now < until <= now + BOOT_SECONDS]:
        del line.booting[id]
    if instance.id not in line.waiting:
        line.waiting[instance.id] = (instance.launched, instance.launch_index, next(line.arrivals))
    line.keys[instance.id] = (instance.account, instance.region, instance.id)
    if instance.id not in line.next(_free(cloud, line)):
        return now + (NEXT_SECONDS if line.next(1) == [instance.id] else LATER_SECONDS)
    del line.waiting[instance.id], line.keys[instance.id]
    line.booting[instance.id] = now + BOOT_SECONDS
    await _call_next(cloud, line)
    return None


async def leave(cloud: Cloud, id: str) -> None:
    """The instance is up, or does not boot any more: wakes whose turn is next. Harmless when it had no turn."""
    line = _line(cloud)
    line.keys.pop(id, None)
    waited = line.waiting.pop(id, None) is not None
    if line.booting.pop(id, None) is not None or waited:
        await _call_next(cloud, line)


def _free(cloud: Cloud, line: _Line) -> int:
    return cloud.drivers.machines.boots_at_once() - len(line.booting)


async def _call_next(cloud: Cloud, line: _Line) -> None:
    """Those who may boot now, or at least who is next: that one asks again and again."""
    keys = [line.keys[id] for id in line.next(max(1, _free(cloud, line)))]

    def work(tx: Transaction) -> None:
        for key in keys:
            wake(tx, instances.name, *key)

    if keys:
        await cloud.store.transact(work)
