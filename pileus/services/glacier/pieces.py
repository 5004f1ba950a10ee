"""Pieces of archives: kept, let go, hashed by ranges, and read.

Decision 0006 says how blobs are adopted, released and sealed.
"""

from collections.abc import AsyncIterator
from typing import Any

from pileus.base.threads import threaded
from pileus.blobs import Blob, records
from pileus.blobs.sealing import SEGMENT_BYTES, read_range
from pileus.keyring import Cipher, Keyring
from pileus.service import Call
from pileus.store import Transaction

from .tables import MIB, Piece, Vault, leaves
from .tree_hash import root, split

BLOCK_BYTES = 4 * SEGMENT_BYTES


def purpose_of(vault: int) -> str:
    """What a vault's data key is bound to."""
    return f"glacier/{vault}"


def cipher_of(keyring: Keyring, vault: Vault, blob: int) -> Cipher:
    return keyring.derived(vault.data_key, purpose_of(vault.uid), blob.to_bytes(8, "big"))


def let_go(tx: Transaction, piece: Piece) -> None:
    """One record less points at the piece; the hashes of its MiB go with the last."""
    if (records.adopted.get(tx, piece.blob) or 0) <= 1:
        leaves.delete(tx, piece.blob)
    records.release(tx, piece.blob)


async def drop(world: Any, piece: Piece) -> None:
    """Removes bytes that came in for nothing, unless a transaction adopted them after all."""
    if await world.store.transact(lambda tx: records.adopted.get(tx, piece.blob)) is None:
        await threaded(world.blobs.delete, piece.blob)


def cut(pieces: tuple[Piece, ...], start: int, stop: int) -> tuple[tuple[Piece, ...], int]:
    """Those that hold the bytes from `start` to `stop`, and where the first of them begins."""
    at, begins = 0, 0
    found: list[Piece] = []
    for piece in pieces:
        if start < at + piece.size and at < stop:
            begins = begins if found else at
            found.append(piece)
        at += piece.size
    return tuple(found), begins


def range_hash(tx: Transaction, pieces: tuple[Piece, ...], start: int, stop: int) -> str:
    """The tree hash of the bytes from `start` to `stop` of some pieces, which both lie on a MiB or the end."""
    hashes: list[bytes] = []
    at = 0
    for piece in pieces:
        first, last = max(start - at, 0), min(stop - at, piece.size)
        if first < last:
            known = leaves.get(tx, piece.blob)
            if known is None:
                raise RuntimeError(f"the hashes of blob {piece.blob} are not there")
            hashes.extend(split(known)[first // MIB : -(-last // MIB)])
        at += piece.size
    return root(hashes)


class Source:
    """The bytes of some pieces from `start` to `stop`. Its blobs are opened one after the other, as there may be
    thousands, and not removed before it is closed, or gone."""

    def __init__(self, call: Call, vault: Vault, pieces: tuple[Piece, ...], start: int, stop: int):
        self._blobs, self._keyring, self._vault = call.cloud.blobs, call.cloud.keyring, vault
        self._runs: list[tuple[Piece, int, int]] = []
        self._open: Blob | None = None
        at = 0
        for piece in pieces:
            first, last = max(start - at, 0), min(stop - at, piece.size)
            if first < last:
                self._runs.append((piece, first, last))
            at += piece.size
        self._reading = tuple(run[0].blob for run in self._runs)
        self._blobs.readers.begin(self._reading)

    async def blocks(self) -> AsyncIterator[bytes]:
        try:
            for piece, start, stop in self._runs:
                self._open = blob = await threaded(self._blobs.open, piece.blob)
                cipher = cipher_of(self._keyring, self._vault, piece.blob)
                while start < stop:
                    end = min(stop, (start // SEGMENT_BYTES) * SEGMENT_BYTES + BLOCK_BYTES)
                    for part in await threaded(read_range, blob, cipher, piece.size, start, end):
                        yield part
                    start = end
                self._shut()
        finally:
            self.close()

    def close(self) -> None:
        self._shut()
        reading, self._reading = self._reading, ()
        self._blobs.readers.end(reading)

    __del__ = close

    def _shut(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
