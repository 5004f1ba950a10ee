"""Records under tuple keys: the only shape in which services see the store.

A record is a frozen `msgspec.Struct` (or any type msgspec encodes); on disk it is MessagePack. Further keys to the same
record (`Index`) are written in the same transaction by the table itself, so that they cannot drift.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

from .api import Transaction
from .tuples import Part, pack, unpack

Record = TypeVar("Record")

_DECODED_MAX = 4_096
_encode = msgspec.msgpack.Encoder().encode
END = b"\xff"


class Index(Generic[Record]):
    """A secondary ordering of a table: `keys(key, record)` gives the tuples under which a record is also found. No two
    records may have the same: what several share is followed by what tells them apart."""

    def __init__(self, name: str, keys: Callable[[tuple[Part, ...], Record], Iterable[tuple[Part, ...]]]):
        self.name, self.keys = name, keys
        self.prefix = pack((name,))


class Table(Generic[Record]):
    """`name` prefixes every key. `hot` records are few and read by nearly every request: their decoded form is kept.

    `watched` tables tell the reconcilers: each write leaves a row that says "look at this key" (control/loop.py).
    """

    def __init__(
        self,
        name: str,
        record: type[Record],
        *,
        hot: bool = False,
        watched: bool = False,
        indexes: tuple[Index[Record], ...] = (),
    ):
        self.name, self.record, self.hot, self.watched, self.indexes = name, record, hot, watched, indexes
        self.prefix = pack((name,))
        self._decode = msgspec.msgpack.Decoder(record).decode
        self._decoded: dict[bytes, Record] = {}
        self._plain = not watched and not indexes

    def key(self, *key: Part) -> bytes:
        return self.prefix + pack(key)

    def get(self, tx: Transaction, *key: Part) -> Record | None:
        raw = tx.get(self.prefix + pack(key), self.hot)
        if raw is None:
            return None
        return self._read_hot(raw) if self.hot else self._decode(raw)

    def _read_hot(self, raw: bytes) -> Record:
        record = self._decoded.get(raw)
        if record is None:
            if len(self._decoded) >= _DECODED_MAX:
                self._decoded.clear()
            record = self._decoded[raw] = self._decode(raw)
        return record

    def put(self, tx: Transaction, *key: Part, record: Record) -> None:
        packed = self.prefix + pack(key)
        if not self._plain:
            self._follow(tx, packed, key, record)
        tx.put(packed, _encode(record))

    def delete(self, tx: Transaction, *key: Part) -> None:
        packed = self.prefix + pack(key)
        if not self._plain:
            self._follow(tx, packed, key, None)
        tx.delete(packed)

    def scan(
        self,
        tx: Transaction,
        *prefix: Part,
        limit: int = 1_000,
        after: tuple[Part, ...] | None = None,
        before: tuple[Part, ...] | None = None,
        begins: str | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[tuple[Part, ...], Record]]:
        """Records whose key begins with `prefix`, in key order: (the rest of the key, record).

        `after` and `before` are rests of keys that bound the scan (both exclusive); `begins` keeps those whose next
        key part, a string, begins so.
        """
        head = self.prefix + pack(prefix)
        start, stop = head, head + END
        if begins:
            start = head + pack((begins,))[:-1]
            stop = start + END
        if after is not None:
            start = max(start, head + pack(after) + b"\0")
        if before is not None:
            stop = min(stop, head + pack(before))
        skip = len(head)
        for key, raw in tx.scan(start, stop, limit, reverse):
            yield unpack(key[skip:]), self._decode(raw)

    def find(
        self, tx: Transaction, index: Index[Record], *prefix: Part, limit: int = 1_000, reverse: bool = False
    ) -> Iterator[tuple[tuple[Part, ...], Record]]:
        """Records found through an index, in its order: (the record's own key, record)."""
        start = index.prefix + pack(prefix)
        for _, own in tx.scan(start, start + END, limit, reverse):
            raw = tx.get(own)
            if raw is None:
                raise RuntimeError(f"index {index.name} points at a record that is not there")
            yield unpack(own[len(self.prefix) :]), self._decode(raw)

    def _follow(self, tx: Transaction, packed: bytes, key: tuple[Part, ...], record: Record | None) -> None:
        """Keeps indexes and the reconcilers' work rows in step with a write."""
        if self.indexes:
            raw = tx.get(packed)
            old = self._decode(raw) if raw is not None else None
            for index in self.indexes:
                before = {index.prefix + pack(k) for k in index.keys(key, old)} if old is not None else set()
                now = {index.prefix + pack(k) for k in index.keys(key, record)} if record is not None else set()
                for gone in before - now:
                    tx.delete(gone)
                for new in now - before:
                    tx.put(new, packed)
        if self.watched:
            wake(tx, self.name, *key)


def wake(tx: Transaction, table: str, *key: Part) -> None:
    """Leaves the row that makes reconcilers of `table` look at `key`; a further write while they look is seen too."""
    row = pack(("dirty", table, *key))
    times = int.from_bytes(tx.get(row) or b"", "big") + 1
    tx.put(row, times.to_bytes(8, "big"))
    tx.signal(DIRTY)


def awaits_look(tx: Transaction, table: str, *key: Part) -> bool:
    """Whether `key` was written and its reconcilers have not yet seen to it."""
    return tx.get(pack(("dirty", table, *key))) is not None


DIRTY = b"\x02dirty\0"
