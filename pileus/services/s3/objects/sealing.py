"""Bytes at rest: every piece is sealed with a key of its own.

AES-256 in Galois/Counter mode, as AWS has it; large pieces in segments (pileus/blobs/sealing.py). A large piece's key
is derived from its object's data key and the piece's id: the bucket's own data key (SSE-S3), one that KMS made and
wrapped (SSE-KMS), or the customer's (SSE-C, which is kept nowhere). Source: Amazon S3 User Guide, "Protecting data with
server-side encryption". Decision 0006.
"""

from collections.abc import Callable
from typing import NamedTuple

from pileus.keyring import Cipher, Keyring, derived

from ..tables import Bucket


class Ciphers(NamedTuple):
    """What an object's pieces are sealed with. `small`: one cipher for all small pieces, whose ids, never given out
    twice, are their nonces; `of`: the cipher of one large piece. `ours`: nobody but the cloud needs to be asked before
    what they open is read again."""

    small: Callable[[], Cipher]
    of: Callable[[int], Cipher]
    ours: bool = False


def bucket_ciphers(keyring: Keyring, bucket: Bucket) -> Ciphers:
    wrapped, purpose = bucket.data_key, f"s3/{bucket.name}"
    return Ciphers(
        lambda: keyring.cipher(wrapped, purpose),
        lambda piece: keyring.derived(wrapped, purpose, piece.to_bytes(8, "big")),
        True,
    )


def key_ciphers(key: bytes) -> Ciphers:
    return Ciphers(lambda: derived(key, b"small"), lambda piece: derived(key, piece.to_bytes(8, "big")))


def seal_small(ciphers: Ciphers, piece: int, data: bytes) -> bytes:
    return ciphers.small().encrypt(piece.to_bytes(12, "big"), data, None)


def unseal_small(ciphers: Ciphers, piece: int, data: bytes) -> bytes:
    return ciphers.small().decrypt(piece.to_bytes(12, "big"), data, None)
