"""The default blob engine: one file for each blob, in 4,096 folders.

What a process was writing when it was killed is left over: nobody adopted it, and the reaper takes it away. An open
file is read to its end even when its name is gone, which is just what a reader of a replaced object needs.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pileus.base import ids

from .api import NoSuchBlob, Readers
from .kept import Kept

SCRATCH_BYTES = 512 * 1024
DURABILITIES = ("process", "full")


class FileBlobs:
    """`durability`: `process` survives `kill -9`, `full` also a power cut."""

    linger_s = 0.0
    at_hand = True

    def __init__(self, folder: Path | str, durability: str = "process"):
        if durability not in DURABILITIES:
            raise ValueError(f"durability is 'process' or 'full', not {durability!r}")
        self.folder, self.full = Path(folder), durability == "full"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.readers, self.kept = Readers(), Kept()
        self.scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._made: set[str] = set()
        self._written: set[int] = set()

    def create(self) -> "FileWriter":
        blob = ids.secret_int()
        folder, name = self._place(blob)
        if folder not in self._made:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            if self.full:
                _sync(os.path.dirname(folder))
            self._made.add(folder)
        self._written.add(blob)
        return FileWriter(self, blob, folder, name)

    def open(self, blob: int) -> "FileBlob":
        try:
            return FileBlob(self, os.open(self._place(blob)[1], os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            raise NoSuchBlob(f"{blob:016x}") from None

    def delete(self, blob: int) -> None:
        self._written.discard(blob)
        try:
            os.unlink(self._place(blob)[1])
        except FileNotFoundError:
            return

    def left_over(self) -> Iterator[int]:
        for folder in sorted(os.listdir(self.folder)):
            for name in os.listdir(self.folder / folder):
                blob = int(name, 16)
                if blob not in self._written:
                    yield blob

    def _place(self, blob: int) -> tuple[str, str]:
        """(folder, file)."""
        name = f"{blob:016x}"
        folder = f"{self.folder}/{name[-3:]}"
        return folder, f"{folder}/{name}"


class FileWriter:
    def __init__(self, blobs: FileBlobs, blob: int, folder: str, name: str):
        self.id, self._blobs, self._folder = blob, blobs, folder
        self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, *runs: bytes | bytearray) -> None:
        written = os.writev(self._file, runs)
        for run in runs:
            view = memoryview(run)[written:]
            written = max(0, written - len(run))
            while view:
                view = view[os.write(self._file, view) :]

    def finish(self) -> None:
        if self._blobs.full:
            os.fsync(self._file)
            _sync(self._folder)
        self._close()

    def abort(self) -> None:
        self._close()
        self._blobs.delete(self.id)

    def _close(self) -> None:
        if self._file >= 0:
            # Forgotten first: no late write may reach another file under the same number.
            file, self._file = self._file, -1
            os.close(file)


class FileBlob:
    def __init__(self, blobs: FileBlobs, file: int):
        self._blobs, self._file = blobs, file
        self.size = os.fstat(file).st_size

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file, size, offset)
        while len(data) < size:
            more = os.pread(self._file, size - len(data), offset + len(data))
            if not more:
                raise NoSuchBlob(f"{size - len(data)} bytes are missing at {offset + len(data)}")
            data += more
        return data

    def read_now(self, offset: int, size: int) -> memoryview | None:
        """From the page cache, and only from there (preadv2, RWF_NOWAIT)."""
        if size > SCRATCH_BYTES:
            return None
        into = self._blobs.scratch[:size]
        try:
            found = os.preadv(self._file, [into], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            return None
        return into if found == size else None

    def close(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    __del__ = close


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
