"""Which blobs count: adopted by a transaction, released by another, and then really removed.

A blob goes to its engine first, its id into the transaction that makes it visible. What is released is removed by the
reaper, a reconciler: a crash in between costs nothing but a second try. What was never adopted, because the process was
killed in the middle of an upload, is found by a sweep after the start.
"""

import asyncio
import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, Protocol

from pileus.store import Store, Table, Transaction, wake

from .api import Blobs

RELEASED = "blobs.released"
SWEEP_BATCH = 256

adopted = Table("blobs", int)  # blob -> how many records point at it
released = Table(RELEASED, int)  # blob

log = logging.getLogger("pileus.blobs")


class World(Protocol):
    store: Store
    blobs: Blobs


def adopt(tx: Transaction, blob: int) -> None:
    """One more record points at the blob."""
    adopted.put(tx, blob, record=(adopted.get(tx, blob) or 0) + 1)


def release(tx: Transaction, blob: int) -> None:
    """One record less points at it; after the last one it is removed."""
    left = (adopted.get(tx, blob) or 0) - 1
    if left > 0:
        adopted.put(tx, blob, record=left)
        return
    adopted.delete(tx, blob)
    released.put(tx, blob, record=1)
    wake(tx, RELEASED)


class Reap:
    """Removes all that was released, many at once: there is one row to look at, whatever the number."""

    watches = RELEASED

    async def reconcile(self, world: World, key: tuple[Any, ...]) -> None:
        while batch := await world.store.transact(_released):
            await asyncio.to_thread(_delete, world.blobs, batch)
            await world.store.transact(lambda tx, batch=batch: _forget(tx, batch))  # type: ignore[misc]


def _released(tx: Transaction) -> list[int]:
    return [int(key[0]) for key, _ in released.scan(tx, limit=SWEEP_BATCH)]


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
