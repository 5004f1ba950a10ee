"""Botocore's own serializers and parsers, as the clients whose requests and answers the tests read and write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.eventstream import EventStream
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import PROTOCOL_PARSERS
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp, percent_encode_sequence

from pileus.wire import HttpRequest, HttpResponse


def epoch(value: Any) -> float:
    return float(parse_timestamp(value).timestamp())


async def _collect(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in body])


def whole(response: HttpResponse) -> bytes:
    return response.body if isinstance(response.body, bytes) else asyncio.run(_collect(response.body))


def sent(operation: OperationModel, protocol: str, params: dict[str, Any]) -> HttpRequest:
    """The request a botocore client makes of params."""
    made = create_serializer(protocol, False).serialize_to_request(params, operation)
    body = made["body"]
    if isinstance(body, dict):
        body = percent_encode_sequence(body).encode()
    path, _, query = made["url_path"].partition("?")
    further = made["query_string"]
    if isinstance(further, dict):
        further = percent_encode_sequence(further)
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    return HttpRequest(made["method"], path, "&".join(part for part in (query, further) if part), headers, body)


class _Raw:
    """A body that is read as a stream."""

    def __init__(self, data: bytes):
        self._data = data

    def stream(self) -> Any:
        yield self._data

    def read(self) -> bytes:
        return self._data


def parsed(model: ServiceModel, operation: OperationModel, protocol: str, response: HttpResponse) -> dict[str, Any]:
    """What a botocore client makes of an answer, errors with the members of their shape."""
    parser = PROTOCOL_PARSERS[protocol](timestamp_parser=epoch)
    body = whole(response)
    headers = HeadersDict(dict(response.headers))
    streams = response.status < 300 and (operation.has_event_stream_output or operation.has_streaming_output)
    answer = {
        "status_code": response.status,
        "headers": headers,
        "body": _Raw(body) if streams else body,
        "context": {"operation_name": operation.name},
    }
    output = operation.output_shape
    if protocol == "query" and output is not None and output.members:  # SQS's model no longer has it
        output.serialization.setdefault("resultWrapper", f"{operation.name}Result")
    found = parser.parse(answer, output)
    if response.status >= 300 and "Error" in found:
        shape = model.shape_for_error_code(found["Error"]["Code"]) if _is_known(model, found) else None
        if shape is not None:
            found.update(parser.parse(answer, shape))
    found.pop("ResponseMetadata", None)
    return {name: _plain(value) for name, value in found.items()}


def _is_known(model: ServiceModel, found: dict[str, Any]) -> bool:
    code = found["Error"]["Code"]
    return any(code in (shape.name, shape.metadata.get("error", {}).get("code")) for shape in model.error_shapes)


def _plain(value: Any) -> Any:
    if isinstance(value, EventStream):
        return list(value)
    return value.read() if isinstance(value, _Raw) else value
