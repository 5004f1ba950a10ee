"""What SQS does in the background: expiry, freed names, the rows of spaces that were given up.

None of it decides what a caller sees: an expired message is never handed out, a name is free by the clock, a purged
space cannot be reached, whether or not these have run. Each takes a chunk a transaction, so that no caller waits long
behind one. Source: Amazon SQS API Reference, "SetQueueAttributes" (MessageRetentionPeriod), "DeleteQueue" and
"PurgeQueue".
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from pileus.control import Done, Outcome, RequeueAt
from pileus.store import Table, Transaction

from . import fifo, standard
from .queues import NAME_FREE_AFTER_S
from .sealing import unseal
from .sending import DEDUPLICATION_S
from .standard import SECOND
from .tables import (
    Queue,
    attempt_age,
    attempts,
    counts,
    deduplication_age,
    deduplications,
    deleted_names,
    doomed,
    groups,
    lines,
    messages,
    moved,
    queues,
    shares,
    tenants,
    turns,
    visible,
)

CHUNK = 200
BODIES_CHUNK = 20  # a body may be a mebibyte
EVERY_S = 60.0
_ROWS: tuple[tuple[Table[Any], int], ...] = (
    (visible, CHUNK),
    (moved, CHUNK),
    (tenants, CHUNK),
    (shares, CHUNK),
    (turns, CHUNK),
    (groups, CHUNK),
    (lines, CHUNK),
    (messages, BODIES_CHUNK),
)


class FreeNames:
    """Forgets a deleted queue's name once its sixty seconds are over."""

    watches = deleted_names.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> Outcome:
            deleted = deleted_names.get(tx, *key)
            if deleted is None:
                return Done
            free_at = deleted.at + NAME_FREE_AFTER_S
            if world.clock.now() < free_at:
                return RequeueAt(free_at)
            deleted_names.delete(tx, *key)
            return Done

        return await world.store.transact(work)


class SweepSpaces:
    """Removes the rows of a space that a purge or a deletion gave up."""

    watches = doomed.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        space = key[0]

        def work(tx: Transaction) -> bool:
            """Whether anything was left to do."""
            mark = doomed.get(tx, space)
            if mark is None:
                return False
            if any(_clear(tx, table, space, chunk) for table, chunk in _ROWS):
                return True
            if mark.uid and any(_clear(tx, table, mark.uid, CHUNK) for table in (deduplications, attempts)):
                return True
            counts.delete(tx, space)
            doomed.delete(tx, space)
            return False

        while await world.store.transact(work):
            await asyncio.sleep(0)  # callers go first
        return Done


def _clear(tx: Transaction, table: Table[Any], first: int, limit: int) -> bool:
    rows = list(table.scan(tx, first, limit=limit))
    for rest, _ in rows:
        table.delete(tx, first, *rest)
    return bool(rows)


class ExpireMessages:
    """Removes what outlived its queue's retention period, and deduplication rows that outlived theirs."""

    watches = queues.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        queue: Queue | None = await world.store.transact(lambda tx: queues.get(tx, *key))
        if queue is None:
            return Done
        now = int(world.clock.now() * 1e6)
        expire = _expire_fifo if queue.fifo else _expire_standard
        await expire(world, key, now)
        if queue.fifo:
            await _repeat(world, key, lambda tx, found: _forget(tx, found, now))
        return RequeueAt(now / SECOND + max(EVERY_S, queue.retention / 100))


Step = Callable[[Transaction, Queue], bool]


async def _repeat(world: Any, key: tuple[Any, ...], step: Step) -> None:
    """Runs `step` until it has nothing left to do, each time on the queue as it is then."""

    def work(tx: Transaction) -> bool:
        queue = queues.get(tx, *key)
        return queue is not None and step(tx, queue)

    while await world.store.transact(work):
        await asyncio.sleep(0)  # callers go first


def _forget(tx: Transaction, queue: Queue, now: int) -> bool:
    horizon = now - DEDUPLICATION_S * SECOND
    old = [key for key, row in deduplications.find(tx, deduplication_age, queue.uid, limit=CHUNK) if row.at <= horizon]
    for key in old:
        deduplications.delete(tx, *key)
    stale = [key for key, row in attempts.find(tx, attempt_age, queue.uid, limit=CHUNK) if row.at <= horizon]
    for key in stale:
        attempts.delete(tx, *key)
    return len(old) == CHUNK or len(stale) == CHUNK


async def _expire_fifo(world: Any, key: tuple[Any, ...], now: int) -> None:
    """Bodies stand in the order in which they were sent, and name their place in line."""

    def step(tx: Transaction, queue: Queue) -> bool:
        oldest = max(0, now - queue.retention * SECOND + 1)
        rows = messages.page(tx, queue.space, None, oldest, BODIES_CHUNK)
        for (sent, serial), kept in rows:
            fifo.drop(tx, queue, unseal(world.keyring, queue, kept, sent, serial), now)
        return len(rows) == BODIES_CHUNK

    await _repeat(world, key, step)


async def _expire_standard(world: Any, key: tuple[Any, ...], now: int) -> None:
    """The order of visibility is not that of age, so it is walked whole."""
    walked: tuple[int, ...] | None = ()
    while walked is not None:
        walked = await world.store.transact(partial(_expire_page, key=key, now=now, walked=walked))
        await asyncio.sleep(0)  # callers go first


def _expire_page(tx: Transaction, key: tuple[Any, ...], now: int, walked: tuple[int, ...]) -> tuple[int, ...] | None:
    """`walked` is the space and the place in it up to which the walk has come; answers how far it came now."""
    queue = queues.get(tx, *key)
    if queue is None:
        return None
    after = walked[1:] if walked and walked[0] == queue.space else None
    rows = visible.page(tx, queue.space, after, None, CHUNK)
    for (position, sent, serial), state in rows:
        if standard.expired(queue, sent, now):
            standard.remove(tx, queue, position, sent, serial, state)
    return (queue.space, *rows[-1][0]) if len(rows) == CHUNK else None
