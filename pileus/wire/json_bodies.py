"""How JSON stands in a body, for the REST protocol's bodies and for the events of both JSON protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from pileus.model import Member, Operation, Shape
from pileus.wire.json_shapes import JsonReader, JsonWriter, parse


class JsonBodies:
    """A part of a codec that has a reader and a writer."""

    content_type = "application/json"
    reader: JsonReader
    writer: JsonWriter

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
