"""Checksums over bytes that pass, used as hashlib's objects are: update, then digest.

Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3".
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Protocol

HASHES = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512", "MD5": "md5"}
CRC_BYTES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}
XXHASHES = ("XXHASH64", "XXHASH3", "XXHASH128")
ALGORITHMS = (*CRC_BYTES, *HASHES, *XXHASHES)


class Digest(Protocol):
    def update(self, piece: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A checksum of awscrt. `size` is the checksum's length in bytes."""

    def __init__(self, function: Callable[..., int], size: int):
        self._function, self._size, self._value = function, size, 0

    def update(self, piece: bytes) -> None:
        self._value = self._function(piece, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """awscrt's gives its digest once."""

    def __init__(self, hasher: object):
        self._hasher = hasher
        self._digest: bytes | None = None

    def update(self, piece: bytes) -> None:
        self._hasher.update(piece)  # type: ignore[attr-defined]

    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = bytes(self._hasher.finalize())  # type: ignore[attr-defined]
        return self._digest


def checksum(algorithm: str) -> Digest:
    """One of ALGORITHMS, in any case. Raises KeyError for another."""
    name = algorithm.upper()
    if name in HASHES:
        return hashlib.new(HASHES[name], usedforsecurity=False)
    if name == "CRC32":
        # What most SDKs send: this one is thirty times as fast as zlib's.
        from isal import isal_zlib

        return _Crc(isal_zlib.crc32, 4)
    from awscrt import checksums

    if name in CRC_BYTES:
        return _Crc(getattr(checksums, name.lower()), CRC_BYTES[name])
    makers = {"XXHASH64": "new_xxhash64", "XXHASH3": "new_xxhash3_64", "XXHASH128": "new_xxhash3_128"}
    return _XxHash(getattr(checksums.XXHash, makers[name])())


def base64_of(algorithm: str, data: bytes) -> str:
    digest = checksum(algorithm)
    digest.update(data)
    return b64encode(digest.digest()).decode()


def combined(algorithm: str, first: int, second: int, second_length: int) -> int:
    """The CRC of two runs of bytes one after the other, from the CRC of each."""
    from awscrt import checksums

    value: int = getattr(checksums, f"combine_{algorithm.lower()}")(first, second, second_length)
    return value
