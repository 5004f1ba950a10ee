"""Global indexes that come and go while writes go on.

An index that is being made gets every change from the transaction that asks for it on; what was there before is entered
here, a few items a transaction, each as it is then. So no row is lost and none is entered twice. Source: DynamoDB
Developer Guide, "Managing Global Secondary Indexes in DynamoDB" (items that violate the key's types are left out).
"""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome
from pileus.store import Transaction

from .. import spaces
from ..items.changing import projected
from ..items.keys import entry_key, space_prefix
from ..items.locks import as_service, sealer
from ..items.rows import Kept
from ..records import SecondaryIndex, TableRecord, tables
from ..values import item_size
from .creating import keep
from .deleting import give_up

CHUNK = 50
replace = msgspec.structs.replace


class FillIndexes:
    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        while await world.store.transact(lambda tx: _step(world, tx, key)):
            await asyncio.sleep(0)  # callers go first
        return Done


def _step(world: Any, tx: Transaction, key: tuple[Any, ...]) -> bool:
    """Whether there is more to do."""
    table = tables.get(tx, *key)
    if table is None or table.status == "DELETING":
        return False
    for index in table.indexes:
        if index.status == "DELETING":
            give_up(tx, index.space)
            left = tuple(known for known in table.indexes if known is not index)
            used = {*table.keys.names, *(name for known in left for name in known.keys.names)}
            types = {name: kind for name, kind in table.types.items() if name in used}
            keep(tx, replace(table, indexes=left, types=types))
            return True
        if index.status == "CREATING":
            _fill(world, tx, table, index)
            return True
    return False


def _fill(world: Any, tx: Transaction, table: TableRecord, index: SecondaryIndex) -> None:
    head = space_prefix(table.space)
    start = index.filled + b"\0" if index.filled else head
    rows = tx.scan(start, head + b"\xff" * 17, CHUNK)
    sealing = sealer(as_service(world, tx, table.region), table)
    for row, sealed in rows:
        item = Kept(sealing.open(row, sealed)).item
        at = entry_key(index, item, row)
        if at is not None and tx.get(at) is None:
            entry = projected(table, index, item)
            size = item_size(entry)
            tx.put(at, sealing.seal(at, entry, size))
            spaces.add(tx, index.space, 1, size)
    done = len(rows) < CHUNK
    changes: dict[str, Any] = {"status": "ACTIVE", "filled": b"", "backfilling": False} if done else {
        "filled": rows[-1][0], "backfilling": True}  # fmt: skip
    indexes = tuple(replace(known, **changes) if known is index else known for known in table.indexes)
    keep(tx, replace(table, indexes=indexes))
