"""The smithy-rpc-v2-cbor protocol: the operation in the path, CBOR both ways (CloudWatch, …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Api, Member, Operation, Shape
from pileus.wire import cbor_items as items
from pileus.wire import timestamps
from pileus.wire.codec import Codec, Decoder, Encoder
from pileus.wire.http import HttpRequest, HttpResponse
from pileus.wire.json import query_error_header
from pileus.wire.json_shapes import FromJson, JsonReader, mismatch
from pileus.wire.rpc_events import compile_event_encoder

ToCbor = Callable[[Any], bytes]
_PROTOCOL = ("smithy-protocol", "rpc-v2-cbor")


class CborReader(JsonReader):
    """As JSON's, except for bytes and moments, which CBOR has itself."""

    def value(self, member: Member) -> FromJson:
        kind = member.shape.type
        if kind == "blob":
            return _blob
        return _moment if kind == "timestamp" else super().value(member)


def _blob(value: Any) -> bytes:
    if value.__class__ is not bytes:
        raise mismatch(value, "ByteBuffer")
    return value


def _moment(value: Any) -> float:
    if value.__class__ is int or value.__class__ is float:
        try:
            return timestamps.checked(float(value))
        except (ValueError, OverflowError):
            raise SerializationError("A timestamp cannot be read") from None
    raise mismatch(value, "Timestamp")


class CborWriter:
    """Makes functions from the model's values to CBOR, compiled once a shape."""

    def __init__(self) -> None:
        self._structures: dict[str, list[ToCbor]] = {}

    def value(self, member: Member) -> ToCbor:
        shape = member.shape
        kind = shape.type
        if shape.document:
            return document
        if kind == "structure":
            return self.structure(shape)
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        simple: dict[str, ToCbor] = {
            "blob": items.blob, "timestamp": items.moment, "boolean": items.boolean, "float": items.single,
            "double": items.double, "bigdecimal": items.double, "integer": items.integer, "long": items.integer,
            "short": items.integer, "byte": items.integer, "bigint": items.integer,
        }  # fmt: skip
        return simple.get(kind, items.text)

    def structure(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> ToCbor:
        known = self._structures.get(shape.name) if not leave_out else None
        if known is not None:  # a shape that holds itself finds its function when it runs
            return known[0] if known else lambda value: known[0](value)
        slot: list[ToCbor] = []
        if not leave_out:
            self._structures[shape.name] = slot
        table = {
            name: (items.text(member.location_name or name), self.value(member))
            for name, member in shape.members.items()
            if name not in leave_out
        }

        def write(value: dict[str, Any]) -> bytes:
            made = [b""]
            for name, below in value.items():
                if name not in leave_out:
                    key, one = table[name]
                    made.append(key)
                    made.append(one(below))
            made[0] = items.head(5, len(made) >> 1)
            return b"".join(made)

        slot.append(write)
        return write

    def _list(self, shape: Shape) -> ToCbor:
        one = self.value(shape.member)

        def write(values: list[Any]) -> bytes:
            made = [items.NULL if value is None else one(value) for value in values]
            return items.head(4, len(made)) + b"".join(made)

        return write

    def _map(self, shape: Shape) -> ToCbor:
        one = self.value(shape.value)

        def write(values: dict[str, Any]) -> bytes:
            made = [items.text(k) + (items.NULL if v is None else one(v)) for k, v in values.items()]
            return items.head(5, len(made)) + b"".join(made)

        return write


def document(value: Any) -> bytes:
    """A value without a shape."""
    if isinstance(value, bool):
        return items.boolean(value)
    if isinstance(value, dict):
        return items.head(5, len(value)) + b"".join([items.text(k) + document(v) for k, v in value.items()])
    if isinstance(value, list):
        return items.head(4, len(value)) + b"".join([document(v) for v in value])
    if value is None:
        return items.NULL
    if isinstance(value, int):
        return items.integer(value)
    if isinstance(value, float):
        return items.double(value)
    return items.text(value) if isinstance(value, str) else items.blob(value)


class CborCodec(Codec):
    protocol = "smithy-rpc-v2-cbor"
    content_type = "application/cbor"

    def __init__(self, api: Api):
        super().__init__(api)
        self.reader, self.writer = CborReader(), CborWriter()

    # ---- bodies, for events too

    def body_reader(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> Callable[[bytes], dict[str, Any]]:
        read = self.reader.structure(shape, leave_out)
        return lambda body: read(items.parse(body))

    def payload_reader(self, member: Member) -> Callable[[bytes], Any]:
        read = self.reader.value(member)
        return lambda body: read(items.parse(body))

    def body_writer(
        self, shape: Shape, leave_out: frozenset[str] = frozenset(), operation: Operation | None = None
    ) -> Callable[[dict[str, Any]], bytes]:
        return self.writer.structure(shape, leave_out)

    def payload_writer(self, member: Member) -> Callable[[Any], bytes]:
        return self.writer.value(member)

    # ---- requests and answers

    def compile_decoder(self, operation: Operation) -> Decoder:
        if operation.input is None:
            return lambda request, labels: {}
        read = self.body_reader(operation.input)

        def decode(request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
            body = request.whole_body()
            try:
                return read(body) if body else {}
            except ValueError as error:
                raise SerializationError(str(error)) from None

        return decode

    def compile_encoder(self, operation: Operation) -> Encoder:
        shape = operation.output
        if shape is None:
            return lambda result, request_id: HttpResponse(200, [("x-amzn-RequestId", request_id), _PROTOCOL])
        if operation.event_stream_output is not None:
            return compile_event_encoder(self, operation, (_PROTOCOL,))
        write = self.body_writer(shape)

        def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
            headers = [("x-amzn-RequestId", request_id), _PROTOCOL, ("content-type", "application/cbor")]
            return HttpResponse(200, headers, write(result))

        return encode

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        headers = [("x-amzn-RequestId", request_id), _PROTOCOL, ("content-type", "application/cbor")]
        if self.api.aws_query_compatible:
            headers.append(query_error_header(self, error))
        made = [items.text("__type") + items.text(error.code)]
        if error.message:
            made.append(items.text(self.message_member(error)) + items.text(error.message))
        shape = self.error_shape(error)
        known = shape.shape.members if shape is not None else {}
        for name, value in error.members.items():
            member = known.get(name)
            called = member.location_name if member is not None and member.location_name else name
            made.append(items.text(called) + (document(value) if member is None else self.writer.value(member)(value)))
        return HttpResponse(error.status, headers, items.head(5, len(made)) + b"".join(made))
