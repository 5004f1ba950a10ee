"""What goes in and what comes out: one HTTP request, one HTTP response."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class HttpRequest:
    """`path` and `query` raw as sent (percent-encoded); `headers` by lower-case name, repeated ones joined by `,`."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""

    def whole_body(self) -> bytes:
        """The body of an operation that does not stream. The server has read it before the codec is asked."""
        body = self.body
        if isinstance(body, bytes):
            return body
        raise TypeError("this operation reads its body as a stream")


@dataclass(slots=True)
class HttpResponse:
    """`headers` is a list of pairs; a streamed body is an async iterator of bytes. `hops`: how many routers its packets
    may pass, 0 for as many as they like."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    hops: int = 0
