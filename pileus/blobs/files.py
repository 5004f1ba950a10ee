"""The default blob engine: one file for each blob, in 4,096 folders (the last digits of the blob's id).

What a process was writing when it was killed is left over: nobody adopted it, and the reaper takes it away. An open
file is read to its end even when its name is gone, which is just what a reader of a replaced object needs.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from pileus.base import ids

from .api import NoSuchBlob, Readers
from .kept import Kept
from .spares import Spares

SCRATCH_BYTES = 512 * 1024
FOLDERS = 4_096
AT_ONCE, IN_TURN = 8, 128
"""A process writes into so many folders at once, so that threads do not wait for each other's, and moves on to the next
ones after so many blobs: a folder for each new blob would cost as much as the blob's own file."""
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
        self.spares = Spares(f"{self.folder}.spare")
        self._first, self._turn = ids.secret_int(12), count()

    def create(self) -> "FileWriter":
        turn = next(self._turn)
        place = self._first + turn // IN_TURN * AT_ONCE + turn % AT_ONCE
        blob = ids.secret_int() // FOLDERS * FOLDERS + place % FOLDERS
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
        with self.spares.lock:
            try:
                file = os.open(self._place(blob)[1], os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise NoSuchBlob(f"{blob:016x}") from None
            self.spares.opened(blob)
        return FileBlob(self, blob, file)

    def delete(self, blob: int) -> None:
        self._written.discard(blob)
        name = self._place(blob)[1]
        try:
            if not self.spares.keep(blob, name):
                os.unlink(name)
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
        self._used = blobs.spares.take(name)
        self._size = 0
        new = 0 if self._used else os.O_CREAT | os.O_EXCL
        self._file = os.open(name, os.O_WRONLY | os.O_CLOEXEC | new, 0o600)

    def write(self, *runs: bytes | bytearray) -> None:
        self._size += sum(map(len, runs))
        written = os.writev(self._file, runs)
        for run in runs:
            view = memoryview(run)[written:]
            written = max(0, written - len(run))
            while view:
                view = view[os.write(self._file, view) :]

    def finish(self) -> None:
        if self._used:
            os.ftruncate(self._file, self._size)
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
    def __init__(self, blobs: FileBlobs, blob: int, file: int):
        self._blobs, self._blob, self._file = blobs, blob, file
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
            self._blobs.spares.closed(self._blob)

    __del__ = close


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
