"""The json protocols, 1.0 and 1.1: one POST, the operation in `X-Amz-Target` (DynamoDB, SQS, KMS, …)."""

from __future__ import annotations

from typing import Any

import orjson

from pileus.base.errors import ApiError
from pileus.model import Api, Operation
from pileus.wire.codec import Codec, Decoder, Encoder, is_sender
from pileus.wire.http import HttpRequest, HttpResponse
from pileus.wire.json_bodies import JsonBodies
from pileus.wire.json_shapes import JsonReader, JsonWriter, parse
from pileus.wire.rpc_events import compile_event_encoder

# Errors that AWS's front end answers before any service is asked carry its own namespace.
_FRONT_END = frozenset({
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException", "InternalFailure",
    "InvalidSignatureException", "MissingAuthenticationTokenException", "SerializationException",
    "UnknownOperationException", "UnrecognizedClientException",
})  # fmt: skip
_NAMESPACES = {"sqs": "com.amazonaws.sqs#", "dynamodb": "com.amazonaws.dynamodb.v20120810#"}
_FRONT_END_NAMESPACE = "com.amazon.coral.service#"


class JsonCodec(JsonBodies, Codec):
    protocol = "json"

    def __init__(self, api: Api):
        super().__init__(api)
        self.reader, self.writer = JsonReader(), JsonWriter()
        self.content_header = ("content-type", f"application/x-amz-json-{api.json_version}")

    def compile_decoder(self, operation: Operation) -> Decoder:
        if operation.input is None:
            return lambda request, labels: {}
        read = self.reader.structure(operation.input)

        def decode(request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
            body = request.whole_body()
            return read(parse(body)) if body else {}

        return decode

    def compile_encoder(self, operation: Operation) -> Encoder:
        shape = operation.output
        write = self.writer.structure(shape) if shape is not None else None
        members = frozenset(shape.members) if shape is not None else frozenset[str]()
        content_type = self.content_header
        if shape is None:  # SQS answers such operations with no body at all; clients read it as an empty answer
            return lambda result, request_id: HttpResponse(
                200,
                [("x-amzn-RequestId", request_id), content_type],
                b"{}" if not self.api.aws_query_compatible else b"",
            )

        if operation.event_stream_output is not None:
            return compile_event_encoder(self, operation)

        def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
            if not members.issuperset(result):
                raise KeyError(f"{operation.name} has no output member {sorted(result.keys() - members)}")
            body = orjson.dumps(result if write is None else write(result))
            return HttpResponse(200, [("x-amzn-RequestId", request_id), content_type], body)

        return encode

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        headers = [("x-amzn-RequestId", request_id), self.content_header]
        if self.api.aws_query_compatible:
            headers.append(query_error_header(self, error))
        return HttpResponse(error.status, headers, orjson.dumps(self._error_body(error)))

    def _error_body(self, error: ApiError) -> dict[str, Any]:
        code = error.code
        namespace = _FRONT_END_NAMESPACE if code in _FRONT_END else _NAMESPACES.get(self.api.name, "")
        body: dict[str, Any] = {"__type": namespace + code}
        if error.message:
            body[self.message_member(error)] = error.message
        body.update(error_members(self, self.writer, error))
        return body


def error_members(codec: Codec, writer: JsonWriter, error: ApiError) -> dict[str, Any]:
    """The error's further members as JSON."""
    shape = codec.error_shape(error)
    if not error.members or shape is None:
        return error.members
    write = writer.structure(shape.shape)
    return error.members if write is None else write(error.members)


def query_error_header(codec: Codec, error: ApiError) -> tuple[str, str]:
    """What clients of a service that once spoke query read the code from (Smithy: `awsQueryCompatible`)."""
    return "x-amzn-query-error", f"{codec.query_code(error)};{'Sender' if is_sender(error) else 'Receiver'}"
