"""Bytes on their way out: read, unsealed and sent, never more than a few blocks at a time.

The blobs are opened before the first byte is sent. If one is gone by then, the object was replaced meanwhile, and the
request is answered anew; once open, it is read to its end even if it is deleted.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

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


Step = tuple[Piece, Blob | bytes, Cipher, int, int]


class Source:
    """The bytes of some pieces from `start` to `stop`, opened. Raises NoSuchBlob while it opens."""

    def __init__(self, call: Call, pieces: tuple[Piece, ...], ciphers: Ciphers, start: int, stop: int):
        self._ciphers = ciphers
        self._lock = threading.Lock()
        self._readers, self._ended = 0, False
        self._runs: list[tuple[Piece, Blob | bytes, int, int]] = []
        at = 0
        try:
            for piece in pieces:
                first, last = max(start - at, 0), min(stop - at, piece.size)
                if first < last:
                    held = read_small(call.tx, piece, ciphers) if piece.small else call.cloud.blobs.open(piece.id)
                    self._runs.append((piece, held, first, last))
                at += piece.size
        except BaseException:
            self.close()
            raise

    def steps(self) -> Iterator["Step"]:
        """What is read, block by block."""
        for piece, held, start, stop in self._runs:
            cipher = self._ciphers.of(piece.id)
            while start < stop:
                end = min(stop, (start // SEGMENT_BYTES) * SEGMENT_BYTES + BLOCK_BYTES)
                yield piece, held, cipher, start, end
                start = end

    async def blocks(self) -> AsyncIterator[bytes]:
        """The next block is read while the one before is being sent."""
        ahead: asyncio.Future[list[bytes]] | None = None
        try:
            for step in self.steps():
                reading = asyncio.ensure_future(asyncio.to_thread(self.read, step))
                if ahead is not None:
                    for part in await ahead:
                        yield part
                ahead = reading
            if ahead is not None:
                for part in await ahead:
                    yield part
                ahead = None
        finally:
            self.close()

    def read(self, step: "Step") -> list[bytes]:
        """For worker threads: one block."""
        with self._lock:
            if self._ended:
                return []
            self._readers += 1
        try:
            return _read(*step)
        finally:
            with self._lock:
                self._readers -= 1
                last = self._ended and not self._readers
            if last:
                self._let_go()

    def close(self) -> None:
        """Cancelling a reader does not stop its thread: the last of them closes what it reads, so that none ever reads
        from a file's number that has become another file's."""
        with self._lock:
            last = not self._ended and not self._readers
            self._ended = True
        if last:
            self._let_go()

    def _let_go(self) -> None:
        for _, held, _, _ in self._runs:
            if not isinstance(held, bytes):
                held.close()


def read_all(source: Source) -> Iterator[bytes]:
    """For worker threads: all blocks, one after the other. Raises ConnectionAbortedError once the source is closed."""
    for step in source.steps():
        block = source.read(step)
        if not block:
            raise ConnectionAbortedError("the copy was given up")
        yield from block


def _read(piece: Piece, held: "Blob | bytes", cipher: Cipher, start: int, stop: int) -> list[bytes]:
    """The bytes from `start` to `stop`, segment by segment."""
    if isinstance(held, bytes):
        return [held[start:stop]]
    first, offset, size = segments_of(piece, start, stop)
    parts = open_segments(cipher, first, held.read(offset, size))
    skip = start - first * SEGMENT_BYTES
    left = stop - start - sum(len(part) for part in parts) + skip
    if left:
        parts[-1] = parts[-1][:left]
    if skip:
        parts[0] = parts[0][skip:]
    return parts
