"""Event streams: framed messages in both directions (Amazon Transcribe Developer Guide, "Event stream encoding").

A message is its total length, its headers' length and a checksum of the two; headers; payload; a checksum of it all.
A signed stream wraps each message in another, whose payload it is: the gateway reads the outer ones with `messages`,
verifies them and hands on the payloads.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple, Protocol

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Member, Operation, Shape

MOST_HEADERS = 128 * 1024
MOST_PAYLOAD = 16 * 1024 * 1024
_LEAST = 16  # prelude, its checksum and the message's
_PRELUDE = struct.Struct(">III")
_INTEGERS = {2: (">b", 1), 3: (">h", 2), 4: (">i", 4), 5: (">q", 8)}
_KINDS = {"byte": 2, "short": 3, "integer": 4, "long": 5, "blob": 6, "string": 7, "timestamp": 8, "uuid": 9}

# (name, kind, value); the kind is a model type's name.
Header = tuple[str, str, Any]


class BadFrame(ValueError):
    """The bytes are no message."""


class Message(NamedTuple):
    headers: dict[str, Any]
    payload: bytes


class Bodies(Protocol):
    """What a codec offers for the bodies of events."""

    content_type: str

    def body_reader(self, shape: Shape, leave_out: frozenset[str]) -> Callable[[bytes], dict[str, Any]]: ...

    def payload_reader(self, member: Member) -> Callable[[bytes], Any]: ...

    def body_writer(
        self, shape: Shape, leave_out: frozenset[str], operation: Operation | None = None
    ) -> Callable[[dict[str, Any]], bytes]: ...

    def payload_writer(self, member: Member) -> Callable[[Any], bytes]: ...


# ---- messages


def encode(headers: Iterable[Header], payload: bytes) -> bytes:
    """One message. Raises ValueError when it is too large to be one."""
    block = b"".join([_header(*header) for header in headers])
    if len(block) > MOST_HEADERS or len(payload) > MOST_PAYLOAD:
        raise ValueError("an event is too large")
    lengths = struct.pack(">II", len(block) + len(payload) + _LEAST, len(block))
    body = b"".join((lengths, struct.pack(">I", zlib.crc32(lengths)), block, payload))
    return body + struct.pack(">I", zlib.crc32(body))


def _header(name: str, kind: str, value: Any) -> bytes:
    encoded = name.encode()
    start = struct.pack(">B", len(encoded)) + encoded
    if kind == "boolean":
        return start + (b"\x00" if value else b"\x01")
    code = _KINDS.get(kind, 7)
    start += struct.pack(">B", code)
    if code in _INTEGERS:
        return start + struct.pack(_INTEGERS[code][0], value)
    if code == 8:
        return start + struct.pack(">q", round(value * 1000))
    if code == 9:
        return start + uuid.UUID(value).bytes
    raw = value.encode() if isinstance(value, str) else value
    return start + struct.pack(">H", len(raw)) + raw


class Frames:
    """Cuts bytes that come in pieces into messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def rest(self) -> int:
        """How many bytes wait for the rest of their message."""
        return len(self._held)

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that are complete now. Raises BadFrame."""
        held = self._held
        held += chunk
        found: list[Message] = []
        at = 0
        while len(held) - at >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(held, at)
            if zlib.crc32(held[at : at + 8]) != checksum:
                raise BadFrame("The checksum of an event's prelude does not match")
            if headers > MOST_HEADERS or total > MOST_HEADERS + MOST_PAYLOAD or total < headers + _LEAST:
                raise BadFrame("An event's length is not allowed")
            if len(held) - at < total:
                break
            found.append(_message(bytes(held[at : at + total]), headers))
            at += total
        del held[:at]
        return found


def _message(raw: bytes, headers: int) -> Message:
    if zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "big"):
        raise BadFrame("The checksum of an event does not match")
    start = _PRELUDE.size + headers
    try:
        return Message(_headers(raw[_PRELUDE.size : start]), raw[start:-4])
    except (struct.error, IndexError, UnicodeDecodeError):
        raise BadFrame("An event's headers cannot be read") from None


def _headers(block: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while at < len(block):
        length = block[at]
        name = block[at + 1 : at + 1 + length].decode()
        at += 1 + length
        kind = block[at]
        at += 1
        if kind < 2:
            found[name] = kind == 0
            continue
        found[name], at = _header_value(kind, block, at)
        if at > len(block):
            raise BadFrame("An event's headers cannot be read")
    return found


def _header_value(kind: int, block: bytes, at: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        form, size = _INTEGERS[kind]
        return struct.unpack_from(form, block, at)[0], at + size
    if kind == 8:
        return struct.unpack_from(">q", block, at)[0] / 1000, at + 8
    if kind == 9:
        if at + 16 > len(block):
            raise BadFrame("An event's headers cannot be read")
        return str(uuid.UUID(bytes=block[at : at + 16])), at + 16
    if kind not in (6, 7):
        raise BadFrame("An event has a header of an unknown type")
    length = struct.unpack_from(">H", block, at)[0]
    raw = block[at + 2 : at + 2 + length]
    return (raw.decode() if kind == 7 else raw), at + 2 + length


async def messages(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """The messages of a body. Raises SerializationError."""
    frames = Frames()
    try:
        if isinstance(body, bytes):
            for message in frames.feed(body):
                yield message
        else:
            async for chunk in body:
                for message in frames.feed(chunk):
                    yield message
    except BadFrame as error:
        raise SerializationError(str(error)) from None
    if frames.rest:
        raise SerializationError("The event stream ends within an event")


# ---- events


def reader(codec: Bodies, shape: Shape) -> Callable[[bytes | AsyncIterator[bytes]], AsyncIterator[dict[str, Any]]]:
    """From a body to its events, each as `{"AudioEvent": {…}}`. Reading them raises SerializationError."""
    kinds = {
        member.location_name or name: (name, _event_reader(codec, member)) for name, member in shape.members.items()
    }

    async def read(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
        async for message in messages(body):
            if message.headers.get(":message-type") != "event" and not message.payload:
                continue  # an empty message ends a signed stream
            kind = kinds.get(message.headers.get(":event-type", ""))
            if kind is None:
                raise SerializationError("The event stream has an event of an unknown type")
            try:
                yield {kind[0]: kind[1](message)}
            except (ValueError, RecursionError):
                raise SerializationError("An event cannot be read") from None

    return read


def _event_reader(codec: Bodies, event: Member) -> Callable[[Message], dict[str, Any]]:
    members = event.shape.members
    headers = {name: member.shape.type for name, member in members.items() if member.event_header}
    payload = next((member for member in members.values() if member.event_payload), None)
    body_of = _event_body_reader(codec, event.shape, payload, frozenset(headers))

    def read(message: Message) -> dict[str, Any]:
        found = {name: message.headers[name] for name in headers if name in message.headers}
        for name, value in found.items():
            if not _fits(headers[name], value):
                raise BadFrame("An event has a header of a wrong type")
        if payload is not None:
            if message.payload or payload.shape.type in ("blob", "string"):
                found[payload.name] = body_of(message.payload)
        elif message.payload:
            found.update(body_of(message.payload))
        return found

    return read


def _event_body_reader(
    codec: Bodies, shape: Shape, payload: Member | None, headers: frozenset[str]
) -> Callable[[bytes], Any]:
    if payload is None:
        return codec.body_reader(shape, headers)
    if payload.shape.type == "blob":
        return bytes
    return _text if payload.shape.type == "string" else codec.payload_reader(payload)


def _text(payload: bytes) -> str:
    return payload.decode()


def _fits(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("byte", "short", "integer", "long"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"blob": bytes, "timestamp": float}.get(kind, str))


Encoded = Callable[[AsyncIterator[dict[str, Any]]], AsyncIterator[bytes]]


def writer(codec: Bodies, shape: Shape) -> Encoded:
    """From events, each `{"Records": {…}}`, to a body. An ApiError that the events raise becomes the last message."""
    kinds = {name: _event_writer(codec, member) for name, member in shape.members.items()}

    async def write(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
        try:
            async for event in events:
                for name, value in event.items():
                    yield kinds[name](value)
        except ApiError as error:
            yield _failure(shape, kinds, error)

    return write


def initial_response(codec: Bodies, shape: Shape, leave_out: frozenset[str]) -> Callable[[dict[str, Any]], bytes]:
    """The first message of an RPC protocol's stream: the members that are not the stream."""
    body_of = codec.body_writer(shape, leave_out)

    def write(result: dict[str, Any]) -> bytes:
        headers: list[Header] = [
            (":event-type", "string", "initial-response"),
            (":content-type", "string", codec.content_type),
            (":message-type", "string", "event"),
        ]
        return encode(headers, body_of(result))

    return write


