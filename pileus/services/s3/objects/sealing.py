"""Bytes at rest: every piece is sealed with a key of its own, in segments, so that a range opens only what it needs.

AES-256 in Galois/Counter mode, as AWS has it. A large piece's key is derived from its object's data key and the piece's
id: the bucket's own data key (SSE-S3), one that KMS made and wrapped (SSE-KMS), or the customer's (SSE-C, which is kept
nowhere). Source: Amazon S3 User Guide, "Protecting data with server-side encryption". Decision 0006.
"""

from collections.abc import Callable
from typing import NamedTuple

from pileus.keyring import Cipher, Keyring, derived

from ..tables import Bucket, Piece

SEGMENT_BYTES = 128 * 1024
TAG_BYTES = 16
SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES


class Ciphers(NamedTuple):
    """What an object's pieces are sealed with. `small`: one cipher for all small pieces, whose ids, never given out
    twice, are their nonces; `of`: the cipher of one large piece."""

    small: Callable[[], Cipher]
    of: Callable[[int], Cipher]


def bucket_ciphers(keyring: Keyring, bucket: Bucket) -> Ciphers:
    wrapped, purpose = bucket.data_key, f"s3/{bucket.name}"
    return Ciphers(
        lambda: keyring.cipher(wrapped, purpose),
        lambda piece: keyring.derived(wrapped, purpose, piece.to_bytes(8, "big")),
    )


def key_ciphers(key: bytes) -> Ciphers:
    return Ciphers(lambda: derived(key, b"small"), lambda piece: derived(key, piece.to_bytes(8, "big")))


def seal_small(ciphers: Ciphers, piece: int, data: bytes) -> bytes:
    return ciphers.small().encrypt(piece.to_bytes(12, "big"), data, None)


def unseal_small(ciphers: Ciphers, piece: int, data: bytes) -> bytes:
    return ciphers.small().decrypt(piece.to_bytes(12, "big"), data, None)


def seal(cipher: Cipher, segment: int, data: bytes) -> bytes:
    return cipher.encrypt(segment.to_bytes(12, "big"), data, None)


def unseal(cipher: Cipher, segment: int, data: bytes) -> bytes:
    return cipher.decrypt(segment.to_bytes(12, "big"), data, None)


def sealed_size(size: int) -> int:
    return size + TAG_BYTES * max(1, -(-size // SEGMENT_BYTES))


def segments_of(piece: Piece, start: int, stop: int) -> tuple[int, int, int]:
    """(first segment, offset in the sealed piece, sealed bytes) that hold the bytes from `start` to `stop`."""
    first, last = start // SEGMENT_BYTES, (stop - 1) // SEGMENT_BYTES
    offset = first * SEALED_BYTES
    end = min((last + 1) * SEALED_BYTES, sealed_size(piece.size))
    return first, offset, end - offset


def open_segments(cipher: Cipher, first: int, sealed: bytes) -> list[bytes]:
    """A run of whole segments, each opened."""
    view = memoryview(sealed)
    return [
        unseal(cipher, first + number, view[at : at + SEALED_BYTES])  # type: ignore[arg-type]
        for number, at in enumerate(range(0, len(sealed), SEALED_BYTES))
    ]
