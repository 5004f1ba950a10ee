"""What rows were before each change: kept while somebody may want the table as it was.

A copy of a table as of a moment is its rows as they are, with every change since undone, the latest first. A row of the
past stands under (space, moment, number) and is sealed like the table's own. Moments never go back within a space, even
if the machine's clock does: else a change could be undone in the wrong order.
"""

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from ..items.keys import ROWS
from ..items.locks import sealer
from ..items.rows import HEAD_BYTES, Kept, Sealer
from ..records import TableRecord

_PAST = b"\x02dynamodb.p\0"
_SUFFIX = slice(len(ROWS) + 8, None)
_MOMENT = slice(len(_PAST) + 8, len(_PAST) + 16)
_END = b"\xff" * 17


def _head(space: int) -> bytes:
    return _PAST + space.to_bytes(8, "big")


def _micros(moment: float) -> bytes:
    return int(moment * 1e6).to_bytes(8, "big")


def note(call: Call, table: TableRecord, key: bytes, old: Kept | None) -> None:
    """In the transaction of the change. `key` is the row's."""
    suffix, head = key[_SUFFIX], _head(table.space)
    text = len(suffix).to_bytes(2, "big") + suffix + (old.opened if old is not None else b"")
    last = call.tx.scan(head, head + _END, 1, True)
    moment = max(_micros(call.now), last[0][0][_MOMENT] if last else b"")
    at = head + moment + ids.rising(call.now).to_bytes(8, "big")
    call.tx.put(at, sealer(call, table).seal_text(at, text, 0))


def now_of(tx: Transaction, space: int) -> bytes:
    """The place that all changes from now on come after, whatever the clock says of them."""
    head = _head(space)
    last = tx.scan(head, head + _END, 1, True)
    return last[0][0] + b"\0" if last else head


def place_of(space: int, moment: float) -> bytes:
    """The place of the first change at that moment."""
    return _head(space) + _micros(moment)


def changes_before(
    tx: Transaction, sealing: Sealer, space: int, since: bytes, before: bytes, limit: int
) -> list[tuple[bytes, bytes, bytes]]:
    """The latest changes from the place `since` on, and before the place `before` (empty: all), the latest first:
    (place, the rest of the row's key, what it was: head and JSON, empty for nothing)."""
    rows = tx.scan(since, before or _head(space) + _END, limit, True)
    found = []
    for row, sealed in rows:
        text = sealing.open(row, sealed)[HEAD_BYTES:]
        end = 2 + int.from_bytes(text[:2], "big")
        found.append((row, text[2:end], text[end:]))
    return found


def trim(tx: Transaction, space: int, before: float | None, limit: int) -> bool:
    """Forgets what is older than a moment (None: everything); whether there may be more."""
    head = _head(space)
    rows = tx.scan(head, head + (_END if before is None else _micros(before)), limit)
    for row, _ in rows:
        tx.delete(row)
    return len(rows) == limit
