"""What a stream is told of every change, in the transaction of the change.

Source: DynamoDB Streams API Reference, "Record" and "StreamRecord"; DynamoDB Developer Guide, "Change data capture for
DynamoDB Streams" (a write that changes nothing leaves no record).
"""

from typing import Any

import msgspec
import orjson

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from ..items.keys import key_of
from ..items.locks import sealer
from ..items.rows import Kept
from ..records import Stream, TableRecord
from ..values import Item, item_size
from .records import (
    SHARD_OPEN_S,
    Shard,
    StreamRecord,
    head,
    keep_head,
    row_key,
    sequence_text,
    shards,
    streams,
)


def open_stream(tx: Transaction, table: TableRecord, stream: Stream, now: float) -> None:
    """A table's stream begins: with its first shard."""
    record = StreamRecord(
        f"{table.arn}/stream/{stream.label}",
        table.name,
        stream.label,
        stream.view,
        stream.id,
        table.keys,
        now,
        table.lock,
    )
    streams.put(tx, table.account, table.region, table.name, stream.label, record=record)
    _open_shard(tx, stream.id, 1, 1, now, "")


def close_stream(tx: Transaction, table: TableRecord, now: float) -> None:
    """The stream takes no more records; those it has can be read for a day."""
    if table.stream is None or not table.stream.enabled:
        return
    key = (table.account, table.region, table.name, table.stream.label)
    record = streams.get(tx, *key)
    if record is None:
        return
    streams.put(tx, *key, record=msgspec.structs.replace(record, ended=now))
    at = head(tx, record.id)
    if at is not None:
        _close_shard(tx, record.id, at.shard, at.sequence - 1, now)


def note(call: Call, table: TableRecord, old: Kept | None, new: Item | None, by_service: str) -> None:
    """`by_service`: the service that did it, if not a caller."""
    stream = table.stream
    if stream is None or not stream.enabled:
        return
    before = old.item if old is not None else None
    if before == new:
        return
    at = head(call.tx, stream.id)
    assert at is not None, "a stream without its head"
    sequence, number, opened = at.sequence, at.shard, at.opened
    if call.now - opened >= SHARD_OPEN_S:
        closed = _close_shard(call.tx, stream.id, number, sequence - 1, call.now)
        number, opened = number + 1, call.now
        sequence = closed.last + 1
        _open_shard(call.tx, stream.id, number, sequence, call.now, closed.id)
    row = row_key(stream.id, sequence)
    text = orjson.dumps(_record(call, table, stream, sequence, before, new, by_service))
    call.tx.put(row, sealer(call, table).seal_text(row, text, 0))
    keep_head(call.tx, stream.id, sequence + 1, number, opened)


def _record(
    call: Call, table: TableRecord, stream: Stream, sequence: int, old: Item | None, new: Item | None, by_service: str
) -> dict[str, Any]:
    either = new if new is not None else old
    assert either is not None
    keys = key_of(table.keys, either)
    told: dict[str, Any] = {"ApproximateCreationDateTime": int(call.now), "Keys": keys}
    if new is not None and stream.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        told["NewImage"] = new
    if old is not None and stream.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        told["OldImage"] = old
    told["SequenceNumber"] = sequence_text(sequence)
    told["SizeBytes"] = sum(item_size(told[name]) for name in ("Keys", "NewImage", "OldImage") if name in told)
    told["StreamViewType"] = stream.view
    record = {
        "eventID": ids.unique_hex(32),
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": table.region,
        "dynamodb": told,
    }
    if by_service:
        record["userIdentity"] = {"PrincipalId": by_service, "Type": "Service"}
    return record


def _open_shard(tx: Transaction, stream: int, number: int, first: int, now: float, parent: str) -> None:
    id_ = f"shardId-{int(now * 1_000):020d}-{ids.unique_hex(8)}"
    shards.put(tx, stream, number, record=Shard(id_, first, now, parent))
    keep_head(tx, stream, first, number, now)


def _close_shard(tx: Transaction, stream: int, number: int, last: int, now: float) -> Shard:
    """A shard that got nothing ends with the number it begins with, which no record has."""
    shard = shards.get(tx, stream, number)
    assert shard is not None
    shard = msgspec.structs.replace(shard, last=max(last, shard.first), closed=now)
    shards.put(tx, stream, number, record=shard)
    return shard
