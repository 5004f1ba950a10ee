"""Tables on the path of every message: their keys are packed in one stroke.

The bytes are those of `pileus.store.tuples`, so an ordinary Table reads what these write; a test keeps the two at one.
"""

from struct import Struct

from pileus.store import Table, Transaction
from pileus.store.table import END, Record, _encode
from pileus.store.tuples import Part

_INT, _HIGH = 0x15, 1 << 63
_PACK1, _PACK2, _PACK3, _PACK4 = (Struct(">" + "BQ" * parts).pack for parts in (1, 2, 3, 4))
_UNPACK = [Struct(">" + "BQ" * parts).unpack_from for parts in (0, 1, 2, 3)]


def pack_numbers(parts: tuple[int, ...]) -> bytes:
    """`pack` for one to four whole numbers that are not negative."""
    count = len(parts)
    if count == 4:
        a, b, c, d = parts
        return _PACK4(_INT, a | _HIGH, _INT, b | _HIGH, _INT, c | _HIGH, _INT, d | _HIGH)
    if count == 3:
        a, b, c = parts
        return _PACK3(_INT, a | _HIGH, _INT, b | _HIGH, _INT, c | _HIGH)
    if count == 2:
        a, b = parts
        return _PACK2(_INT, a | _HIGH, _INT, b | _HIGH)
    return _PACK1(_INT, parts[0] | _HIGH)


class NumberTable(Table[Record]):
    """Keys of one to four whole numbers, none of them negative. No indexes, not watched."""

    def get(self, tx: Transaction, *key: Part) -> Record | None:
        raw = tx.get(self.prefix + pack_numbers(key), self.hot)  # type: ignore[arg-type]
        # What is hot here changes with every message: its decoded form is not worth keeping.
        return None if raw is None else self._decode(raw)

    def put(self, tx: Transaction, *key: Part, record: Record) -> None:
        tx.put(self.prefix + pack_numbers(key), _encode(record))  # type: ignore[arg-type]

    def delete(self, tx: Transaction, *key: Part) -> None:
        tx.delete(self.prefix + pack_numbers(key))  # type: ignore[arg-type]

    def shift(self, tx: Transaction, first: int, before: int, after: int, *rest: int, record: Record) -> None:
        """Moves the row `(first, before, *rest)` to `(first, after, *rest)`."""
        head, tail = self.prefix + pack_numbers((first,)), pack_numbers(rest)
        tx.delete(head + pack_numbers((before,)) + tail)
        tx.put(head + pack_numbers((after,)) + tail, _encode(record))

    def page(
        self, tx: Transaction, first: int, after: tuple[int, ...] | None, before: int | None, limit: int
    ) -> list[tuple[tuple[int, ...], Record]]:
        """Rows whose key begins with `first`: what `scan` gives, as a list and in fewer steps."""
        head = self.prefix + pack_numbers((first,))
        start = head if after is None else head + pack_numbers(after) + b"\0"
        stop = head + END if before is None else head + pack_numbers((before,))
        rows = tx.scan(start, stop, limit)
        if not rows:
            return []
        skip, decode = len(head), self._decode
        unpack = _UNPACK[(len(rows[0][0]) - skip) // 9]
        found = []
        for key, raw in rows:
            parts = unpack(key, skip)
            found.append((tuple([part ^ _HIGH for part in parts[1::2]]), decode(raw)))
        return found


class NamedTable(Table[Record]):
    """A hot table whose callers remember the packed keys of what they ask for again and again."""

    def at(self, tx: Transaction, packed: bytes) -> Record | None:
        raw = tx.get(packed, True)
        return self._read_hot(raw) if raw is not None else None
