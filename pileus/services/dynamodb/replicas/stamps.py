"""When each row of a replicated table was last written, anywhere: of two writes the later one wins.

A stamp outlives its item, so that an older write which comes late does not bring a deleted item back. Source: DynamoDB
Developer Guide, "How DynamoDB global tables work" (last writer wins, by item).
"""

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from ..items.keys import ROWS
from ..records import TableRecord

SUBJECT = "dynamodb.replicas "
_STAMPS = b"\x02dynamodb.w\0"
_SUFFIX = slice(len(ROWS) + 8, None)


def stamp_key(space: int, suffix: bytes) -> bytes:
    return _STAMPS + space.to_bytes(8, "big") + suffix


def stamp(tx: Transaction, space: int, suffix: bytes) -> int:
    """0: never since the table is replicated."""
    return int.from_bytes(tx.get(stamp_key(space, suffix)) or b"", "big")


def keep_stamp(tx: Transaction, space: int, suffix: bytes, number: int) -> None:
    tx.put(stamp_key(space, suffix), number.to_bytes(8, "big"))


def subject_of(table: TableRecord) -> str:
    return f"{SUBJECT}{table.account} {table.region} {table.name}"


def note(call: Call, table: TableRecord, key: bytes, written: int) -> None:
    """In the transaction of a change. `written`: the stamp it came with from another region, 0 for a change made here,
    which the other regions must hear of."""
    suffix = key[_SUFFIX]
    keep_stamp(call.tx, table.space, suffix, written or ids.rising(call.now))
    if not written:
        call.emit(subject_of(table), {"row": suffix})


def clear(tx: Transaction, space: int, limit: int) -> bool:
    """Forgets the stamps of a space that was given up; whether there may be more."""
    start = _STAMPS + space.to_bytes(8, "big")
    rows = tx.scan(start, start + b"\xff" * 17, limit)
    for row, _ in rows:
        tx.delete(row)
    return len(rows) == limit
