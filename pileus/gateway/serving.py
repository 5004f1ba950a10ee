"""What the server and the app it serves agree on: limits, requests in work, and how to answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pileus.wire import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Limits:
    """What one client may ask of the server's memory and patience. Bytes and seconds."""

    header_bytes: int = 32 * 1024
    body_bytes: int = (
        16 * 1024 * 1024 + 64 * 1024
    )  # DynamoDB's batch of 16 MB is the largest of AWS's that does not stream
    target_bytes: int = 16 * 1024
    headers: int = 200
    whole_bytes: int = 64 * 1024  # a body up to this is read whole even if the operation streams
    held_bytes: int = 256 * 1024 * 1024  # by all bodies that are longer and read whole, of all clients together
    stream_ahead_bytes: int = 256 * 1024
    pipelined: int = 16
    connections: int = 8_192
    head_seconds: float = 20.0  # to send a whole head, from its first byte
    body_idle_seconds: float = 60.0  # between two pieces of a body
    unread_seconds: float = 60.0  # for a client to read something of an answer that is too much for the socket
    linger_seconds: float = 2.0  # after a refusal, for a client that is still sending to see it
    idle_seconds: float = 180.0  # between two requests


Respond = Callable[[HttpResponse], None]


class Exchange(Protocol):
    """A request in work, as the connection sees it."""

    def gone(self) -> None:
        """The client has hung up: nobody is left to answer."""
        ...


class App(Protocol):
    """What the server serves."""

    def wants_stream(self, head: HttpRequest) -> bool:
        """Whether this request's body is to be handed on in pieces."""
        ...

    def start(self, request: HttpRequest, peer: str, tls: str, respond: Respond) -> Exchange | None:
        """Begins work on a request; `respond` is called once, now or later. None when it was answered at once."""
        ...

    def refuse(self, status: int, code: str, message: str) -> HttpResponse:
        """An answer to what is not even a request."""
        ...
