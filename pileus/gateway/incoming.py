"""A request's body on its way in: a stream, read no faster than it is consumed, or gathered whole."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pileus.base.errors import ApiError

from . import faults

if TYPE_CHECKING:
    from .connection import Connection
    from .server import Server


BLOCK_BYTES = 1024 * 1024
BLOCK_BYTES_LEAST = 64 * 1024
BLOCKS_BYTES = 16 * 1024 * 1024
"""What the blocks of all bodies that are arriving may hold together, as far as the least allows."""


SPARE_BLOCKS_MOST = 12
"""Blocks that are kept for the next bodies: a new one is cleared first, a tenth of what it takes to fill it."""


_NO_BLOCK = memoryview(b"")


class Blocks:
    """Where the bytes of large bodies come to."""

    def __init__(self) -> None:
        self.arriving = 0
        """Bodies that share the room."""
        self._spare: list[bytearray] = []

    def take(self, left: int) -> bytearray:
        """For a body of which so many bytes are yet to come."""
        share = BLOCKS_BYTES // self.arriving
        size = min(left, BLOCK_BYTES, max(BLOCK_BYTES_LEAST, share))
        return self._spare.pop() if size == BLOCK_BYTES and self._spare else bytearray(size)

    def give_back(self, block: bytearray) -> None:
        """Nobody looks at it any more."""
        if len(block) == BLOCK_BYTES and len(self._spare) < SPARE_BLOCKS_MOST:
            self._spare.append(block)

    def clear(self) -> None:
        self._spare.clear()


class BodyStream:
    """A request's body in pieces, read no faster than it is consumed. Ends early with ConnectionResetError, or with
    the error it was failed with.

    A body whose length was declared is *direct* once its head is read: its bytes go from the socket into blocks of its
    own, past the parser, and each block is a piece.
    """

    def __init__(self, connection: "Connection", declared: int | None):
        self._connection, self._blocks = connection, connection.server.blocks
        self._left = declared
        self.direct = False
        self._block, self._at = _NO_BLOCK, 0
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._broken = False
        self._fault: ApiError | None = None
        self._arrived: asyncio.Future[None] | None = None

    def go_direct(self) -> None:
        """From now on the connection asks for space. What came with the head is where the rest will come to."""
        if self.direct or self._left is None or self._left < BLOCK_BYTES_LEAST or self._ended:
            return
        self.direct = True
        self._blocks.arriving += 1
        come, self._size = list(self._pieces), 0
        self._pieces.clear()
        self._left += sum(len(piece) for piece in come)
        for piece in come:
            while piece:
                space = self.space()
                size = min(len(space), len(piece))
                space[:size] = piece[:size]
                self.filled(size)
                piece = piece[size:]
        if not self._pieces:
            # What made the client wait stands in a block that it has to fill.
            self._connection.resume("stream")

    def space(self) -> memoryview:
        """Where the next bytes go."""
        if self._at == len(self._block):
            assert self._left is not None
            self._block, self._at = memoryview(self._blocks.take(self._left)), 0
        return self._block[self._at :]

    def filled(self, size: int) -> bool:
        """That many bytes came. Whether they were the last."""
        self._at += size
        assert self._left is not None
        self._left -= size
        if self._at == len(self._block):
            block, self._block, self._at = self._block, _NO_BLOCK, 0
            self._add(block)  # type: ignore[arg-type]
        return self._left == 0

    def feed(self, piece: bytes) -> None:
        """`piece` is `bytes`, or a view of memory that is nobody else's."""
        if self._left is not None:
            self._left -= len(piece)
        self._add(piece)

    def _add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._left != 0 and self._size > self._connection.limits.stream_ahead_bytes:
            self._connection.pause("stream")
        self._wake()

    def recycle(self, piece: bytes) -> None:
        """The piece that was handed on is looked at no more: what it lay in may hold another body's bytes."""
        if isinstance(piece, memoryview) and isinstance(piece.obj, bytearray):
            self._blocks.give_back(piece.obj)

    def end(self, broken: bool = False) -> None:
        if self.direct:
            self.direct = False
            self._blocks.arriving -= 1
        self._ended = True
        self._broken = broken
        self._wake()

    def fail(self, fault: ApiError) -> None:
        """No more will come, and who reads it is told why."""
        self._fault = fault
        self.end(broken=True)

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._connection.ask_body()
        while not self._pieces:
            if self._fault is not None:
                raise self._fault
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


class WholeBody:
    """The bodies of one connection that are read whole: what has come of the one that is arriving, and how much of
    what all clients may have the server keep it holds, until its request is answered.

    Nobody has said yet who sends all this: a body is there before its signature is looked at. Raises Fault.
    """

    def __init__(self, server: "Server"):
        self._server, self._limits = server, server.limits
        self._pieces: list[bytes] = []
        self._size = self._held = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limits.body_bytes:
            raise faults.too_large()
        self._pieces.append(piece)
        if self._size > self._limits.whole_bytes:
            self._held += len(piece)
            self._server.held += len(piece)
            if self._server.held > self._limits.held_bytes:
                raise faults.slow_down()

    def take(self) -> bytes:
        """All of it."""
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces, self._size = [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def let_go(self, size: int | None = None) -> None:
        """A body of that size is answered; or nothing more will be, and what has come is given up."""
        if size is None:
            self._pieces, size = [], self._held
        if self._held:
            size = min(size, self._held)
            self._held -= size
            self._server.held -= size
