"""Stop 1: listens, keeps count of connections (gateway/connection.py), gathers answers, and stops gracefully."""

import asyncio
import socket
from typing import Any

from pileus.base.clock import monotonic

from .connection import Connection
from .incoming import Blocks
from .outgoing import Outgoing
from .serving import App, Limits

CROWD = 4
READ_BYTES = 64 * 1024
AT_ONCE_BYTES = 16 * 1024


class Server:
    """Listens, keeps count of connections, and stops gracefully."""

    SWEEP_SECONDS = 5.0

    def __init__(self, app: App, limits: Limits | None = None):
        self.app, self.limits = app, limits or Limits()
        self.connections: set[Connection] = set()
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.stopping = False
        self.held = 0
        """Bytes of long bodies that are read whole, from their arrival to their answer."""
        self.blocks = Blocks()
        self._listeners: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._sending: list[tuple[Any, bytes]] = []

    async def listen(self, host: str, port: int, tls: Any = None) -> int:
        """Returns the port (a free one for 0)."""
        loop = asyncio.get_running_loop()
        patience: dict[str, Any] = {"ssl_handshake_timeout": 10.0, "ssl_shutdown_timeout": 1.0} if tls else {}
        listener = await loop.create_server(lambda: Connection(self), host, port, ssl=tls, backlog=1024, **patience)
        self._listeners.append(listener)
        if self._sweeper is None:
            self._sweeper = loop.create_task(self._sweep())
        return int(listener.sockets[0].getsockname()[1])

    async def listen_on(self, made: socket.socket, tls: Any = None) -> None:
        """Serves a socket that listens already, wherever it was made."""
        loop = asyncio.get_running_loop()
        patience: dict[str, Any] = {"ssl_handshake_timeout": 10.0, "ssl_shutdown_timeout": 1.0} if tls else {}
        made.setblocking(False)
        listener = await loop.create_server(lambda: Connection(self), sock=made, ssl=tls, backlog=1024, **patience)
        self._listeners.append(listener)
        if self._sweeper is None:
            self._sweeper = loop.create_task(self._sweep())

    def send(self, transport: Any, data: bytes) -> None:
        """Writes an answer; among many clients, after the other requests of this turn of the event loop.

        Waking a client costs the sender more than the answer's bytes do. Sent one after the other, the answers of a
        turn wake a busy client once.
        """
        if len(self.connections) < CROWD or len(data) > AT_ONCE_BYTES:
            self.flush()
            transport.write(data)
            return
        if not self._sending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._sending.append((transport, data))

    def begin(self, outgoing: Outgoing) -> None:
        """Begins a long answer, likewise: a client that has one to read need not be woken for each piece of the next,
        and what reads the other requests is not pushed out of the processor's caches in between."""
        if len(self.connections) < CROWD:
            self.flush()
            outgoing.begin()
        else:
            asyncio.get_running_loop().call_soon(outgoing.begin)

    def flush(self) -> None:
        """Sends the answers that wait for the end of the turn."""
        batch, self._sending = self._sending, []
        for transport, data in batch:
            transport.write(data)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.SWEEP_SECONDS)
            now = monotonic()
            self.blocks.clear()
            for connection in list(self.connections):
                connection.sweep(now)

    async def stop(self, patience: float = 10.0) -> None:
        """Takes no more connections, lets requests in work finish for `patience` seconds, then ends what is left."""
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.stop()
        end = monotonic() + patience
        while self.connections and monotonic() < end:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection._transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
