"""Blobs in an object store: any that speaks S3's API, Pileus itself among them, through obstore.

What is still being uploaded is no object yet, so a killed process leaves nothing that could be read; its unfinished
uploads are the store's to clear away (a lifecycle rule there). An object that is deleted is gone at once, for readers
too: therefore the reaper waits `linger_s` before it deletes what was released.
"""

import re
from collections.abc import Iterator
from typing import Any

from pileus.base import ids
from pileus.base.clock import SystemClock

from .api import NoSuchBlob, Readers
from .kept import Kept

PART_BYTES = 8 * 1024 * 1024
LIST_CHUNK = 1_000
_NAME = re.compile(r"[0-9a-f]{16}")


class ObjectStoreBlobs:
    """`store`: one of obstore's. `grace_s`: what is younger is nobody's left-over, as another gateway may be writing
    it."""

    at_hand = False

    def __init__(self, store: Any, linger_s: float = 3_600.0, grace_s: float = 24 * 3_600.0):
        self.store, self.linger_s, self.grace_s = store, linger_s, grace_s
        self.readers, self.kept = Readers(), Kept()
        self._written: set[int] = set()

    @classmethod
    def at(cls, url: str, **options: float) -> "ObjectStoreBlobs":
        """`s3://bucket/prefix`; obstore takes region, endpoint and credentials from AWS's environment variables
        (`AWS_REGION`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`, …)."""
        from obstore.store import from_url

        return cls(from_url(url), **options)

    def create(self) -> "ObjectWriter":
        blob = ids.secret_int()
        self._written.add(blob)
        return ObjectWriter(self, blob)

    def open(self, blob: int) -> "ObjectBlob":
        import obstore

        try:
            return ObjectBlob(self, blob, obstore.head(self.store, name_of(blob))["size"])
        except FileNotFoundError:
            raise NoSuchBlob(name_of(blob)) from None

    def delete(self, blob: int) -> None:
        import obstore

        self._written.discard(blob)
        try:
            obstore.delete(self.store, name_of(blob))
        except FileNotFoundError:
            return

    def left_over(self) -> Iterator[int]:
        import obstore

        now = SystemClock().machine()
        for chunk in obstore.list(self.store, chunk_size=LIST_CHUNK):
            for found in chunk:
                name = str(found["path"]).rpartition("/")[2]
                if not _NAME.fullmatch(name):
                    continue  # not ours
                blob = int(name, 16)
                young = found["last_modified"].timestamp() > now - self.grace_s
                if blob not in self._written and not young:
                    yield blob


class ObjectWriter:
    def __init__(self, blobs: ObjectStoreBlobs, blob: int):
        self.id, self._blobs = blob, blobs
        self._writer: Any = None
        self._done = False

    def write(self, *runs: bytes | bytearray) -> None:
        if self._writer is None:
            import obstore

            self._writer = obstore.open_writer(self._blobs.store, name_of(self.id), buffer_size=PART_BYTES)
        for run in runs:
            self._writer.write(bytes(run))  # it looks at them later, too

    def finish(self) -> None:
        if self._writer is None:
            self.write(b"")
        self._writer.close()
        self._done = True

    def abort(self) -> None:
        # A writer that is not closed makes no object.
        self._writer = None
        if self._done:
            self._blobs.delete(self.id)


class ObjectBlob:
    def __init__(self, blobs: ObjectStoreBlobs, blob: int, size: int):
        self._blobs, self._blob, self.size = blobs, blob, size

    def read(self, offset: int, size: int) -> bytes:
        import obstore

        if offset + size > self.size:
            raise NoSuchBlob(f"{name_of(self._blob)} has {self.size} bytes, not {offset + size}")
        if not size:
            return b""
        try:
            return bytes(obstore.get_range(self._blobs.store, name_of(self._blob), start=offset, length=size))
        except FileNotFoundError:
            raise NoSuchBlob(name_of(self._blob)) from None

    def read_now(self, offset: int, size: int) -> memoryview | None:
        return None

    def close(self) -> None: ...


def name_of(blob: int) -> str:
    return f"{blob:016x}"
