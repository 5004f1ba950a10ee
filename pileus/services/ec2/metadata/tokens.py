"""Session tokens of IMDSv2: good for one instance, for as long as was asked for, and after a restart of the cloud.

Source: Amazon EC2 User Guide, "How Instance Metadata Service Version 2 works" (1 second to 6 hours; usable on the
instance that asked only).
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from struct import pack, unpack

from pileus.base import ids
from pileus.store import Table, Transaction

SECONDS_MAX = 21_600
MARK_BYTES = 32

keys = Table("ec2.metadata.secret", bytes)  # "token"


def make(tx: Transaction, instance: str, now: float, seconds: int) -> str:
    body = pack(">d", now + seconds)
    return urlsafe_b64encode(body + _mark(tx, instance, body)).decode()


def good(tx: Transaction, instance: str, now: float, token: str) -> bool:
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64, ValueError):
        return False
    if len(raw) != 8 + MARK_BYTES or not hmac.compare_digest(_mark(tx, instance, raw[:8]), raw[8:]):
        return False
    (expires,) = unpack(">d", raw[:8])
    return bool(now < expires)


def _mark(tx: Transaction, instance: str, body: bytes) -> bytes:
    secret = keys.get(tx, "token")
    if secret is None:
        secret = ids.secret_bytes(32)
        keys.put(tx, "token", record=secret)
    return hmac.new(secret, instance.encode() + body, hashlib.sha256).digest()
