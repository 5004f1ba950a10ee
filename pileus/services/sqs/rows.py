"""Tables on the path of every message: their keys are packed in one stroke.

The bytes are those of `pileus.store.tuples`, so an ordinary Table reads what these write; a test keeps the two at one.
"""

from struct import Struct

from pileus.store import Table, Transaction
from pileus.store.table import END, Record, _encode
from pileus.store.tuples import Part

_INT, _HIGH = 0x15, 1 << 63
_PACK1, _PACK2, _PACK3 = (Struct(">" + "BQ" * parts).pack for parts in (1, 2, 3))
_UNPACK1, _UNPACK2, _UNPACK3 = (Struct(">" + "xQ" * parts).unpack_from for parts in (1, 2, 3))
_HEADS_MAX = 4_096


def pack_numbers(parts: tuple[int, ...]) -> bytes:
    """`pack` for up to three whole numbers that are not negative."""
    count = len(parts)
    if count == 3:
        a, b, c = parts
        return _PACK3(_INT, a | _HIGH, _INT, b | _HIGH, _INT, c | _HIGH)
    if count == 2:
        a, b = parts
        return _PACK2(_INT, a | _HIGH, _INT, b | _HIGH)
    return _PACK1(_INT, parts[0] | _HIGH) if parts else b""


class NumberTable(Table[Record]):
    """Keys of one to four whole numbers, none of them negative; the first is a space. No indexes, not watched."""

    def __init__(self, name: str, record: type[Record], *, hot: bool = False):
        super().__init__(name, record, hot=hot)
        self._heads: dict[int, bytes] = {}

    def head(self, first: int) -> bytes:
        """How the keys of a space begin; remembered, since the same few are asked for again and again."""
        head = self._heads.get(first)
        if head is None:
            if len(self._heads) >= _HEADS_MAX:
                self._heads.clear()
            head = self._heads[first] = self.prefix + _PACK1(_INT, first | _HIGH)
        return head

    def get(self, tx: Transaction, *key: Part) -> Record | None:
        raw = tx.get(self.head(key[0]) + pack_numbers(key[1:]), self.hot)  # type: ignore[arg-type]
        # What is hot here changes with every message: its decoded form is not worth keeping.
        return None if raw is None else self._decode(raw)

    def put(self, tx: Transaction, *key: Part, record: Record) -> None:
        tx.put(self.head(key[0]) + pack_numbers(key[1:]), _encode(record))  # type: ignore[arg-type]

    def delete(self, tx: Transaction, *key: Part) -> None:
        tx.delete(self.head(key[0]) + pack_numbers(key[1:]))  # type: ignore[arg-type]

    def shift(self, tx: Transaction, first: int, before: int, after: int, *rest: int, record: Record) -> None:
        """Moves the row `(first, before, *rest)` to `(first, after, *rest)`."""
        head, tail = self.head(first), pack_numbers(rest)
        tx.delete(head + _PACK1(_INT, before | _HIGH) + tail)
        tx.put(head + _PACK1(_INT, after | _HIGH) + tail, _encode(record))

    def page(
        self, tx: Transaction, first: int, after: tuple[int, ...] | None, before: int | None, limit: int
    ) -> list[tuple[tuple[int, ...], Record]]:
        """Rows whose key begins with `first`: what `scan` gives, as a list and in fewer steps."""
        head = self.head(first)
        start = head if after is None else head + pack_numbers(after) + b"\0"
        stop = head + END if before is None else head + _PACK1(_INT, before | _HIGH)
        rows = tx.scan(start, stop, limit)
        if not rows:
            return []
        skip, decode, high = len(head), self._decode, _HIGH
        parts = (len(rows[0][0]) - skip) // 9
        found: list[tuple[tuple[int, ...], Record]] = []
        for key, raw in rows:
            if parts == 3:
                a, b, c = _UNPACK3(key, skip)
                found.append(((a ^ high, b ^ high, c ^ high), decode(raw)))
            elif parts == 2:
                a, b = _UNPACK2(key, skip)
                found.append(((a ^ high, b ^ high), decode(raw)))
            else:
                found.append(((_UNPACK1(key, skip)[0] ^ high,), decode(raw)))
        return found


class NamedTable(Table[Record]):
    """A hot table whose callers remember the packed keys of what they ask for again and again."""

    def at(self, tx: Transaction, packed: bytes) -> Record | None:
        raw = tx.get(packed, True)
        return self._read_hot(raw) if raw is not None else None
