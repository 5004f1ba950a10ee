"""Bytes on their way in: hashed, sealed and written while they arrive.

Short bodies go into the store with their object's record; longer ones into the blob engine first, in worker threads.
Until a transaction adopts the blob nobody can see it, so a body that breaks off, or is not what was signed, leaves
nothing.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.base import ids
from pileus.base.checksums import Digest, checksum
from pileus.base.threads import threaded
from pileus.blobs import Blobs, records
from pileus.blobs.sealing import SegmentWriter
from pileus.service import Body, Call, Outside
from pileus.store import Transaction

from ..tables import Piece, small_bytes
from .sealing import Ciphers, seal_small

SMALL_BYTES_MAX = 16 * 1024


class Taken(NamedTuple):
    """What came in. `checksum` in Base64, of the algorithm that was asked for."""

    piece: Piece
    md5: str
    checksum: str
    sealed: bytes | None = None
    """The bytes themselves, of a small piece that is yet to be written."""


def keep_piece(tx: Transaction, taken: Taken) -> None:
    """Makes the piece part of the cloud, in the transaction of its record."""
    if taken.sealed is not None:
        small_bytes.put(tx, taken.piece.id, record=taken.sealed)
    else:
        records.adopt(tx, taken.piece.id)


def take_small(call: Call, data: bytes, ciphers: Ciphers, algorithm: str) -> Taken:
    piece = Piece(ids.rising(call.now), len(data), True)
    digest = checksum(algorithm)
    digest.update(data)
    return Taken(
        piece,
        hashlib.md5(data, usedforsecurity=False).hexdigest(),
        b64encode(digest.digest()).decode(),
        seal_small(ciphers, piece.id, data),
    )


async def take_large(call: Call, body: bytes | Body, ciphers: Ciphers, algorithm: str) -> Taken:
    """To the blob engine. Raises what the body raises; then nothing is left."""
    # What the body is judged by on its way need not be worked out again.
    judged = not isinstance(body, bytes) and body.trailing_checksum == algorithm
    own = None if judged else checksum(algorithm)
    length = len(body) if isinstance(body, bytes) else body.declared_length
    sealing = Sealing(call.cloud.blobs, ciphers, own, length)
    try:
        if isinstance(body, bytes):
            return await threaded(sealing.take_whole, body)
        await body.pour(sealing.write, sealing.md5.update)
        sealing.found = body.checksum if judged else None
        return sealing.finish() if sealing.finished else await threaded(sealing.finish)
    except BaseException:
        # A client that hung up cancels this task: what it sent is taken away all the same.
        sealing.abort()
        raise


def take_in(
    call: Call, body: bytes | Body, ciphers: Ciphers, algorithm: str, then: Callable[[Call, Taken], Any]
) -> Any:
    """Takes a body in and answers `then(call, taken)`: at once for a short one, else outside the transaction."""
    if isinstance(body, bytes) and len(body) <= SMALL_BYTES_MAX:
        return then(call, take_small(call, body, ciphers, algorithm))

    async def work() -> Any:
        length = None if isinstance(body, bytes) else body.declared_length
        if not isinstance(body, bytes) and length is not None and length <= SMALL_BYTES_MAX:
            # It only came in pieces: framed in chunks, or behind an Expect.
            data = b"".join([piece async for piece in body])
            return await call.conclude(lambda call: then(call, take_small(call, data, ciphers, algorithm)))
        taken = await take_large(call, body, ciphers, algorithm)
        return await concluded(call, taken, then)

    return Outside(work)


async def concluded(call: Call, taken: Taken, then: Callable[[Call, Taken], Any]) -> Any:
    """The last transaction of an upload; if it fails, the bytes go. A client that hangs up in this very moment may
    come too late: what the transaction adopted stays."""
    try:
        return await call.conclude(lambda call: then(call, taken))
    except BaseException:
        await drop(call.cloud, taken)
        raise


async def drop(world: Any, taken: Taken) -> None:
    """Removes bytes that came in for nothing, unless a transaction adopted them after all."""
    if await world.store.transact(lambda tx: records.adopted.get(tx, taken.piece.id)) is None:
        await threaded(world.blobs.delete, taken.piece.id)


class Sealing:
    """Hashes and seals what passes, into a new blob. Used in worker threads, one call after another."""

    def __init__(self, blobs: Blobs, ciphers: Ciphers, digest: Digest | None, length: int | None = None):
        self._out = SegmentWriter(blobs, ciphers.of, length)
        self._digest = digest
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.found: str | None = None

    def take_all(self, data: bytes) -> None:
        self.write(data)
        self.md5.update(data)

    def take_whole(self, data: bytes) -> Taken:
        self.take_all(data)
        return self.finish()

    def write(self, block: bytes) -> None:
        if self._digest is not None:
            self._digest.update(block)
        self._out.write(block)

    @property
    def finished(self) -> bool:
        """Whether all bytes have come, and the blob is whole."""
        return self._out.finished

    def finish(self) -> Taken:
        piece = Piece(self._out.finish(), self._out.size)
        if self._digest is not None:
            self.found = b64encode(self._digest.digest()).decode()
        assert self.found is not None
        return Taken(piece, self.md5.hexdigest(), self.found)

    def abort(self) -> None:
        """Takes away what was written, finished or not."""
        self._out.abort()
