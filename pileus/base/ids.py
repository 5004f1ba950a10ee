"""Randomness and identifiers, and nowhere else.

`os.urandom` backs everything that must not be guessed. Identifiers that only have to be unique take a
cheaper road: a per-process generator seeded from the system's entropy.
"""

import hashlib
import os
import random
import secrets
import uuid
from base64 import b64encode

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_EPOCH_2020 = 1_577_836_800_000_000
_unique = random.Random(os.urandom(32))


def request_id() -> str:
    """A version 4 UUID; unique, not secret."""
    text = _unique.getrandbits(128).to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def host_id(request_id: str) -> str:
    """S3's second id of a request (`x-amz-id-2`): opaque, and the same for the same request."""
    return b64encode(hashlib.sha256(request_id.encode()).digest()).decode()


def unique_hex(digits: int) -> str:
    """Lower-case hexadecimal digits; unique, not secret."""
    return f"{_unique.getrandbits(digits * 4):0{digits}x}"


def secret_uuid() -> str:
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def iam_id(prefix: str) -> str:
    """An IAM unique id such as `AIDA…`: the prefix tells the kind, 21 characters in all.

    Source: IAM User Guide, "IAM identifiers", unique ID prefixes.
    """
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(21 - len(prefix)))


def access_key_id(prefix: str = "AKIA") -> str:
    """20 characters; `AKIA` is long-term, `ASIA` temporary."""
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(20 - len(prefix)))


def secret_key(characters: int = 40) -> str:
    return "".join(secrets.choice(_ALNUM + "+/") for _ in range(characters))


def token(octets: int = 32) -> str:
    """URL-safe text nobody can guess."""
    return secrets.token_urlsafe(octets)


_last_rising = [0]


def rising(moment: float) -> int:
    """A whole number of 63 bits, larger than any this process gave out before; unique, not secret. Numbers made one
    after the other lie side by side in a store. `moment`: epoch seconds."""
    made = max(int(moment * 1e6) - _EPOCH_2020 << 11 | _unique.getrandbits(11), _last_rising[0] + 1)
    _last_rising[0] = made
    return made


def secret_bytes(octets: int) -> bytes:
    """What nobody can guess: a nonce, a key."""
    return os.urandom(octets)


def secret_int(bits: int = 63) -> int:
    """A whole number nobody can guess; 63 bits fit a signed column."""
    return int.from_bytes(os.urandom((bits + 7) // 8), "big") >> (-bits % 8)
