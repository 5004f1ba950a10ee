"""What rows were before each change: kept while somebody may want the table as it was.

A copy of a table as of a moment is its rows as they are, with every change since undone, the latest first. A row of the
past stands under (space, when it was changed) and is sealed like the table's own.
"""

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from ..items.keys import ROWS
from ..items.rows import HEAD_BYTES, Kept, Sealer, sealer
from ..records import TableRecord

_PAST = b"\x02dynamodb.p\0"
_SUFFIX = slice(len(ROWS) + 8, None)


def place(space: int, number: int) -> bytes:
    return _PAST + space.to_bytes(8, "big") + number.to_bytes(8, "big")


def number_of(row: bytes) -> int:
    return int.from_bytes(row[-8:], "big")


def note(call: Call, table: TableRecord, key: bytes, old: Kept | None) -> None:
    """In the transaction of the change. `key` is the row's."""
    suffix = key[_SUFFIX]
    text = len(suffix).to_bytes(2, "big") + suffix + (old.opened if old is not None else b"")
    at = place(table.space, ids.rising(call.now))
    call.tx.put(at, sealer(call.cloud.keyring, table).seal_text(at, text, 0))


def changes_before(
    tx: Transaction, sealing: Sealer, space: int, since: float, before: int, limit: int
) -> list[tuple[int, bytes, bytes]]:
    """The latest changes after the moment `since` and before the number `before`, the latest first: (number, the rest
    of the row's key, what it was: head and JSON, empty for nothing)."""
    rows = tx.scan(place(space, ids.rising_from(since)), place(space, before), limit, True)
    found = []
    for row, sealed in rows:
        text = sealing.open(row, sealed)[HEAD_BYTES:]
        end = 2 + int.from_bytes(text[:2], "big")
        found.append((number_of(row), text[2:end], text[end:]))
    return found


def trim(tx: Transaction, space: int, before: float, limit: int) -> bool:
    """Forgets what is older than a moment; whether there may be more."""
    number = min(max(0, ids.rising_from(before)), 2**63 - 1)
    rows = tx.scan(place(space, 0), place(space, number), limit)
    for row, _ in rows:
        tx.delete(row)
    return len(rows) == limit
