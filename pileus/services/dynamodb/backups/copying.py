"""Copies of tables as of a moment, made in the background while writes go on.

First the rows as they are, a few a transaction; then every change since the moment is undone, the latest first; then,
if the copy is a table of its own, its indexes and counts. Each step can be done twice, and where the work stands is
written with what was done.
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.store import Table, Transaction

from .. import spaces
from ..items.changing import enter_if_missing, has_local
from ..items.keys import ROWS, rows_after, space_prefix
from ..items.locks import as_service, unlocked
from ..items.rows import Kept, Sealer
from ..records import Lock, TableRecord, keep, tables
from . import past

CHUNK = 100
replace = msgspec.structs.replace


class Rows(msgspec.Struct, frozen=True):
    """Rows of a table or of a copy: where they lie, and what opens them."""

    space: int
    lock: Lock
    region: str

    def sealing(self, world: Any, tx: Transaction) -> Sealer:
        return unlocked(as_service(world, tx, self.region), self.lock)


def rows_of(table: TableRecord, space: int = 0) -> Rows:
    """A table's rows; or those of a copy under the same key, in a space of its own."""
    return Rows(space or table.space, table.lock, table.region)


class Copy(msgspec.Struct, frozen=True):
    """`since`: the place in the past from which on changes are undone; empty when none are. `of`: (account, region,
    name) of the table whose past is being kept for it; `phase`: rows, undo, count, done. `into`: the table that the
    copy becomes, if any."""

    source: Rows
    target: Rows
    since: bytes
    of: tuple[str, str, str] | None = None
    into: tuple[str, str, str] | None = None
    backup: str = ""
    export: str = ""
    phase: str = "rows"
    cursor: bytes = b""


copies = Table("dynamodb.copy", Copy, watched=True)  # number


def begin(tx: Transaction, copy: Copy, now: float) -> None:
    copies.put(tx, ids.rising(now), record=copy)
    if copy.of is not None:
        _capture(tx, copy.of, 1)


def _capture(tx: Transaction, of: tuple[str, str, str], more: int) -> None:
    table = tables.get(tx, *of)
    if table is not None:
        keep(tx, replace(table, captures=max(0, table.captures + more)))


def step(world: Any, tx: Transaction, number: int) -> Copy | None:
    copy = copies.get(tx, number)
    if copy is None or copy.phase == "done":
        return copy
    if copy.phase == "rows":
        copy = _copy_rows(world, tx, copy)
    elif copy.phase == "undo":
        copy = _undo(world, tx, copy)
    else:
        copy = _count(world, tx, copy)
    copies.put(tx, number, record=copy)
    return copy


def _copy_rows(world: Any, tx: Transaction, copy: Copy) -> Copy:
    source, target = copy.source.sealing(world, tx), copy.target.sealing(world, tx)
    head, new = space_prefix(copy.source.space), space_prefix(copy.target.space)
    rows = rows_after(tx, copy.source.space, copy.cursor, CHUNK)
    for row, sealed in rows:
        at = new + row[len(head) :]
        tx.put(at, target.seal_again(at, source.open(row, sealed)))
    if len(rows) == CHUNK:
        return replace(copy, cursor=rows[-1][0])
    if copy.since:
        return replace(copy, phase="undo", cursor=b"")
    return replace(copy, phase="count", cursor=b"")


def _undo(world: Any, tx: Transaction, copy: Copy) -> Copy:
    source, target = copy.source.sealing(world, tx), copy.target.sealing(world, tx)
    new = space_prefix(copy.target.space)
    changes = past.changes_before(tx, source, copy.source.space, copy.since, copy.cursor, CHUNK)
    for _, suffix, was in changes:
        at = new + suffix
        if was:
            tx.put(at, target.seal_again(at, was))
        else:
            tx.delete(at)
    if len(changes) == CHUNK:
        return replace(copy, cursor=changes[-1][0])
    return replace(copy, phase="count", cursor=b"")


def _count(world: Any, tx: Transaction, copy: Copy) -> Copy:
    """Indexes and counts of what the copy has become."""
    sealing = copy.target.sealing(world, tx)
    table = tables.get(tx, *copy.into) if copy.into is not None else None
    rows = rows_after(tx, copy.target.space, copy.cursor, CHUNK)
    items, octets = 0, 0
    for row, sealed in rows:
        kept = Kept(sealing.open(row, sealed))
        items, octets = items + 1, octets + kept.size
        if table is not None and table.indexes:
            _index(tx, table, sealing, kept, row)
    spaces.add(tx, copy.target.space, items, octets)
    if len(rows) == CHUNK:
        return replace(copy, cursor=rows[-1][0])
    if copy.of is not None:
        _capture(tx, copy.of, -1)
    return replace(copy, phase="done", cursor=b"")


def _index(tx: Transaction, table: TableRecord, sealing: Sealer, kept: Kept, row: bytes) -> None:
    for index in table.indexes:
        enter_if_missing(tx, table, index, sealing, row, kept.item)
    if has_local(table):
        spaces.add(tx, table.space, 1, kept.size, row[len(ROWS) + 8 : len(ROWS) + 24])
