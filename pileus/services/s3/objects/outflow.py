"""Bytes on their way out: read, unsealed and sent, never more than a few blocks at a time.

What is read is not removed before it has been read, even if its object is replaced or deleted meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from pileus.base.threads import ended, threaded
from pileus.blobs import Blob
from pileus.keyring import Cipher
from pileus.service import Call
from pileus.store import Transaction

from ..tables import Piece, small_bytes
from .sealing import SEGMENT_BYTES, Ciphers, open_segments, segments_of, unseal_small

BLOCK_BYTES = 8 * SEGMENT_BYTES


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
        if self._open is None or self._open[0] != number:
            self._shut()
            self._open = number, self._blobs.open(piece.id), self._ciphers.of(piece.id)
        return _read(piece, self._open[1], self._open[2], start, stop)

    async def blocks(self) -> AsyncIterator[bytes]:
        """The next block is read while the one before is being sent."""
        ahead: asyncio.Future[list[bytes]] | None = None
        try:
            for step in self.steps():
                parts = await ahead if ahead is not None else []
                ahead = asyncio.ensure_future(threaded(self.read, step))
                for part in parts:
                    yield part
            for part in await ahead if ahead is not None else []:
                yield part
        finally:
            if ahead is not None:
                await ended(ahead)
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


def _read(piece: Piece, blob: Blob, cipher: Cipher, start: int, stop: int) -> list[bytes]:
    first, offset, size = segments_of(piece, start, stop)
    parts = open_segments(cipher, first, blob.read(offset, size))
    skip = start - first * SEGMENT_BYTES
    left = stop - start - sum(len(part) for part in parts) + skip
    if left:
        parts[-1] = parts[-1][:left]
    if skip:
        parts[0] = parts[0][skip:]
    return parts
