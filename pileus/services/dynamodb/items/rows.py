"""How items are kept: sealed, as the JSON that leaves again.

A row is nonce, then AES-256-GCM under the table's data key of: how it is packed (one byte), the item's size by AWS's
measure (three bytes), the item as JSON. The row's own key is bound to it, so that a row opens nowhere else. An item
that is handed out whole is never parsed. Source: DynamoDB Developer Guide, "DynamoDB encryption at rest" (all user
data is encrypted, always).
"""

import zlib
from collections import deque

import orjson

from pileus.base import ids
from pileus.keyring import Cipher

from ..values import Item

NONCE_BYTES = 12
NONCES_AT_ONCE = 128
HEAD_BYTES = 4
PACKED_FROM = 64 * 1024
"""Larger JSON is compressed: text that JSON escapes is up to six times its size, and a row has a limit."""

_PLAIN, _PACKED = b"\0", b"\1"


_nonces: deque[bytes] = deque()
"""Drawn many at a time: the system is asked once for all of them."""


def _more_nonces() -> bytes:
    """Each is used once, as each is popped once."""
    drawn = ids.secret_bytes(NONCE_BYTES * NONCES_AT_ONCE)
    _nonces.extend(drawn[at : at + NONCE_BYTES] for at in range(NONCE_BYTES, len(drawn), NONCE_BYTES))
    return drawn[:NONCE_BYTES]


class Sealer:
    """Seals and opens the rows of one table."""

    def __init__(self, cipher: Cipher):
        self._encrypt, self._decrypt = cipher.encrypt, cipher.decrypt

    def seal(self, key: bytes, item: Item, size: int) -> bytes:
        return self.seal_text(key, orjson.dumps(item), size)

    def seal_again(self, key: bytes, opened: bytes) -> bytes:
        """What `open` gave, under another key."""
        return self.seal_text(key, opened[HEAD_BYTES:], int.from_bytes(opened[1:HEAD_BYTES], "big"))

    def seal_text(self, key: bytes, text: bytes, size: int) -> bytes:
        kind = _PLAIN
        if len(text) > PACKED_FROM:
            text, kind = zlib.compress(text, 1), _PACKED
        try:
            nonce = _nonces.pop()
        except IndexError:
            nonce = _more_nonces()
        return nonce + self._encrypt(nonce, kind + size.to_bytes(3, "big") + text, key)

    def open(self, key: bytes, row: bytes) -> bytes:
        """Head and JSON."""
        opened = self._decrypt(row[:NONCE_BYTES], row[NONCE_BYTES:], key)
        if opened[:1] == _PACKED:
            return opened[:HEAD_BYTES] + zlib.decompress(opened[HEAD_BYTES:])
        return opened


class Kept:
    """An item as it came from the store: parsed only if somebody looks into it."""

    __slots__ = ("_item", "_text")

    def __init__(self, opened: bytes):
        self._text = opened
        self._item: Item | None = None

    @property
    def opened(self) -> bytes:
        """Head and JSON, as `Sealer.open` gave them."""
        return self._text

    @property
    def size(self) -> int:
        return int.from_bytes(self._text[1:HEAD_BYTES], "big")

    @property
    def item(self) -> Item:
        if self._item is None:
            self._item = orjson.loads(self._text[HEAD_BYTES:])
        return self._item

    @property
    def whole(self) -> orjson.Fragment:
        """For an answer."""
        return orjson.Fragment(self._text[HEAD_BYTES:])
