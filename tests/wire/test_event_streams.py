"""Event streams against botocore's decoder, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError, SerializationError
from pileus.model import load
from pileus.wire import HttpRequest, HttpResponse, codec, eventstream
from tests.wire.botocore_clients import parsed, whole
from tests.wire.test_round_trips import service_model

HEADERS: list[eventstream.Header] = [
    ("yes", "boolean", True), ("no", "boolean", False), ("byte", "byte", -1), ("short", "short", 300),
    ("integer", "integer", 70_000), ("long", "long", 2**40), ("blob", "blob", b"\x00\xff"), ("text", "string", "é"),
    ("uuid", "uuid", "6f1f9f3e-1e9c-4a1c-9d3c-0a8f7c3f3b11"), ("moment", "timestamp", 1_700_000_000.25),
]  # fmt: skip


async def told(*events: Any) -> AsyncIterator[Any]:
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


async def collected(events: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in events]


def messages(body: bytes, size: int = 7) -> list[eventstream.Message]:
    """The messages of a body that comes in small pieces."""
    return asyncio.run(collected(eventstream.messages(told(*(body[n : n + size] for n in range(0, len(body), size))))))


def answer(service: str, operation: str, protocol: str, result: dict[str, Any]) -> tuple[HttpResponse, dict[str, Any]]:
    api = load(service)
    response = codec(api, protocol).encode(api.operation(operation), result, "request-id")
    body = whole(response)
    response.body = body
    model = service_model(service)
    return response, parsed(model, model.operation_model(operation), protocol, response)


def test_botocore_reads_our_messages() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.encode(HEADERS, b"payload"))
    (message,) = list(buffer)
    assert message.payload == b"payload"
    assert message.headers["text"] == "é"
    assert message.headers["long"] == 2**40
    assert message.headers["yes"] is True
    assert message.headers["no"] is False


def test_a_message_is_read_as_it_was_written() -> None:
    first, second = messages(eventstream.encode(HEADERS, b"payload") + eventstream.encode([], b""))
    assert first.payload == b"payload"
    assert first.headers == {name: value for name, _, value in HEADERS}
    assert second == eventstream.Message({}, b"")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 400), st.binary(min_size=1, max_size=2))
def test_damaged_messages_are_refused(noise: bytes, at: int, change: bytes) -> None:
    whole_message = eventstream.encode(HEADERS, b"payload")
    damaged = bytearray(whole_message)
    damaged[at % len(damaged)] ^= change[0] or 1
    for body in (noise, bytes(damaged), whole_message + noise, whole_message[: at % len(whole_message)]):
        try:
            found = messages(body)
        except SerializationError:
            continue
        assert body in (b"", whole_message) or len(found) > 1


def test_an_answer_of_events_is_read_by_botocore() -> None:
    records = {"Records": {"Payload": b"a,b\n"}}
    stats = {"Stats": {"Details": {"BytesScanned": 5}}}
    response, found = answer("s3", "SelectObjectContent", "rest-xml", {"Payload": told(records, stats, {"End": {}})})
    assert ("content-type", "application/vnd.amazon.eventstream") in response.headers
    assert found["Payload"] == [records, stats, {"End": {}}]


def test_json_events_are_read_by_botocore() -> None:
    events = [{"PayloadChunk": {"Payload": b"one"}}, {"InvokeComplete": {"ErrorCode": "Unhandled"}}]
    result = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "EventStream": told(*events)}
    _, found = answer("lambda", "InvokeWithResponseStream", "rest-json", result)
    assert found["EventStream"] == events
    assert found["ExecutedVersion"] == "$LATEST"


def test_the_members_beside_the_events_travel_first_in_an_rpc_protocol() -> None:
    event = {"sessionStart": {"requestId": "r", "sessionId": "s"}}
    response, _ = answer("logs", "StartLiveTail", "json", {"responseStream": told(event)})
    assert isinstance(response.body, bytes)
    first, second = messages(response.body)
    assert first.headers[":event-type"] == "initial-response"
    assert first.payload == b"{}"
    assert second.headers[":event-type"] == "sessionStart"


def live_tail(*events: Any) -> bytes:
    api = load("logs")
    return whole(codec(api, "json").encode(api.operation("StartLiveTail"), {"responseStream": told(*events)}, "id"))


def test_an_error_amid_the_events_is_the_last_of_them() -> None:
    event = {"sessionStart": {"requestId": "r"}}
    known = ApiError("Too long", code="SessionTimeoutException")
    *_, last = messages(live_tail(event, known, event))
    assert last.headers[":message-type"] == "exception"
    assert last.headers[":exception-type"] == "SessionTimeoutException"
    assert last.payload == b'{"message":"Too long"}'
    unknown = ApiError("Broken", code="InternalFailure", status=500)
    assert messages(live_tail(unknown))[-1].headers == {
        ":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Broken",
    }  # fmt: skip


def test_botocore_raises_an_error_amid_the_events() -> None:
    with pytest.raises(EventStreamError, match="Too long"):
        answer(
            "logs",
            "StartLiveTail",
            "json",
            {"responseStream": told(ApiError("Too long", code="SessionTimeoutException"))},
        )


def events_in(body: bytes | AsyncIterator[bytes]) -> list[dict[str, Any]]:
    api = load("lexv2-runtime")
    operation = api.operation("StartConversation")
    request = HttpRequest("POST", "/", "", {"x-amz-lex-conversation-mode": "TEXT"}, body)
    decoded = codec(api, "rest-json").decode(operation, request, {"botId": "b", "botAliasId": "a", "localeId": "l"})
    assert decoded["conversationMode"] == "TEXT"
    return asyncio.run(collected(decoded["requestEventStream"]))


def event(name: str, payload: bytes) -> bytes:
    return eventstream.encode([(":event-type", "string", name), (":message-type", "string", "event")], payload)


def test_events_of_a_request_are_read_one_by_one() -> None:
    body = event("TextInputEvent", b'{"text":"hello"}') + event("DisconnectionEvent", b"{}")
    wanted = [{"TextInputEvent": {"text": "hello"}}, {"DisconnectionEvent": {}}]
    assert events_in(body) == wanted
    assert events_in(told(body[:30], body[30:])) == wanted


@pytest.mark.parametrize(
    "body",
    [event("Nonsense", b"{}"), event("TextInputEvent", b"["), event("TextInputEvent", b'{"text":1}'), b"\x00" * 40],
)
def test_events_that_the_model_does_not_have_are_refused(body: bytes) -> None:
    with pytest.raises(SerializationError):
        events_in(body)
