"""The rest-json protocol: method and path say the operation, JSON is the body (Lambda, API Gateway, EFS, …)."""

from __future__ import annotations

from typing import Any

import orjson

from pileus.base.errors import ApiError
from pileus.model import Api, Operation, Shape
from pileus.wire.http import HttpResponse
from pileus.wire.json_bodies import JsonBodies
from pileus.wire.json_shapes import JsonReader, JsonWriter
from pileus.wire.rest import RestCodec


class RestJsonCodec(JsonBodies, RestCodec):
    protocol = "rest-json"

    def __init__(self, api: Api):
        super().__init__(api)
        self.reader, self.writer = JsonReader(), JsonWriter()

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
