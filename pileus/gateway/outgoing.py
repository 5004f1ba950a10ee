"""An answer's body on its way out, no faster than the client reads it."""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pileus.base.clock import monotonic
from pileus.wire import HttpResponse

from .heads import declared_length, head_of

if TYPE_CHECKING:
    from .connection import Connection

log = logging.getLogger("pileus.gateway")

TURN_BYTES = 1024 * 1024
"""What one answer may send before others have their turn."""


class Outgoing:
    """Writes a streamed body piece by piece, and stops while the socket is full.

    A body may have a method `now`: the next piece if nobody needs to wait for it, None if somebody must, b"" at the
    end. As long as it gives pieces the answer needs no task of its own.
    """

    def __init__(self, connection: "Connection", transport: Any, response: HttpResponse, keep_alive: bool, bare: bool):
        body = response.body
        assert not isinstance(body, bytes)
        self._connection, self._transport, self._body, self._keep_alive = connection, transport, body, keep_alive
        length = declared_length(response)
        self._framed = length is None
        self._head = head_of(response, length, keep_alive)
        self._now: Callable[[], bytes | None] | None = getattr(body, "now", None)
        self._bare = bare
        self._over = self._ended = False
        self._rest: deque[bytes] = deque()
        plain = transport.get_extra_info("sslcontext") is None
        self._socket: int = transport.get_extra_info("socket").fileno() if plain and self._now is not None else -1
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._ended:
            return  # the client has gone in the meantime
        if self._bare:
            self._transport.write(self._head)
            self._finish()
            return
        if self._now is None:
            self._transport.write(self._head)
            self._head = b""
            self._start_task()
        else:
            self.go_on()

    def go_on(self) -> None:
        """Sends what is there, until the socket is full or the turn is over. Called again when there is room."""
        if self._task is not None or self._ended:
            return
        try:
            while self._rest and self._connection.has_room:
                self._transport.write(self._rest.popleft())
            if not self._rest and self._over:
                self._finish()
            elif not self._rest and self._connection.has_room:
                self._next_turn()
        except Exception as error:  # noqa: BLE001 - not swallowed: logged with its trace, and the answer is cut short
            self._broken(error)

    def _next_turn(self) -> None:
        """Gathers what is there, for one call of the system."""
        assert self._now is not None
        pieces, size = [self._head], 0
        self._head = b""
        piece: bytes | None = b""
        while size <= TURN_BYTES and (piece := self._now()):
            size += len(piece)
            pieces += (b"%x\r\n" % len(piece), piece, b"\r\n") if self._framed else (piece,)
        self._over = piece == b""
        self._send(pieces)
        if piece is None:
            self._start_task()
        elif self._over and not self._rest:
            self._finish()
        elif self._connection.has_room:
            asyncio.get_running_loop().call_soon(self.go_on)

    def _send(self, pieces: list[bytes]) -> None:
        """Past the transport, which takes one piece a call, and copies what the socket does not take."""
        self._connection.unread_since = monotonic()
        taken = 0
        if self._socket >= 0 and not self._transport.get_write_buffer_size():
            with suppress(OSError):  # the transport will meet it, too
                taken = os.writev(self._socket, pieces)
        for piece in pieces:
            if taken >= len(piece):
                taken -= len(piece)
                continue
            rest = piece[taken:] if taken else piece
            taken = 0
            if self._connection.has_room:
                self._transport.write(rest)
            else:
                self._rest.append(rest)

    def stop(self) -> None:
        """The client is gone."""
        if self._task is not None:
            self._task.cancel()
        elif not self._ended:
            self._ended = True
            self._let_go()

    def _start_task(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._wait_for())

    async def _wait_for(self) -> None:
        body: AsyncIterator[bytes] = self._body
        try:
            while self._rest:
                await self._connection.room()
                self._transport.write(self._rest.popleft())
            async for piece in body:
                if piece:
                    self._write(piece)
                    await self._connection.room()
        except Exception as error:  # noqa: BLE001 - as above
            self._broken(error)
            return
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
        self._finish()

    def _write(self, piece: bytes) -> None:
        self._connection.unread_since = monotonic()
        data = b"%b%x\r\n%b\r\n" % (self._head, len(piece), piece) if self._framed else self._head + piece
        self._head = b""
        self._transport.write(data)

    def _finish(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        if self._framed and not self._bare:
            self._transport.write(b"0\r\n\r\n")
        self._ended = True
        self._let_go()
        self._connection.sent(self._keep_alive)

    def _broken(self, error: Exception) -> None:
        """The head is out: all that is left to tell the client is an answer cut short."""
        log.error("a streamed answer broke off", exc_info=error)
        self._ended = True
        self._let_go()
        self._transport.abort()

    def _let_go(self) -> None:
        """It may hold files open."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
