"""ListStreams, DescribeStream, GetShardIterator, GetRecords.

Source: Amazon DynamoDB Streams API Reference. An iterator holds for fifteen minutes; a record can be read for a day.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from pileus.service import Call, ResourcePolicy
from pileus.service.paginate import BadToken, seal, unseal

from ..items.locks import unlocked
from ..items.rows import HEAD_BYTES, Sealer
from ..tables.describing import schema
from ..tables.policies import of_stream
from .records import (
    KEEPS_S,
    Shard,
    StreamRecord,
    head,
    row_key,
    sequence_from,
    sequence_of,
    sequence_text,
    shards,
    streams,
)
from .service import ExpiredIterator, Invalid, ResourceNotFound, TrimmedDataAccess, dynamodbstreams

Request = dict[str, Any]
RECORDS_MAX = 1_000
ANSWER_BYTES_MAX = 1024 * 1024
ITERATOR_HOLDS_S = 900.0
PAGE = 100
CHUNK = 100
_SHARD = re.compile(r"shardId-[0-9]{20}-[0-9a-f]{8}")
_ARN = re.compile(r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]+)/stream/([0-9T:.-]+)")


def _place(arn: str) -> tuple[str, str, str, str]:
    """(account, region, table, label). Raises Invalid."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise Invalid(f"Invalid StreamArn: {arn}")
    return found[2], found[1], found[3], found[4]


def find(call: Call, arn: str) -> StreamRecord | None:
    """A stream whose records are all a day old is gone."""
    account, region, table, label = _place(arn)
    if region != call.region:
        return None
    found = streams.get(call.tx, account, region, table, label)
    return None if found is None or (found.ended and found.ended + KEEPS_S <= call.now) else found


def _resource(call: Call, request: Request) -> str:
    arn: str = request["StreamArn"]
    call.subject = find(call, arn)
    return arn


def _policy(call: Call, request: Request) -> ResourcePolicy | None:
    arn: str = request["StreamArn"]
    return of_stream(call, arn, arn.split(":")[4])


def _stream(call: Call, request: Request) -> StreamRecord:
    stream: StreamRecord | None = call.subject
    if stream is None:
        raise ResourceNotFound(f"Requested resource not found: Stream: {request['StreamArn']} not found")
    return stream


@dynamodbstreams.operation("ListStreams")
def list_streams(call: Call, request: Request) -> dict[str, Any]:
    limit = min(request.get("Limit", PAGE), PAGE)
    start = request.get("ExclusiveStartStreamArn")
    after = _place(start)[2:] if start is not None else None
    scope, wanted = (call.account, call.region), request.get("TableName")
    rows = list(streams.scan(call.tx, *scope, after=after, limit=1_000_000))
    found = [
        stream
        for _, stream in rows
        if wanted in (None, stream.table) and not (stream.ended and stream.ended + KEEPS_S <= call.now)
    ]
    shown = [
        {"StreamArn": stream.arn, "TableName": stream.table, "StreamLabel": stream.label} for stream in found[:limit]
    ]
    answer: dict[str, Any] = {"Streams": shown}
    if len(found) > limit:
        answer["LastEvaluatedStreamArn"] = shown[-1]["StreamArn"]
    return answer


@dynamodbstreams.operation("DescribeStream", resource=_resource, resource_policy=_policy)
def describe_stream(call: Call, request: Request) -> dict[str, Any]:
    stream = _stream(call, request)
    limit = min(request.get("Limit", PAGE), PAGE)
    listed = [shard for _, shard in _shards(call, stream)]
    only = request.get("ShardFilter")
    if only is not None:
        if only.get("Type", "CHILD_SHARDS") != "CHILD_SHARDS" or "ShardId" not in only:
            raise Invalid("ShardFilter: Type must be CHILD_SHARDS and ShardId must be given")
        listed = [shard for shard in listed if shard.parent == only["ShardId"]]
    start = request.get("ExclusiveStartShardId")
    if start is not None:
        if _SHARD.fullmatch(start) is None:
            raise Invalid(f"Invalid ExclusiveStartShardId: {start}")
        places = [at for at, shard in enumerate(listed) if shard.id == start]
        # A shard that is forgotten meanwhile is older than those that are left: its id begins with its moment.
        listed = listed[places[0] + 1 :] if places else [shard for shard in listed if shard.id > start]
    described: dict[str, Any] = {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": "DISABLED" if stream.ended else "ENABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created,
        "TableName": stream.table,
        "KeySchema": schema(stream.keys),
        "Shards": [_shown(shard) for shard in listed[:limit]],
    }
    if len(listed) > limit:
        described["LastEvaluatedShardId"] = listed[limit - 1].id
    return {"StreamDescription": described}


def _shards(call: Call, stream: StreamRecord) -> list[tuple[int, Shard]]:
    """Those that have anything a day keeps."""
    return [
        (int(key[0]), shard)
        for key, shard in shards.scan(call.tx, stream.id)
        if not shard.closed or shard.closed + KEEPS_S > call.now
    ]


def _shown(shard: Shard) -> dict[str, Any]:
    span = {"StartingSequenceNumber": sequence_text(shard.first)}
    if shard.closed:
        span["EndingSequenceNumber"] = sequence_text(shard.last)
    found: dict[str, Any] = {"ShardId": shard.id, "SequenceNumberRange": span}
    if shard.parent:
        found["ParentShardId"] = shard.parent
    return found


