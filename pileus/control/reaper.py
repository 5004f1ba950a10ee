"""Removes the bytes nobody needs: what was released, and what a killed process left over (pileus/blobs/records.py)."""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Protocol

from pileus.base.clock import Clock
from pileus.base.threads import threaded
from pileus.blobs import Blobs
from pileus.blobs.records import RELEASED, adopted, released
from pileus.store import Store, Transaction

from .loop import RequeueAt

SWEEP_BATCH = 256
LOOK_AGAIN_S = 60.0
READ_AGAIN_S = 5.0

log = logging.getLogger("pileus.blobs")


class World(Protocol):
    store: Store
    clock: Clock
    blobs: Blobs


Row = tuple[int, int]
"""(position, blob): rows stand in the order of their release."""


class Reap:
    """Removes all that was released, many at once: there is one row to look at, whatever the number."""

    watches = RELEASED

    def __init__(self) -> None:
        self._gone = 0
        """Rows up to here were removed: to begin there spares a scan all the tombstones before."""

    async def reconcile(self, world: World, key: tuple[Any, ...]) -> RequeueAt | None:
        linger, now = world.blobs.linger_s, world.clock.now()
        if linger:
            return await self._linger(world, now, linger)
        after, read = self._gone, False
        while rows := await world.store.transact(partial(_released, after=after)):
            free = [row for row in rows if row[1] not in world.blobs.readers]
            read = read or len(free) < len(rows)
            await self._remove(world, free)
            after = rows[-1][0]
            if not read:
                self._gone = after
        # What somebody is still reading is looked at again.
        return RequeueAt(now + READ_AGAIN_S) if read else None

    async def _linger(self, world: World, now: float, linger: float) -> RequeueAt | None:
        due = await world.store.transact(lambda tx: _due(tx, now, linger))
        await self._remove(world, due)
        left = await world.store.transact(lambda tx: next(released.scan(tx, limit=1), None))
        return RequeueAt(now + min(linger, LOOK_AGAIN_S)) if left is not None else None

    async def _remove(self, world: World, batch: list[Row]) -> None:
        gone = [blob for _, blob in batch]
        for blob in gone:
            world.blobs.kept.forget(blob)
        await threaded(_delete, world.blobs, gone)
        await world.store.transact(lambda tx: _forget(tx, batch))


def _released(tx: Transaction, after: int) -> list[Row]:
    return [(int(key[0]), int(key[1])) for key, _ in released.scan(tx, limit=SWEEP_BATCH, after=(after, 2**63 - 1))]


def _due(tx: Transaction, now: float, linger: float) -> list[Row]:
    """What has lingered long enough; what is seen for the first time gets its hour."""
    due: list[Row] = []
    after: tuple[Any, ...] | None = None
    while rows := list(released.scan(tx, limit=SWEEP_BATCH, after=after)):
        for key, moment in rows:
            if not moment:
                released.put(tx, *key, record=now + linger)
            elif moment <= now:
                due.append((int(key[0]), int(key[1])))
        after = rows[-1][0]
    return due


def _delete(blobs: Blobs, batch: list[int]) -> None:
    for blob in batch:
        blobs.delete(blob)


def _forget(tx: Transaction, batch: list[Row]) -> None:
    for row in batch:
        released.delete(tx, *row)


async def sweep(world: World) -> int:
    """Removes what an earlier process wrote and nobody adopted. Returns how many blobs that were."""
    left = world.blobs.left_over()
    gone = 0
    while batch := await threaded(_some, left):
        orphans = await world.store.transact(lambda tx, batch=batch: _unknown(tx, batch))  # type: ignore[misc]
        await threaded(_delete, world.blobs, orphans)
        gone += len(orphans)
    if gone:
        log.info("%d unfinished uploads of an earlier run were removed", gone)
    return gone


def _some(left: Iterator[int]) -> list[int]:
    return list(islice(left, SWEEP_BATCH))


def _unknown(tx: Transaction, batch: list[int]) -> list[int]:
    """What is released belongs to the reaper."""
    unknown = [blob for blob in batch if adopted.get(tx, blob) is None]
    waiting: set[int] = set()
    after: tuple[Any, ...] | None = None
    while unknown and (rows := list(released.scan(tx, limit=SWEEP_BATCH, after=after))):
        waiting.update(int(key[1]) for key, _ in rows)
        after = rows[-1][0]
    return [blob for blob in unknown if blob not in waiting]
