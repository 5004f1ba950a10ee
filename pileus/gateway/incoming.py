"""A request's body on its way in, read no faster than it is consumed."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection


class BodyStream:
    """A request's body in pieces, read no faster than it is consumed. Ends early with ConnectionResetError."""

    def __init__(self, connection: "Connection"):
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._broken = False
        self._arrived: asyncio.Future[None] | None = None

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._connection.limits.stream_ahead_bytes:
            self._connection.pause("stream")
        self._wake()

    def end(self, broken: bool = False) -> None:
        self._ended = True
        self._broken = broken
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._connection.ask_body()
        while not self._pieces:
            if self._broken:
                raise ConnectionResetError("the client hung up in the middle of a body")
            if self._ended:
                raise StopAsyncIteration
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        piece = self._pieces.popleft()
        self._size -= len(piece)
        if self._size <= self._connection.limits.stream_ahead_bytes // 2:
            self._connection.resume("stream")
        return piece

    @property
    def finished(self) -> bool:
        return self._ended and not self._pieces
