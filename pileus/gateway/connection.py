"""One client's socket: HTTP/1.1 over asyncio with the compiled parser httptools (docs/decisions/0002-http-server.md).

A connection has one request in work at a time and keeps the following ones waiting (pipelining); answers leave in
order, and no faster than the client reads them. A body is read whole up to a limit, unless the app says at its head
that the operation streams: then it is handed on in pieces, and the socket is not read faster than they are consumed.
"""

import asyncio
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

from pileus.base.clock import monotonic
from pileus.base.errors import ApiError
from pileus.wire import HttpRequest, HttpResponse

from . import faults
from .faults import Fault
from .heads import HEADER_NAMES, head_of, header_name, path_of, without_upgrade
from .incoming import BodyStream, WholeBody
from .outgoing import Outgoing
from .serving import Exchange

if TYPE_CHECKING:
    from .server import Server

log = logging.getLogger("pileus.gateway")


class Connection(asyncio.BufferedProtocol):
    """One client. Parser callbacks (`on_…`) build a request; `_next` hands one at a time to the app."""

    def __init__(self, server: "Server"):
        self.server, self.limits, self._app = server, server.limits, server.app
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._peer = ""
        self._tls = ""  # 'TLSv1.3'
        self._ready: deque[tuple[HttpRequest, bool]] = deque()
        self._exchange: Exchange | None = None
        self._busy = False
        self._dispatching = False
        self._closing = False
        self._last = False
        self._pauses: set[str] = set()
        self._drained: asyncio.Future[None] | None = None
        self.unread_since = 0.0
        self._outgoing: Outgoing | None = None
        self.since = monotonic()
        self.phase = "idle"
        self._url = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._whole = WholeBody(server)
        self._stream: BodyStream | None = None
        self._expects = False
        self._upgrading = b""

    # The transport's side.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        tls = transport.get_extra_info("ssl_object")
        self._tls = tls.version() or "" if tls is not None else ""
        self.server.connections.add(self)
        if len(self.server.connections) > self.limits.connections:
            # Files must stay for the store to open: beyond the limit a client is told so and let go.
            self._refuse(503, "ServiceUnavailable", "Too many connections are open")

    def connection_lost(self, error: Exception | None) -> None:
        self.server.connections.discard(self)
        self._closing = True
        if self._stream is not None:
            self._stream.end(broken=True)
        if self._exchange is not None:
            self._exchange.gone()
            self._exchange = None
        if self._outgoing is not None:
            self._outgoing.stop()
            self._outgoing = None
        self._ready.clear()
        self._whole.let_go()

    def get_buffer(self, sizehint: int) -> memoryview:
        """All connections read into one buffer: what arrives is taken out of it before another one reads. Only the
        bytes of a large body go where they are to stay."""
        stream = self._stream
        if stream is not None and stream.direct and not self._closing:
            return stream.space()
        return self.server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        stream = self._stream
        if stream is None or not stream.direct or self._closing:
            self.data_received(bytes(self.server.buffer[:nbytes]))
            return
        self.since = monotonic()
        if stream.filled(nbytes):
            # The parser, which has not seen the body, still waits for it: the next message gets a new one.
            self._parser = httptools.HttpRequestParser(self)
            self.on_message_complete()
            self._next()

    def data_received(self, data: bytes) -> None:
        if self._closing or self._last:
            return
        if self.phase == "idle":
            self._enter("head")
        elif self.phase == "body":
            self.since = monotonic()
        try:
            if self.phase != "body":
                self._head_bytes += len(data)
            while data:
                data = self._fed(data)
            if self._head_bytes > self.limits.header_bytes and self.phase == "head":
                raise faults.too_many_headers()
        except Fault as fault:
            self._reject(fault)
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, Fault):
                self._reject(cause)
            else:
                if cause is not None:
                    log.error("a request's head could not be handled", exc_info=cause)
                self._reject(faults.not_http())
        if self._stream is not None:
            self._stream.go_direct()
        self._next()

    def _fed(self, data: bytes) -> bytes:
        """Has the parser read; returns what it is to read again."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as wish:
            # We speak nothing else than HTTP/1.1: the request counts, the wish to upgrade does not.
            if self._upgrading:
                again, self._upgrading = self._upgrading + data[wish.args[0] :], b""
                self._parser = httptools.HttpRequestParser(self)
                return again
            self._last = True  # what follows is another protocol, and not read
        return b""

    def eof_received(self) -> bool:
        if self._stream is not None:
            self._stream.end(broken=True)
        return self._busy and self._exchange is None  # a half-closed client still gets the answer being written

    def pause_writing(self) -> None:
        """The client does not read its answers: until it does, it gets no further ones."""
        self._drained = asyncio.get_running_loop().create_future()
        self.unread_since = monotonic()
        self.pause("answers")

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
        self.resume("answers")
        if self._outgoing is not None:
            self._outgoing.go_on()
        if not self._dispatching:
            self._next()

    @property
    def has_room(self) -> bool:
        """Whether the client has taken what it was sent."""
        return self._drained is None

    async def room(self) -> None:
        """Waits until it has."""
        if self._drained is not None:
            await self._drained

    def pause(self, why: str) -> None:
        if not self._pauses and not self._transport.is_closing():
            self._transport.pause_reading()
        self._pauses.add(why)

    def resume(self, why: str) -> None:
        if why in self._pauses:
            self._pauses.discard(why)
            if not self._pauses and not self._transport.is_closing():
                self._transport.resume_reading()

    # The parser's side.

    def on_message_begin(self) -> None:
        self._url, self._headers = b"", {}
        self._stream, self._expects = None, False
        if self.phase != "head":
            self._enter("head")

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self.limits.target_bytes:
            raise faults.long_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self._headers
        key = HEADER_NAMES.get(name) or header_name(name)
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def on_headers_complete(self) -> None:
        headers = self._headers
        limit = self.limits.header_bytes
        # What arrived may hold more than the head: only then are the headers themselves counted.
        if len(headers) > self.limits.headers or (
            self._head_bytes > limit and sum(len(name) + len(value) for name, value in headers.items()) > limit
        ):
            raise faults.too_many_headers()
        self._head_bytes = 0
        declared = headers.get("content-length")
        if declared is None and "transfer-encoding" not in headers:
            return
        if self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT":
            # The parser takes a body for the other protocol: the message is read once more, without the wish.
            self._upgrading = without_upgrade(self._parser.get_method(), self._url, headers)
            return
        self._enter("body")
        if "expect" in headers:
            self._expects = headers["expect"].lower() == "100-continue"
        elif declared is not None and int(declared) <= self.limits.whole_bytes:
            return
        head = self._request(b"")
        if (declared is None or int(declared) > 0) and self._app.wants_stream(head):
            self._stream = head.body = BodyStream(self, None if declared is None else int(declared))
            self._ready.append((head, self._parser.should_keep_alive()))
            return
        if declared is not None and int(declared) > self.limits.body_bytes:
            raise faults.too_large()
        if self._expects:
            self.ask_body()

    def ask_body(self) -> None:
        """Tells a client that waits with its body to send it."""
        if self._expects and not self._closing:
            self._expects = False
            self.server.flush()
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, piece: bytes) -> None:
        if self._stream is not None:
            self._stream.feed(piece)
            return
        self._whole.add(piece)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        if self._upgrading:
            return
        self.phase = "work"
        if self._stream is not None:
            self._stream.end()
            self._stream = None
            return
        self._ready.append((self._request(self._whole.take()), self._parser.should_keep_alive()))
        if len(self._ready) > self.limits.pipelined:
            self.pause("pipeline")

    def _request(self, body: bytes) -> HttpRequest:
        target = self._url.decode("latin-1")
        if not target.startswith("/"):
            target = path_of(target)
        path, _, query = target.partition("?")
        return HttpRequest(self._parser.get_method().decode("latin-1"), path, query, self._headers, body)

    # Requests and answers.

    def _next(self) -> None:
        self._dispatching = True
        while self._ready and not self._busy and not self._closing and self._drained is None:
            request, keep_alive = self._ready.popleft()
            self._busy = True
            stream = request.body if isinstance(request.body, BodyStream) else None
            head_only = request.method == "HEAD"

            def respond(
                response: HttpResponse,
                keep: bool = keep_alive,
                bare: bool = head_only,
                body: BodyStream | None = stream,
                held: int = len(request.body) if isinstance(request.body, bytes) else 0,
            ) -> None:
                self._whole.let_go(held)
                self._answer(response, keep, bare, body)

            exchange = self._app.start(request, self._peer, self._tls, respond)
            if self._busy:
                self._exchange = exchange
        self._dispatching = False
        if self._pauses and len(self._ready) <= self.limits.pipelined // 2:
            self.resume("pipeline")

    def _answer(self, response: HttpResponse, keep_alive: bool, bare: bool, stream: BodyStream | None) -> None:
        self._exchange = None
        if self._closing and self._transport.is_closing():
            self._busy = False
            return
        if stream is not None and not stream.finished:
            keep_alive = False  # the rest of an unread body is not worth reading
        keep_alive = keep_alive and not self.server.stopping and not self._closing
        if self._last and not self._ready:
            keep_alive = False
        body = response.body
        if isinstance(body, bytes):
            data = head_of(response, len(body), keep_alive) + (b"" if bare else body)
            if response.hops:
                self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, socket.IP_TTL, response.hops)
            if keep_alive:
                self.server.send(self._transport, data)
            else:
                self.server.flush()
                self._transport.write(data)
            self._finished(keep_alive)
        else:
            self._outgoing = Outgoing(self, self._transport, response, keep_alive, bare)
            self.server.begin(self._outgoing)

    def sent(self, keep_alive: bool) -> None:
        """A streamed answer is out."""
        self._outgoing = None
        self._finished(keep_alive)

    def _finished(self, keep_alive: bool) -> None:
        self._busy = False
        if self.phase == "work":
            self._enter("idle")
        if not keep_alive or self._closing:
            self._closing_soon()
        elif self._ready and not self._dispatching:
            self._next()

    def _reject(self, fault: Fault) -> None:
        """What came is no request, or its body no body. Whatever came before it is still answered."""
        if self._stream is not None:
            self._stream.fail(ApiError(fault.text, code=fault.code, status=fault.status))
            self._last = True
        elif self._busy or self._ready:
            self._last = True
        else:
            self._refuse(fault.status, fault.code, fault.text)

    def _refuse(self, status: int, code: str, message: str) -> None:
        if not self._busy and not self._closing:
            self.server.flush()
            response = self._app.refuse(status, code, message)
            assert isinstance(response.body, bytes)
            self._transport.write(head_of(response, len(response.body), False) + response.body)
        self._closing_soon()

    def _closing_soon(self) -> None:
        """No further request is read. A client that is still sending is heard out for a while: closing a socket with
        unread bytes resets it, and the client might never see its answer."""
        self._closing = True
        self._ready.clear()
        if self._busy:
            return
        if self.phase in ("head", "body") and not self._tls:
            self._pauses.clear()
            self._transport.resume_reading()
            self._transport.write_eof()
            self._enter("linger")
            asyncio.get_running_loop().call_later(self.limits.linger_seconds, self._transport.close)
        elif self.phase != "linger":
            self._transport.close()

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self.since = monotonic()

    def sweep(self, now: float) -> None:
        """Ends a connection that has used up its time."""
        waited, limits = now - self.since, self.limits
        if self._drained is not None and now - self.unread_since > limits.unread_seconds:
            self._transport.abort()
        elif self.phase == "idle" and not self._busy and waited > limits.idle_seconds:
            self._transport.close()
        elif self.phase == "head" and not self._busy and waited > limits.head_seconds:
            self._refuse(408, "RequestTimeout", "The request's head did not arrive in time")
        elif self.phase == "body" and waited > limits.body_idle_seconds and "stream" not in self._pauses:
            if self._last or self._closing:  # it was told before
                self._transport.abort()
                return
            self._reject(faults.stalled())
            self.since = now

    def stop(self) -> None:
        """Lets a request in work finish; ends the connection otherwise."""
        if not self._busy:
            self._transport.close()
