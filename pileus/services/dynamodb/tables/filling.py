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

from ..items.changing import enter_if_missing
from ..items.keys import rows_after
from ..items.locks import as_service, sealer
from ..items.rows import Kept
from ..records import SecondaryIndex, TableRecord, keep, tables
from ..spaces import give_up

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
    rows = rows_after(tx, table.space, index.filled, CHUNK)
    sealing = sealer(as_service(world, tx, table.region), table)
    for row, sealed in rows:
        enter_if_missing(tx, table, index, sealing, row, Kept(sealing.open(row, sealed)).item)
    done = len(rows) < CHUNK
    changes: dict[str, Any] = {"status": "ACTIVE", "filled": b"", "backfilling": False} if done else {
        "filled": rows[-1][0], "backfilling": True}  # fmt: skip
    indexes = tuple(replace(known, **changes) if known is index else known for known in table.indexes)
    keep(tx, replace(table, indexes=indexes))
