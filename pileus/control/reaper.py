"""Removes the bytes nobody needs: what was released, and what a killed process left over (pileus/blobs/records.py)."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Protocol

from pileus.base.clock import Clock
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


class Reap:
    """Removes all that was released, many at once: there is one row to look at, whatever the number."""

    watches = RELEASED

    async def reconcile(self, world: World, key: tuple[Any, ...]) -> RequeueAt | None:
        linger, now = world.blobs.linger_s, world.clock.now()
        if linger:
            return await self._linger(world, now, linger)
        skipped: set[int] = set()
        while rows := await world.store.transact(partial(_released, skipped=skipped)):
            read = {blob for blob in rows if blob in world.blobs.readers}
            skipped |= read
            await self._remove(world, [blob for blob in rows if blob not in read])
        # Somebody is still reading: they are looked at again.
        return RequeueAt(now + READ_AGAIN_S) if skipped else None

    async def _linger(self, world: World, now: float, linger: float) -> RequeueAt | None:
        due = await world.store.transact(lambda tx: _due(tx, now, linger))
        await self._remove(world, due)
        left = await world.store.transact(lambda tx: next(released.scan(tx, limit=1), None))
        return RequeueAt(now + min(linger, LOOK_AGAIN_S)) if left is not None else None

    async def _remove(self, world: World, batch: list[int]) -> None:
        await asyncio.to_thread(_delete, world.blobs, batch)
        await world.store.transact(lambda tx: _forget(tx, batch))


def _released(tx: Transaction, skipped: set[int]) -> list[int]:
    rows = released.scan(tx, limit=SWEEP_BATCH + len(skipped))
    return [blob for key, _ in rows if (blob := int(key[0])) not in skipped]


def _due(tx: Transaction, now: float, linger: float) -> list[int]:
    """What has lingered long enough; what is seen for the first time gets its hour."""
    due: list[int] = []
    after: tuple[Any, ...] | None = None
    while rows := list(released.scan(tx, limit=SWEEP_BATCH, after=after)):
        for key, moment in rows:
            if not moment:
                released.put(tx, *key, record=now + linger)
            elif moment <= now:
                due.append(int(key[0]))
        after = rows[-1][0]
    return due


def _delete(blobs: Blobs, batch: list[int]) -> None:
    for blob in batch:
        blobs.delete(blob)


def _forget(tx: Transaction, batch: list[int]) -> None:
    for blob in batch:
        released.delete(tx, blob)


async def sweep(world: World) -> int:
    """Removes what an earlier process wrote and nobody adopted. Returns how many blobs that were."""
    left = world.blobs.left_over()
    gone = 0
    while batch := await asyncio.to_thread(_some, left):
        orphans = await world.store.transact(lambda tx, batch=batch: _unknown(tx, batch))  # type: ignore[misc]
        await asyncio.to_thread(_delete, world.blobs, orphans)
        gone += len(orphans)
    if gone:
        log.info("%d unfinished uploads of an earlier run were removed", gone)
    return gone


def _some(left: Iterator[int]) -> list[int]:
    return list(islice(left, SWEEP_BATCH))


def _unknown(tx: Transaction, batch: list[int]) -> list[int]:
    """What is released belongs to the reaper."""
    return [blob for blob in batch if adopted.get(tx, blob) is None and released.get(tx, blob) is None]
