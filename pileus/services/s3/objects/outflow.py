"""Bytes on their way out: read, unsealed and sent, never more than a few blocks at a time.

What is read is not removed before it has been read, even if its object is replaced or deleted meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from pileus.base.threads import threaded
from pileus.blobs import Blob
from pileus.blobs.sealing import SEGMENT_BYTES, read_range, read_segment_now
from pileus.keyring import Cipher
from pileus.service import Call
from pileus.store import Transaction

from ..tables import Piece, small_bytes
from .sealing import Ciphers, unseal_small

BLOCK_BYTES = 4 * SEGMENT_BYTES


def read_small(tx: Transaction, piece: Piece, ciphers: Ciphers) -> bytes:
    """All of a small piece."""
    sealed = small_bytes.get(tx, piece.id)
    if sealed is None:
        raise RuntimeError(f"the bytes of piece {piece.id} are not there")
    return unseal_small(ciphers, piece.id, sealed)


Step = tuple[int, int, int]
"""(number of the run, first byte, end) of a block."""


class Source:
    """The bytes of some pieces from `start` to `stop`. Its blobs are not removed before it is closed, or gone."""

    def __init__(self, call: Call, pieces: tuple[Piece, ...], ciphers: Ciphers, start: int, stop: int):
        self._ciphers, self._blobs = ciphers, call.cloud.blobs
        self._runs: list[tuple[Piece, bytes | None, int, int]] = []
        self._open: tuple[int, Blob, Cipher] | None = None
        at = 0
        for piece in pieces:
            first, last = max(start - at, 0), min(stop - at, piece.size)
            if first < last:
                held = read_small(call.tx, piece, ciphers) if piece.small else None
                self._runs.append((piece, held, first, last))
            at += piece.size
        self._reading = tuple(piece.id for piece, held, _, _ in self._runs if held is None)
        self._blobs.readers.begin(self._reading)

    def steps(self) -> Iterator[Step]:
        """What is read, block by block."""
        for number, (_, _, start, stop) in enumerate(self._runs):
            while start < stop:
                end = min(stop, (start // SEGMENT_BYTES) * SEGMENT_BYTES + BLOCK_BYTES)
                yield number, start, end
                start = end

    def read(self, step: Step) -> list[bytes]:
        """One block, segment by segment. In a worker thread, one call after another. Raises NoSuchBlob."""
        number, start, stop = step
        piece, held, _, _ = self._runs[number]
        if held is not None:
            return [held[start:stop]]
        blob, cipher = self._opened(number)
        return read_range(blob, cipher, piece.size, start, stop)

    def _opened(self, number: int) -> tuple[Blob, Cipher]:
        if self._open is None or self._open[0] != number:
            self._shut()
            piece = self._runs[number][0]
            self._open = number, self._blobs.open(piece.id), self._ciphers.of(piece.id)
        return self._open[1:]

    def _now(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        """As many segments from `start` on as are in memory already. On the event loop: handing what costs a few
        microseconds to a thread costs a hundred."""
        piece, held, _, _ = self._runs[number]
        if held is not None or not self._blobs.at_hand:
            return
        blob, cipher = self._opened(number)
        while start < stop:
            end = min(stop, (start // SEGMENT_BYTES + 1) * SEGMENT_BYTES)
            part = read_segment_now(blob, cipher, piece.size, start, end)
            if part is None:
                return
            yield part
            start = end

    async def blocks(self) -> AsyncIterator[bytes]:
        """What is in memory is opened here and now, segment by segment; what is on the disk only, in a thread."""
        try:
            for number, start, stop in self.steps():
                for part in self._now(number, start, stop):
                    yield part
                    start += len(part)
                if start < stop:
                    for part in await threaded(self.read, (number, start, stop)):
                        yield part
                await asyncio.sleep(0)  # others have their turn
        finally:
            self.close()

    def close(self) -> None:
        self._shut()
        reading, self._reading = self._reading, ()
        self._blobs.readers.end(reading)

    __del__ = close

    def _shut(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def read_all(source: Source) -> Iterator[bytes]:
    """For worker threads: all blocks, one after the other."""
    for step in source.steps():
        yield from source.read(step)
