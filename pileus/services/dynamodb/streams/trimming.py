"""Removes stream records that are older than a day. Nobody can read them any more, whether or not this has run."""

import asyncio
from typing import Any

import orjson

from pileus.control import Done, Outcome, RequeueAt
from pileus.store import Transaction

from ..items.locks import as_service, unlocked
from ..items.rows import HEAD_BYTES
from ..tables.policies import policies
from .records import KEEPS_S, StreamRecord, drop_head, head, row_key, shards, streams

EVERY_S = 3600.0
CHUNK = 200


class Trim:
    watches = streams.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> tuple[StreamRecord | None, bool]:
            """The stream, and whether there may be more to remove."""
            stream = streams.get(tx, *key)
            return (stream, _trim(world, tx, stream)) if stream is not None else (None, False)

        stream, more = await world.store.transact(work)
        while more:
            await asyncio.sleep(0)  # callers go first
            stream, more = await world.store.transact(work)
        if stream is None:
            return Done
        now = world.clock.now()
        if stream.ended and stream.ended + KEEPS_S <= now:
            await world.store.transact(lambda tx: _forget(tx, key))
            return Done
        return RequeueAt(min(now + EVERY_S, stream.ended + KEEPS_S) if stream.ended else now + EVERY_S)


def _trim(world: Any, tx: Transaction, stream: StreamRecord) -> bool:
    now = world.clock.now()
    sealing = unlocked(as_service(world, tx, stream.arn.split(":")[3]), stream.lock)
    rows = tx.scan(row_key(stream.id, 0), row_key(stream.id, 2**63 - 1), CHUNK)
    for row, sealed in rows:
        told = orjson.loads(sealing.open(row, sealed)[HEAD_BYTES:])["dynamodb"]
        if told["ApproximateCreationDateTime"] + KEEPS_S > now:
            return False
        tx.delete(row)
    for number, shard in list(shards.scan(tx, stream.id)):
        if shard.closed and shard.closed + KEEPS_S <= now:
            shards.delete(tx, stream.id, *number)
    return len(rows) == CHUNK


def _forget(tx: Transaction, key: tuple[Any, ...]) -> None:
    stream = streams.get(tx, *key)
    if stream is None:
        return
    for number, _ in list(shards.scan(tx, stream.id)):
        shards.delete(tx, stream.id, *number)
    if head(tx, stream.id) is not None:
        drop_head(tx, stream.id)
    policies.delete(tx, stream.arn)
    streams.delete(tx, *key)
