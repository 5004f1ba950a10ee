"""Bytes on their way in: tree-hashed, sealed and written to the blob engine while they arrive.

Until a transaction adopts the blob nobody can see it, so a body that breaks off, or is not what its hashes say, leaves
nothing. Source: Amazon Glacier Developer Guide, "Computing Checksums".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.base.threads import threaded
from pileus.blobs import records
from pileus.blobs.sealing import SegmentWriter
from pileus.service import Body, Call, Outside
from pileus.store import Transaction

from .errors import invalid, missing
from .pieces import cipher_of, drop
from .tables import Piece, Vault, leaves
from .tree_hash import TreeHash


class Taken(NamedTuple):
    piece: Piece
    tree_hash: str
    leaves: bytes


def keep(tx: Transaction, taken: Taken) -> None:
    """Makes the piece part of the cloud, in the transaction of its record."""
    records.adopt(tx, taken.piece.blob)
    leaves.put(tx, taken.piece.blob, record=taken.leaves)


def declared_size(call: Call, body: bytes | Body, largest: int) -> int:
    """What the request says its body's length is. Raises for what no archive and no part can be."""
    if isinstance(body, bytes):
        size: int | None = len(body)
    else:
        given = call.headers.get("content-length", "")
        size = body.declared_length if body.declared_length is not None else int(given) if given.isdigit() else None
    if size is None:
        raise missing("Content-Length")
    if not 1 <= size <= largest:
        raise invalid(f"Invalid Content-Length: {size}")
    return size


def check_hashes(call: Call, request: dict[str, Any]) -> None:
    """Both must be told: the tree hash, and the hash that the request is signed with, which the gateway judges."""
    if not request.get("checksum"):
        raise missing("x-amz-sha256-tree-hash")
    given = call.headers.get("x-amz-content-sha256")
    if not given:
        raise missing("x-amz-content-sha256")
    if given == "UNSIGNED-PAYLOAD":
        raise invalid(f"Invalid x-amz-content-sha256: {given}")


def take_in(call: Call, vault: Vault, body: bytes | Body, expected: str, then: Callable[[Call, Taken], Any]) -> Outside:
    """Takes a body in outside the transaction, and answers `then(call, taken)`."""

    async def work() -> Any:
        taken = await _take(call, vault, body)
        try:
            if taken.tree_hash != expected.lower():
                raise invalid(f"Checksum mismatch: expected {expected} but got {taken.tree_hash}")
            return await call.conclude(lambda call: then(call, taken))
        except BaseException:
            await drop(call.cloud, taken.piece)
            raise

    return Outside(work)


async def _take(call: Call, vault: Vault, body: bytes | Body) -> Taken:
    """Raises what the body raises; then nothing is left."""
    tree = TreeHash()
    out = SegmentWriter(call.cloud.blobs, lambda blob: cipher_of(call.cloud.keyring, vault, blob))

    def take_whole(data: bytes) -> None:
        out.write(data)
        tree.update(data)

    def end() -> Taken:
        piece = Piece(out.finish(), out.size)
        return Taken(piece, tree.finish(), bytes(tree.leaves))

    try:
        if isinstance(body, bytes):
            await threaded(take_whole, body)
        else:
            await body.pour(out.write, tree.update)
        return await threaded(end)
    except BaseException:
        # A client that hung up cancels this task: what it sent is taken away all the same.
        out.abort()
        raise