@dynamodbstreams.operation("GetShardIterator", resource=_resource, resource_policy=_policy)
def get_shard_iterator(call: Call, request: Request) -> dict[str, Any]:
    stream = _stream(call, request)
    number, shard = next(
        ((number, shard) for number, shard in _shards(call, stream) if shard.id == request["ShardId"]), (0, None)
    )
    if shard is None:
        raise ResourceNotFound(f"Requested resource not found: Shard: {request['ShardId']} not found")
    kind = request["ShardIteratorType"]
    if kind == "LATEST":
        at = head(call.tx, stream.id)
        first = shard.last + 1 if shard.closed or at is None else at.sequence
    elif kind == "TRIM_HORIZON":
        first = shard.first
    elif kind == "AT_TIMESTAMP":
        first = _since(call, stream, shard, request.get("Timestamp"))
    else:
        first = _named(call, stream, shard, request.get("SequenceNumber"), kind)
    return {"ShardIterator": _iterator(call, stream, number, first)}


def _named(call: Call, stream: StreamRecord, shard: Shard, text: str | None, kind: str) -> int:
    if text is None:
        raise Invalid(f"SequenceNumber must be given for the ShardIteratorType {kind}")
    if not text.isdecimal():
        raise Invalid(f"Invalid SequenceNumber: {text}")
    sequence = sequence_from(text)
    if sequence.bit_length() > 63 or sequence < shard.first or (shard.closed and sequence > shard.last):
        raise Invalid(f"Invalid SequenceNumber: {text} is not in shard {shard.id}")
    oldest = next(_records(call, stream, shard.first, 1), None)
    trimmed = oldest is not None and oldest[0] > sequence and shard.opened + KEEPS_S <= call.now
    if trimmed:
        raise TrimmedDataAccess("The operation attempted to read past the oldest stream record in a shard.")
    return sequence if kind == "AT_SEQUENCE_NUMBER" else sequence + 1


def _since(call: Call, stream: StreamRecord, shard: Shard, moment: float | None) -> int:
    if moment is None:
        raise Invalid("Timestamp must be given for the ShardIteratorType AT_TIMESTAMP")
    for sequence, record, _ in _records(call, stream, shard.first, 1_000_000):
        if record["dynamodb"]["ApproximateCreationDateTime"] >= int(moment):
            return sequence
    at = head(call.tx, stream.id)
    return at.sequence if at is not None else shard.last + 1


def _iterator(call: Call, stream: StreamRecord, number: int, first: int) -> str:
    until = int(call.now + ITERATOR_HOLDS_S)
    return f"{stream.arn}|1|{seal('dynamodb.iterator', (stream.id, number, first, until))}"


def _iterated(call: Call, request: Request) -> tuple[StreamRecord | None, int, int, float]:
    """(stream, shard's number, first sequence, until when the iterator holds). Raises Invalid."""
    arn, _, sealed = request["ShardIterator"].partition("|1|")
    try:
        id_, number, first, until = unseal("dynamodb.iterator", sealed)
        stream = find(call, arn)
    except (BadToken, ValueError):
        raise Invalid("Invalid ShardIterator") from None
    if stream is not None and stream.id != id_:
        raise Invalid("Invalid ShardIterator")
    return stream, number, first, until


def _iterator_resource(call: Call, request: Request) -> str:
    call.subject = _iterated(call, request)
    return str(request["ShardIterator"].partition("|1|")[0])


def _iterator_policy(call: Call, request: Request) -> ResourcePolicy | None:
    arn = request["ShardIterator"].partition("|1|")[0]
    return of_stream(call, arn, arn.split(":")[4])


@dynamodbstreams.operation("GetRecords", resource=_iterator_resource, resource_policy=_iterator_policy)
def get_records(call: Call, request: Request) -> dict[str, Any]:
    stream, number, first, until = call.subject
    limit = request.get("Limit", RECORDS_MAX)
    if limit > RECORDS_MAX:
        raise Invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have "
            f"value less than or equal to {RECORDS_MAX}"
        )
    shard = shards.get(call.tx, stream.id, number) if stream is not None else None
    if stream is None or shard is None:
        raise ResourceNotFound("Requested resource not found: Stream not found")
    if until <= call.now:
        raise ExpiredIterator("The shard iterator is expired. Please request a new one.")
    found: list[Any] = []
    octets, last = 0, shard.last if shard.closed else None
    after = first
    for sequence, record, size in _records(call, stream, first, limit):
        if last is not None and sequence > last:
            break
        if found and octets + size > ANSWER_BYTES_MAX:
            break
        octets += size
        found.append(record)
        after = sequence + 1
    answer: dict[str, Any] = {"Records": found}
    if last is None or (after <= last and found):
        answer["NextShardIterator"] = _iterator(call, stream, number, after)
    return answer


def _records(call: Call, stream: StreamRecord, first: int, limit: int) -> Iterator[tuple[int, dict[str, Any], int]]:
    """(sequence, record, bytes) of what a day keeps."""
    opened = _opener(call, stream)
    start, stop = row_key(stream.id, first), row_key(stream.id, 2**63 - 1)
    given = 0
    while given < limit:
        chunk = min(CHUNK, limit - given)
        rows = call.tx.scan(start, stop, chunk)
        for row, sealed in rows:
            text = opened.open(row, sealed)[HEAD_BYTES:]
            record = orjson.loads(text)
            if record["dynamodb"]["ApproximateCreationDateTime"] + KEEPS_S <= call.now:
                continue
            given += 1
            yield sequence_of(row), record, len(text)
        if len(rows) < chunk:
            return
        start = rows[-1][0] + b"\0"


def _opener(call: Call, stream: StreamRecord) -> Sealer:
    return unlocked(call, stream.lock)
