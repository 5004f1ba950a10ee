"""Carries writes from region to region.

An entry of the outbox names a row; what is done for it is found out anew from what the regions have now, so an entry
may be worked off twice, and late. Source: DynamoDB Developer Guide, "How DynamoDB global tables work".
"""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome
from pileus.service import Actor, outbox, service_caller
from pileus.store import Transaction

from ..items import changing
from ..items.keys import rows_after, space_prefix
from ..items.locks import as_service, sealer
from ..items.rows import Kept
from ..records import TableRecord, keep, tables
from ..values import item_size
from .members import others
from .stamps import SUBJECT, stamp

BATCH = 100
REPLICATION = "replication.dynamodb.amazonaws.com"
replace = msgspec.structs.replace


class Carry:
    """Brings what was written in one region to the others."""

    watches = outbox.EVENTS

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        subject = str(key[0])
        if not subject.startswith(SUBJECT):
            return Done
        place = subject.removeprefix(SUBJECT).split(" ")
        while await world.store.transact(lambda tx: _carry_some(world, tx, subject, place)):
            await asyncio.sleep(0)  # callers go first
        return Done


def _carry_some(world: Any, tx: Transaction, subject: str, place: list[str]) -> bool:
    """Whether there may be more."""
    source = tables.get(tx, *place)
    entries = list(outbox.read(tx, subject, limit=BATCH))
    rows = dict.fromkeys(event.body["row"] for _, event in entries)
    if source is not None:
        for target in others(tx, source):
            for row in rows:
                carry(world, tx, source, target, row)
    if entries:
        outbox.trim(tx, subject, entries[-1][0])
    return len(entries) == BATCH


def carry(world: Any, tx: Transaction, source: TableRecord, target: TableRecord, suffix: bytes) -> None:
    """Brings one row to another region, unless that one has a later write of it."""
    written = stamp(tx, source.space, suffix)
    there = stamp(tx, target.space, suffix)
    key = space_prefix(target.space) + suffix
    if written <= there and (written or there or tx.get(key) is not None):
        return
    origin = space_prefix(source.space) + suffix
    row = tx.get(origin)
    opening = sealer(as_service(world, tx, source.region), source)
    new = Kept(opening.open(origin, row)).item if row is not None else None
    call = Actor(world, service_caller(REPLICATION), target.region).call(tx, "dynamodb", "PutItem")
    old = changing.read(call, target, key)
    if old is not None or new is not None:
        size = item_size(new) if new is not None else 0
        changing.change(call, target, key, old, new, size, free=True, written=written or 1)


class FillReplicas:
    """Brings a new replica what was there before it."""

    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        walked: bytes | None = b""
        while walked is not None:
            at = walked
            walked = await world.store.transact(lambda tx, at=at: _fill(world, tx, key, at))
            await asyncio.sleep(0)  # callers go first
        return Done


def _fill(world: Any, tx: Transaction, key: tuple[Any, ...], walked: bytes) -> bytes | None:
    """How far the walk came; None at the end. One that was broken off begins again: it does no harm."""
    target = tables.get(tx, *key)
    if target is None or not target.held or not target.replicas or target.status == "DELETING":
        return None
    source = tables.get(tx, target.account, target.replicas[0], target.name)
    if source is None:
        keep(tx, replace(target, held=False, status="ACTIVE"))
        return None
    rows = rows_after(tx, source.space, walked, BATCH)
    head = len(space_prefix(source.space))
    for row, _ in rows:
        carry(world, tx, source, target, row[head:])
    if len(rows) == BATCH:
        return rows[-1][0]
    keep(tx, replace(target, held=False, status="ACTIVE"))
    return None
