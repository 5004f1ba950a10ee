"""The rest-json protocol: method and path say the operation, JSON is the body (Lambda, API Gateway, EFS, …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from pileus.base.errors import ApiError
from pileus.model import Api, Member, Operation, Shape
from pileus.wire.http import HttpResponse
from pileus.wire.json_shapes import JsonReader, JsonWriter, parse
from pileus.wire.rest import RestCodec


class RestJsonCodec(RestCodec):
    protocol = "rest-json"
    content_type = "application/json"

    def __init__(self, api: Api):
        super().__init__(api)
        self.reader, self.writer = JsonReader(), JsonWriter()

    def body_reader(self, shape: Shape, leave_out: frozenset[str]) -> Callable[[bytes], dict[str, Any]]:
        read = self.reader.structure(shape, leave_out)
        return lambda body: read(parse(body))

    def payload_reader(self, member: Member) -> Callable[[bytes], Any]:
        read = self.reader.value(member)
        return lambda body: read(parse(body))

    def body_writer(
        self, shape: Shape, leave_out: frozenset[str], operation: Operation | None = None
    ) -> Callable[[dict[str, Any]], bytes]:
        write = self.writer.structure(shape, leave_out)
        return orjson.dumps if write is None else lambda value: orjson.dumps(write(value))

    def payload_writer(self, member: Member) -> Callable[[Any], bytes]:
        write = self.writer.value(member)
        return orjson.dumps if write is None else lambda value: orjson.dumps(write(value))

    def empty_body(self, shape: Shape) -> tuple[bytes, str]:
        return b"{}", self.content_type

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        headers, members = self.error_headers(error, request_id)
        headers += [("x-amzn-ErrorType", error.code), ("content-type", self.content_type)]
        if operation is not None and operation.http_method == "HEAD":
            return HttpResponse(error.status, headers)
        body: dict[str, Any] = {}
        if error.message:
            body[self.message_member(error)] = error.message
        shape = self.error_shape(error)
        write = self.writer.structure(shape.shape) if shape is not None else None
        body.update(members if write is None else write(members))
        return HttpResponse(error.status, headers, orjson.dumps(body))
