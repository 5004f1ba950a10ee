"""The room that all volumes are in: XFS in one sparse file, mounted when somebody first needs it."""

import errno
import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.linux import loops, mounts
from pileus.drivers.machines.folder import pool_of
from pileus.drivers.programs import REMEDY, found
from pileus.drivers.volumes import attaching


class Room:
    def __init__(self, home: Path, size: int):
        self._folder, self._size = home / "volumes", size
        self.pool = pool_of(home)

    def vanish(self) -> None:
        mounts.unmount(str(self.pool))
        number = loops.of(self._folder / "pool.xfs")
        if number is not None:
            loops.clear(number)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():
            raise Unable(f"{self._folder} cannot be removed: something holds it")

    def made(self) -> bool:
        """Who only asks what there is does not make a pool."""
        return (self._folder / "pool.xfs").exists()

    def ready(self) -> None:
        if os.path.ismount(self.pool):
            return
        if os.geteuid() != 0:
            raise Unable(f"volumes need the rights of root: {REMEDY}")
        self.pool.mkdir(parents=True, exist_ok=True)
        with open(self._folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.ismount(self.pool):
                self._mount()

    def _mount(self) -> None:
        file = self._folder / "pool.xfs"
        if not file.exists():
            new = file.with_suffix(".new")
            with open(new, "wb") as made:
                made.truncate(self._size)
            program = found("mkfs.xfs")
            if program is None:
                raise Unable(f"the program mkfs.xfs is missing: {REMEDY}")
            done = subprocess.run([program, "-q", "-f", "-m", "reflink=1", str(new)], capture_output=True, text=True)
            if done.returncode:
                raise Unable(f"the pool cannot be made: {done.stderr.strip()}")
            new.rename(file)
        # What many copies share is read from the host's disk once: the pool is cached, the volumes in it are not.
        number, opened = loops.attach(file, autoclear=True, direct=False)
        try:
            attributes = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC | mounts.NOATIME
            with mounts.filesystem("xfs", f"/dev/loop{number}", ["discard", "nouuid"], attributes) as mount:
                mounts.move(mount, str(self.pool))
        except OSError as error:
            raise Unable(f"the pool of volumes cannot be mounted: {error}") from error
        finally:
            os.close(opened)
        os.chmod(self.pool, 0o700)
        # Without these a copy that is written to falls into pieces of 4 KiB, and copying it takes seconds.
        attaching.allocate_by_megabytes(self.pool)
        for kind in ("volumes", "frozen", "records"):
            (self.pool / kind).mkdir(exist_ok=True)
            for unfinished in (self.pool / kind).glob(".*.new"):
                unfinished.unlink()

    @contextmanager
    def new(self, path: Path) -> Iterator[Path]:
        """A file that appears under its name once it is whole; who is first wins."""
        new = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
        try:
            yield new
            with suppress(FileExistsError):
                os.link(new, path)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise Unable("the pool of volumes is full") from error
            raise
        finally:
            new.unlink(missing_ok=True)
