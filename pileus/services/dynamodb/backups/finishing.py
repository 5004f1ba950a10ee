"""What a copy becomes once it is whole: a table, a backup, or an export."""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome
from pileus.store import Transaction

from .. import spaces
from ..records import keep, tables
from ..transfers.records import exports
from .copying import Copy, copies, step
from .records import backups, place_of

replace = msgspec.structs.replace


class MakeCopies:
    watches = copies.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        number = int(key[0])
        while True:
            copy = await world.store.transact(lambda tx: step(world, tx, number))
            if copy is None:
                return Done
            if copy.phase == "done":
                return await _finish(world, number, copy)
            await asyncio.sleep(0)  # callers go first


async def _finish(world: Any, number: int, copy: Copy) -> Outcome:
    def work(tx: Transaction) -> None:
        if copies.get(tx, number) is None:
            return
        if copy.into is not None:
            _become_table(tx, copy)
        elif copy.backup:
            _become_backup(tx, copy)
        elif copy.export:
            _become_export(tx, copy)
        copies.delete(tx, number)

    await world.store.transact(work)
    return Done


def _become_table(tx: Transaction, copy: Copy) -> None:
    assert copy.into is not None
    table = tables.get(tx, *copy.into)
    if table is not None:
        done = {**table.restored, "RestoreInProgress": False}
        keep(tx, replace(table, status="ACTIVE", restored=done, held=False))
    place = place_of(copy.backup)
    backup = backups.get(tx, *place) if place is not None else None
    if backup is not None and place is not None:
        backups.put(tx, *place, record=replace(backup, restoring=max(0, backup.restoring - 1)))


def _become_backup(tx: Transaction, copy: Copy) -> None:
    place = place_of(copy.backup)
    backup = backups.get(tx, *place) if place is not None else None
    if backup is not None and place is not None:
        count = spaces.counts(tx, copy.target.space)
        done = replace(backup, status="AVAILABLE", items=count.items, octets=count.octets)
        backups.put(tx, *place, record=done)


def _become_export(tx: Transaction, copy: Copy) -> None:
    """The export writes it out and gives it up."""
    assert copy.of is not None
    id_ = copy.export.rpartition("/")[2]
    export = exports.get(tx, *copy.of, id_)
    if export is not None:
        exports.put(tx, *copy.of, id_, record=replace(export, copied=True))
