"""Event streams of the RPC protocols (json, cbor): the other members travel first, as an event of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pileus.model import Operation
from pileus.wire import eventstream
from pileus.wire.codec import Encoder
from pileus.wire.http import HttpResponse


def compile_event_encoder(
    codec: eventstream.Bodies, operation: Operation, further: tuple[tuple[str, str], ...] = ()
) -> Encoder:
    """For an operation whose output holds a stream of events (kinesis:SubscribeToShard, logs:StartLiveTail)."""
    shape, name = operation.output, operation.event_stream_output
    if shape is None or name is None:
        raise TypeError(f"{operation.name} answers no events")
    first = eventstream.initial_response(codec, shape, frozenset((name,)))
    write = eventstream.writer(codec, shape.members[name].shape)

    async def body(result: dict[str, Any]) -> AsyncIterator[bytes]:
        yield first({key: value for key, value in result.items() if key != name})
        async for message in write(result[name]):
            yield message

    def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
        headers = [("x-amzn-RequestId", request_id), ("content-type", "application/vnd.amazon.eventstream"), *further]
        return HttpResponse(200, headers, body(result))

    return encode
