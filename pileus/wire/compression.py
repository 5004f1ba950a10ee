"""Bodies that a client compressed (CloudWatch's PutMetricData): unpacked, but never to more than so much."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError
from pileus.wire.http import HttpRequest

Decoder = Callable[[HttpRequest, dict[str, str]], dict[str, Any]]
LARGEST = 16 * 1024 * 1024


class NotGzip(Exception):
    """The body is not what its Content-Encoding says."""


def unpacked(body: bytes) -> bytes:
    """Raises NotGzip when the bytes are no gzip, ApiError when they grow too large."""
    packed = zlib.decompressobj(wbits=31)
    try:
        found = packed.decompress(body, LARGEST)
    except zlib.error:
        raise NotGzip("The body is not valid gzip") from None
    if packed.unconsumed_tail:
        raise ApiError("The unpacked body is too large", code="RequestEntityTooLarge", status=413)
    if not packed.eof:
        raise NotGzip("The compressed body ends too early")
    return found


def unpacking(inner: Decoder) -> Decoder:
    """The decoder of an operation whose clients may compress (Smithy: `requestCompression`)."""

    def decode(request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
        encodings = [name.strip() for name in request.headers.get("content-encoding", "").split(",")]
        if encodings[-1].lower() != "gzip" or not request.body:
            return inner(request, labels)
        plain = HttpRequest(
            request.method, request.path, request.query, request.headers, unpacked(request.whole_body())
        )
        return inner(plain, labels)

    return decode
