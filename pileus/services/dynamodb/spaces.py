"""Counts of what is in a space, kept with every write: for DescribeTable (AWS brings them up to date every six hours)
and, of a partition key in a table with local indexes, for the limit of item collections."""

from struct import Struct

from pileus.store import Transaction

from .records import Counts, Doomed, doomed

_COUNTS = b"\x02dynamodb.n\0"
_layout = Struct(">qq")


def counts(tx: Transaction, space: int, partition: bytes = b"") -> Counts:
    raw = tx.get(_COUNTS + space.to_bytes(8, "big") + partition, True)
    return Counts(*_layout.unpack(raw)) if raw is not None else Counts()


def add(tx: Transaction, space: int, items: int, octets: int, partition: bytes = b"") -> None:
    if not items and not octets:
        return
    key = _COUNTS + space.to_bytes(8, "big") + partition
    raw = tx.get(key, True)
    have_items, have_octets = _layout.unpack(raw) if raw is not None else (0, 0)
    tx.put(key, _layout.pack(have_items + items, have_octets + octets))


def clear(tx: Transaction, space: int, limit: int) -> bool:
    """Forgets counts of a space, `limit` at a time; whether there may be more."""
    start = _COUNTS + space.to_bytes(8, "big")
    rows = tx.scan(start, start + b"\xff" * 17, limit)
    for key, _ in rows:
        tx.delete(key)
    return len(rows) == limit


def give_up(tx: Transaction, space: int) -> None:
    """Nobody can reach it any more: the background removes its rows."""
    doomed.put(tx, space, record=Doomed())
