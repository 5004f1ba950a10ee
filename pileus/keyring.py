"""The keys that data at rest is sealed with: one for each thing, wrapped by a master key kept outside the store.

The master key is a file of its own, so that the store's files alone (a backup, a disk that was given away) say nothing.
Ciphers are AES-256 in Galois/Counter mode, as AWS's own server-side encryption has them (Amazon SQS Developer Guide,
"Encryption at rest in Amazon SQS"; Amazon S3 User Guide, "Using server-side encryption with Amazon S3 managed keys").
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Protocol

from pileus.base import ids

KEY_BYTES = 32
NONCE_BYTES = 12
_ID_BYTES = 8
_KEPT_MAX = 4_096


class KeyLost(RuntimeError):
    """The master key is not the one this data was sealed with, or the data was altered."""


class Cipher(Protocol):
    """Seals and opens under one data key. A nonce (12 bytes) must never be used twice with a key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def encrypt_into(self, nonce: bytes, data: memoryview, associated_data: bytes | None, buf: bytearray) -> int:
        """As `encrypt`, into a buffer of exactly the right size: 16 bytes more than `data`."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Raises `cryptography.exceptions.InvalidTag` for what was altered."""
        ...


class Keyring:
    """`file` holds the master key and is made on first use; without one the key lives as long as the process, for
    stores that do so too. What it takes to encrypt is loaded on first use: a start does not pay for it."""

    def __init__(self, file: Path | None = None):
        self._file = file
        self._master: tuple[bytes, Cipher] | None = None
        self._ciphers: dict[bytes, Cipher] = {}
        self._keys: dict[bytes, bytes] = {}

    def new_key(self, purpose: str) -> bytes:
        """A new data key, wrapped: to be kept beside what it seals. `purpose` is bound to it."""
        return self.wrapped(_random(KEY_BYTES), purpose)

    def cipher(self, wrapped: bytes, purpose: str) -> Cipher:
        """The cipher of a wrapped data key. Raises KeyLost."""
        found = self._ciphers.get(wrapped)
        if found is None:
            if len(self._ciphers) >= _KEPT_MAX:
                self._ciphers.clear()
            found = self._ciphers[wrapped] = _cipher(self._unwrapped(wrapped, purpose))
        return found

    def derived(self, wrapped: bytes, purpose: str, label: bytes) -> Cipher:
        """The cipher of a key derived from a wrapped data key, for one thing of many (`label`). Raises KeyLost."""
        key = self._keys.get(wrapped)
        if key is None:
            if len(self._keys) >= _KEPT_MAX:
                self._keys.clear()
            key = self._keys[wrapped] = self._unwrapped(wrapped, purpose)
        return derived(key, label)

    def opened(self, wrapped: bytes, purpose: str) -> bytes:
        """The data key itself, for who must wrap it otherwise. Raises KeyLost."""
        return self._unwrapped(wrapped, purpose)

    def wrapped(self, key: bytes, purpose: str) -> bytes:
        """A data key that was made elsewhere, wrapped."""
        master_id, master = self._masters()
        nonce = _random(NONCE_BYTES)
        return master_id + nonce + master.encrypt(nonce, key, purpose.encode())

    def _unwrapped(self, wrapped: bytes, purpose: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        master_id, master = self._masters()
        nonce, sealed = wrapped[_ID_BYTES : _ID_BYTES + NONCE_BYTES], wrapped[_ID_BYTES + NONCE_BYTES :]
        if wrapped[:_ID_BYTES] != master_id:
            raise KeyLost(f"{self._file or 'memory'} is not the master key with which {purpose} was sealed")
        try:
            return master.decrypt(nonce, sealed, purpose.encode())
        except InvalidTag:
            raise KeyLost(f"the data key of {purpose} was altered") from None

    def _masters(self) -> tuple[bytes, Cipher]:
        """The master key's id and its cipher."""
        if self._master is None:
            key = _random(KEY_BYTES) if self._file is None else _kept(self._file)
            self._master = hashlib.sha256(b"pileus.keyring\0" + key).digest()[:_ID_BYTES], _cipher(key)
        return self._master


def derived(key: bytes, label: bytes) -> Cipher:
    """The cipher of a key derived from another by HMAC-SHA256: one way, and a different one for each label."""
    return _cipher(hmac.digest(key, label, "sha256"))


def plain_cipher(key: bytes) -> Cipher:
    """The cipher of a key that somebody else keeps."""
    return _cipher(key)


def _cipher(key: bytes) -> Cipher:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _random(octets: int) -> bytes:
    return ids.secret_int(octets * 8).to_bytes(octets, "big")


def _kept(file: Path) -> bytes:
    """The key in the file; a new one, safe on the disk before anything is sealed with it, when there is no file."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(_random(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(file)
        for folder in (file.parent, file.parent.parent):
            _sync(folder)
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyLost(f"{file} is no master key: it has {len(key)} bytes, not {KEY_BYTES}")
    return key


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
