"""Bytes on their way out: read, unsealed and sent, never more than a few blocks at a time.

What is read is not removed before it has been read, even if its object is replaced or deleted meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator

from pileus.base.threads import threaded
from pileus.blobs import Blob
from pileus.blobs.kept import BLOB_BYTES_MAX
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
        self._at: tuple[int, int] | None
        at = 0
        for piece in pieces:
            first, last = max(start - at, 0), min(stop - at, piece.size)
            if first < last:
                held = read_small(call.tx, piece, ciphers) if piece.small else None
                self._runs.append((piece, held, first, last))
            at += piece.size
        self._at = (0, self._runs[0][2]) if self._runs else None
        self._ahead: deque[bytes] = deque()
        self._kept = self._blobs.kept
        self._keeps = ciphers.ours and stop - start <= BLOB_BYTES_MAX
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

    # To a client: an async iterator, that also tells on the event loop what need not be waited for. What costs a few
    # microseconds here costs a hundred in a thread.

    def now(self) -> bytes | None:
        """The next piece, if it is in memory already; None if not, b"" at the end."""
        if self._ahead:
            return self._ahead.popleft()
        if self._at is None:
            return b""
        number, start = self._at
        piece, held, _, stop = self._runs[number]
        if held is not None:
            return self._passed(held[start:stop])
        segment = start // SEGMENT_BYTES
        end = (segment + 1) * SEGMENT_BYTES
        end = end if end < stop else stop
        if (whole := self._kept.get(piece.id, segment) if self._keeps else None) is not None:
            skip = segment * SEGMENT_BYTES
            return self._passed(whole if end - start == len(whole) else whole[start - skip : end - skip])
        if not self._blobs.at_hand:
            return None
        blob, cipher = self._opened(number)
        part = read_segment_now(blob, cipher, piece.size, start, end)
        if part is None:
            return None
        if self._keeps and end - start == min(SEGMENT_BYTES, piece.size - segment * SEGMENT_BYTES):
            self._kept.put(piece.id, segment, part)
        return self._passed(part)

    def _passed(self, part: bytes) -> bytes:
        """`part` is what comes next; afterwards it has been."""
        assert self._at is not None
        number, start = self._at
        start += len(part)
        if start < self._runs[number][3]:
            self._at = number, start
        elif number + 1 < len(self._runs):
            self._at = number + 1, self._runs[number + 1][2]
        else:
            self._at = None
        return part

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """What is in memory is opened here and now, segment by segment; what is on the disk only, in a thread."""
        part = self.now()
        if part is None:
            assert self._at is not None
            number, start = self._at
            stop = min(self._runs[number][3], start // SEGMENT_BYTES * SEGMENT_BYTES + BLOCK_BYTES)
            self._ahead.extend(self._passed(part) for part in await threaded(self.read, (number, start, stop)))
            return self._ahead.popleft()
        if not part:
            self.close()
            raise StopAsyncIteration
        await asyncio.sleep(0)  # others have their turn
        return part

    async def aclose(self) -> None:
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