def _event_writer(codec: Bodies, event: Member) -> Callable[[dict[str, Any]], bytes]:
    members = event.shape.members
    headers = {name: member.shape.type for name, member in members.items() if member.event_header}
    payload = next((member for member in members.values() if member.event_payload), None)
    is_exception = event.shape.is_exception
    called: Header = (":exception-type" if is_exception else ":event-type", "string", event.location_name or event.name)
    kind: Header = (":message-type", "string", "exception" if is_exception else "event")
    body_of, content_type = _event_body(codec, event.shape, payload, frozenset(headers))

    def write(value: dict[str, Any]) -> bytes:
        made: list[Header] = [called]
        body = body_of(value)
        if content_type and (body or payload is not None):
            made.append((":content-type", "string", content_type))
        made.append(kind)
        made.extend((name, form, value[name]) for name, form in headers.items() if name in value)
        return encode(made, body)

    return write


def _event_body(
    codec: Bodies, shape: Shape, payload: Member | None, headers: frozenset[str]
) -> tuple[Callable[[dict[str, Any]], bytes], str]:
    if payload is None:
        if len(headers) == len(shape.members):
            return (lambda value: b""), ""
        return codec.body_writer(shape, headers), codec.content_type
    name, kind = payload.name, payload.shape.type
    if kind == "blob":
        return (lambda value: value.get(name, b"")), "application/octet-stream"
    if kind == "string":
        return (lambda value: value.get(name, "").encode()), "text/plain"
    write = codec.payload_writer(payload)
    return (lambda value: write(value[name]) if name in value else b""), codec.content_type


def _failure(shape: Shape, kinds: dict[str, Callable[[dict[str, Any]], bytes]], error: ApiError) -> bytes:
    """An exception the model knows by its shape, any other by code and message."""
    for name, member in shape.members.items():
        if member.shape.is_exception and error.code in (member.shape.name, name):
            told = next((n for n in member.shape.members if n.lower() == "message"), None)
            return kinds[name]({**({told: error.message} if told else {}), **error.members})
    headers: list[Header] = [
        (":error-code", "string", error.code),
        (":error-message", "string", error.message[:4096]),
        (":message-type", "string", "error"),
    ]
    return encode(headers, b"")
