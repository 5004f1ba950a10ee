"""Walking a bucket's keys in order: what is under a prefix, with runs of keys rolled up at a delimiter.

The cost is that of what is shown: a rolled-up run is stepped over in one seek, and what is not current lies in another
table. Source: Amazon S3 User Guide, "Organizing objects using prefixes", "Listing object keys programmatically".
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pileus.store import Transaction, pack

from ..tables import Listed, Version, current, versions

BATCH = 128
END = b"\xff"
_listed = msgspec.msgpack.Decoder(Listed).decode
_version = msgspec.msgpack.Decoder(Version).decode
_AGE_BYTES = 9  # a packed int


Found = tuple[str, Listed | None]
"""A key with its record, or a rolled-up run of keys (then there is no record). Lists have thousands: a plain tuple."""


class FoundVersion(NamedTuple):
    name: str
    version: Version | None = None
    latest: bool = False


def packed(text: str) -> bytes:
    """A key's text as it stands in a row's key, without its end."""
    return pack((text,))[:-1]


def objects(
    tx: Transaction, bucket: int, prefix: str, delimiter: str, after: str | None, rolled: bool, limit: int
) -> list[Found]:
    """At most `limit` things beyond `after`; `rolled`: that was a run, all of which is behind us."""
    head = current.prefix + pack((bucket,))
    first = head + packed(prefix)
    stop = first + END
    start = first
    if after is not None:
        start = max(first, head + packed(after) + (END if rolled else b"\0\0"))
    found: list[Found] = []
    skip = len(head) + 1
    if not delimiter:
        rows = tx.scan(start, stop, limit)
        try:
            return [(key[skip:-1].decode(), _listed(raw)) for key, raw in rows]
        except UnicodeDecodeError:  # an escaped NUL is no UTF-8
            return [(_text(key[skip:-1]), _listed(raw)) for key, raw in rows]
    size, run = len(prefix), None
    while len(found) < limit:
        batch = tx.scan(start, stop, BATCH)
        for key, raw in batch:
            name = _text(key[skip:-1])
            if run is not None and name.startswith(run):
                continue
            at = name.find(delimiter, size)
            if at < 0:
                found.append((name, _listed(raw)))
                run = None
            else:
                run = name[: at + len(delimiter)]
                found.append((run, None))
            if len(found) == limit:
                return found
        if len(batch) < BATCH:
            return found
        start = head + packed(run) + END if run is not None else batch[-1][0] + b"\0"
    return found


def all_versions(
    tx: Transaction, bucket: int, prefix: str, delimiter: str, after: "Place | None", limit: int
) -> list[FoundVersion]:
    """As `objects`, of all versions and delete markers, the newest of a key first."""
    found: list[FoundVersion] = []
    size, run, last = len(prefix), None, None
    if after is not None and not after.rolled and _has_newer(tx, bucket, after):
        last = after.key  # its newest version was on the page before
    for name, version in _merged(tx, bucket, prefix, delimiter, after):
        if run is not None and name.startswith(run):
            continue
        at = name.find(delimiter, size) if delimiter else -1
        if at >= 0:
            run = name[: at + len(delimiter)]
            found.append(FoundVersion(run))
        else:
            found.append(FoundVersion(name, version, name != last))
        last = name
        if len(found) == limit:
            break
    return found


class Place(NamedTuple):
    """Where a list of versions goes on: behind a version of a key, behind the whole key, or behind a run of keys."""

    key: str
    age: int | None = None
    rolled: bool = False


def _has_newer(tx: Transaction, bucket: int, after: Place) -> bool:
    """Whether the key still has what came on the pages before; all of it may have been deleted meanwhile."""
    if after.age is None:
        return False
    on_top = current.get(tx, bucket, after.key) or next(
        (v for _, v in versions.scan(tx, bucket, after.key, limit=1)), None
    )
    return on_top is not None and on_top.age <= after.age


def _merged(
    tx: Transaction, bucket: int, prefix: str, delimiter: str, after: Place | None
) -> Iterator[tuple[str, Version]]:
    """Every version under the prefix: by key, the current one first, then from the newest to the oldest."""
    now = _Rows(tx, current.prefix + pack((bucket,)), prefix, 1)
    old = _Rows(tx, versions.prefix + pack((bucket,)), prefix, 1 + _AGE_BYTES)
    if after is not None:
        tail = packed(after.key) + (END if after.rolled else b"\0\0")
        # A version that was not current when the pages before were shown may be now.
        on_top = current.get(tx, bucket, after.key) if after.age is not None and not after.rolled else None
        now.seek(pack((after.key,)) if on_top is not None and on_top.age > (after.age or 0) else tail)
        old.seek(tail if after.age is None or after.rolled else pack((after.key, after.age)) + b"\0")
        if after.age is None and not after.rolled:
            old.seek(packed(after.key) + b"\0\xfe")
    run = None
    while True:
        if run is not None:
            now.skip(run)
            old.skip(run)
            run = None
        left, right = now.peek(), old.peek()
        if left is None and right is None:
            return
        rows = now if right is None or (left is not None and left[0] <= right[0]) else old
        name, raw = rows.take()
        yield name, _version(raw)
        if delimiter and (at := name.find(delimiter, len(prefix))) >= 0:
            run = name[: at + len(delimiter)]


class _Rows:
    """The rows of one table under a prefix, read in batches. `tail`: what follows the key's text in a row's key."""

    def __init__(self, tx: Transaction, head: bytes, prefix: str, tail: int):
        self._tx, self._head, self._tail = tx, head, tail
        self._start = head + packed(prefix)
        self._stop = self._start + END
        self._rows: list[tuple[bytes, bytes]] = []
        self._at = 0
        self._ended = False

    def seek(self, tail: bytes) -> None:
        self._start = max(self._start, self._head + tail)
        self._rows, self._at, self._ended = [], 0, False

    def skip(self, run: str) -> None:
        """Steps over all keys that begin so."""
        while (row := self.peek()) is not None and row[0].startswith(run):
            if self._at + 1 < len(self._rows):
                self._at += 1
            else:
                self.seek(packed(run) + END)

    def peek(self) -> tuple[str, bytes] | None:
        if self._at == len(self._rows):
            if self._ended:
                return None
            self._rows = self._tx.scan(self._start, self._stop, BATCH)
            self._at = 0
            self._ended = len(self._rows) < BATCH
            if not self._rows:
                return None
            self._start = self._rows[-1][0] + b"\0"
        key, raw = self._rows[self._at]
        return _text(key[len(self._head) + 1 : -self._tail]), raw

    def take(self) -> tuple[str, bytes]:
        row = self.peek()
        assert row is not None
        self._at += 1
        return row


def _text(raw: bytes) -> str:
    return (raw.replace(b"\0\xff", b"\0") if b"\0" in raw else raw).decode()
