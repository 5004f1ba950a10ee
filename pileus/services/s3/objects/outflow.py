"""Bytes on their way out: read, unsealed and sent, never more than a few blocks at a time.

The blobs are opened before the first byte is sent. If one is gone by then, the object was replaced meanwhile, and the
request is answered anew; once open, it is read to its end even if it is deleted.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from pileus.blobs import Blob
from pileus.blobs.sealing import SEGMENT_BYTES, read_range
from pileus.keyring import Cipher
from pileus.service import Call
from pileus.store import Transaction

from ..tables import Piece, small_bytes
from .sealing import Ciphers, unseal_small

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
                reading = asyncio.ensure_future(asyncio.to_thread(_read, *step))
                if ahead is not None:
                    for part in await ahead:
                        yield part
                ahead = reading
            if ahead is not None:
                for part in await ahead:
                    yield part
                ahead = None
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
            self.close()

    def close(self) -> None:
        for _, held, _, _ in self._runs:
            if not isinstance(held, bytes):
                held.close()


def read_all(source: Source) -> Iterator[bytes]:
    """For worker threads: all blocks, one after the other."""
    for step in source.steps():
        yield from _read(*step)


def _read(piece: Piece, held: "Blob | bytes", cipher: Cipher, start: int, stop: int) -> list[bytes]:
    """The bytes from `start` to `stop`, segment by segment."""
    if isinstance(held, bytes):
        return [held[start:stop]]
    return read_range(held, cipher, piece.size, start, stop)
