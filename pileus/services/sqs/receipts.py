"""Receipt handles: where a received message stands, in text that means nothing to its bearer.

A handle names the message's row by a number nobody can guess, so only who received the message has one.
"""

import binascii
import struct
from binascii import a2b_base64, b2a_base64
from typing import NamedTuple

from .errors import ReceiptHandleIsInvalid, missing
from .tables import Queue

_MARK = b"\x01\x01\x01"
_FIXED = struct.Struct(">3sQQQQQQI")


class Receipt(NamedTuple):
    """`visible` is when the message would be seen again, `at` when it was received; `group` and `sequence` are
    FIFO's."""

    space: int
    sent: int
    serial: int
    visible: int
    at: int
    receives: int
    group: str = ""
    sequence: int = 0


def write(uid: int, receipt: Receipt) -> str:
    space, sent, serial, until, at, receives, group, sequence = receipt
    raw = _FIXED.pack(_MARK, uid, space, sent, serial, until, at, receives)
    if group:
        raw += sequence.to_bytes(8, "big") + group.encode()
    return b2a_base64(raw, newline=False).decode()


def read(queue: Queue, handle: str | None) -> Receipt:
    """Raises ReceiptHandleIsInvalid for text that is no handle, or one of another queue."""
    if not handle:
        raise missing("ReceiptHandle")
    try:
        raw = a2b_base64(handle, strict_mode=True)
        mark, uid, space, sent, serial, until, at, receives = _FIXED.unpack_from(raw)
        tail = raw[_FIXED.size :]
        group, sequence = tail[8:].decode(), int.from_bytes(tail[:8], "big")
    except (binascii.Error, struct.error, ValueError):
        raise _not_valid(handle) from None
    altered = max(space, sent, serial, until, at, sequence) >> 63
    if mark != _MARK or uid != queue.uid or bool(group) != queue.fifo or altered:
        raise _not_valid(handle)
    return Receipt(space, sent, serial, until, at, receives, group, sequence)


def _not_valid(handle: str) -> Exception:
    return ReceiptHandleIsInvalid(f'The input receipt handle "{handle}" is not a valid receipt handle.')
