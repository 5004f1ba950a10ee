"""Where streams live: each table's stream, its shards, and where its next record goes.

A stream is cut into shards one after the other: one is open, for four hours at most. Records are rows of their own
(`journal.py`), sealed like the table's items. A stream outlives its table by the day its records have.
"""

from struct import Struct

import msgspec

from pileus.store import Table, Transaction

from ..records import Keys, Lock

KEEPS_S = 24 * 3600.0
SHARD_OPEN_S = 4 * 3600.0
_SEQUENCE_ZERO = 10**20
_ROWS = b"\x02dynamodb.s\0"
_HEADS = b"\x02dynamodb.sh\0"
_head = Struct(">qqd")


class StreamRecord(msgspec.Struct, frozen=True):
    """`ended`: when it was disabled, 0 while it is open."""

    arn: str
    table: str
    label: str
    view: str
    id: int
    keys: Keys
    created: float
    lock: Lock
    ended: float = 0.0


class Shard(msgspec.Struct, frozen=True):
    """Sequence numbers from `first` on; `last` is 0 while it is open. `parent`: the one before, or ''."""

    id: str
    first: int
    opened: float
    parent: str = ""
    last: int = 0
    closed: float = 0.0


class Head(msgspec.Struct, frozen=True):
    """Where the next record goes."""

    sequence: int
    shard: int
    opened: float


streams = Table("dynamodb.stream", StreamRecord, watched=True)  # account, region, table, label
shards = Table("dynamodb.shard", Shard)  # stream, number


def head(tx: Transaction, stream: int) -> Head | None:
    raw = tx.get(_HEADS + stream.to_bytes(8, "big"), True)
    return Head(*_head.unpack(raw)) if raw is not None else None


def keep_head(tx: Transaction, stream: int, sequence: int, shard: int, opened: float) -> None:
    tx.put(_HEADS + stream.to_bytes(8, "big"), _head.pack(sequence, shard, opened))


def drop_head(tx: Transaction, stream: int) -> None:
    tx.delete(_HEADS + stream.to_bytes(8, "big"))


def row_key(stream: int, sequence: int) -> bytes:
    return _ROWS + stream.to_bytes(8, "big") + sequence.to_bytes(8, "big")


def sequence_of(row: bytes) -> int:
    return int.from_bytes(row[-8:], "big")


def sequence_text(sequence: int) -> str:
    """Sequence numbers have at least 21 digits."""
    return str(_SEQUENCE_ZERO + sequence)


def sequence_from(text: str) -> int:
    return int(text) - _SEQUENCE_ZERO
