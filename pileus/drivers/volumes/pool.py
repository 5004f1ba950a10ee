"""Volumes as files in a pool that copies by reference: XFS in one sparse file, mounted in the home.

HOME/volumes/pool.xfs      the file
HOME/volumes/pool          where it is mounted: `volumes/ID`, `frozen/NAME`, `records/ID.json`
"""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pileus.drivers.api import Busy, Lack, Unable
from pileus.drivers.linux import extents, loops, mounts
from pileus.drivers.machines.folder import Folder, all_folders, checked, pool_of, replace
from pileus.drivers.programs import REMEDY, found
from pileus.drivers.programs import lacking as programs_lacking
from pileus.drivers.volumes import attaching
from pileus.drivers.volumes.api import BLOCK, ObservedVolume, Volume
from pileus.drivers.volumes.images import build

DEFAULT_SIZE = 1024**4
IMAGES = Path("/var/cache/pileus/images")
_THAWED, _FROZEN = 0o600, 0o400


@dataclass(frozen=True)
class Record:
    """What a volume's file does not say of itself. `machine`, `device`: where it is attached, or is about to be."""

    iops: int = 0
    throughput: int = 0
    machine: str = ""
    device: str = ""


class PoolVolumes:
    """`size`: of the pool, of which only what is used takes room on the host."""

    def __init__(self, home: Path, tag: str, images: Path = IMAGES, size: int = DEFAULT_SIZE):
        self._home, self._tag, self._images, self._size = home.absolute(), checked(tag), images, size
        self._folder = self._home / "volumes"
        self.pool = pool_of(self._home)

    def lacking(self) -> list[Lack]:
        lacks = programs_lacking("mmdebstrap", "mkfs.xfs", "mkfs.ext4")
        if os.geteuid() != 0:
            lacks.append(Lack("the rights of root, for loop devices and mounts", "start Pileus as root, or with sudo"))
        if not os.path.exists("/dev/loop-control"):
            lacks.append(Lack("loop devices (/dev/loop-control)", "modprobe loop"))
        return lacks

    def ids(self) -> list[str]:
        return self._names("volumes")

    def frozen(self) -> list[str]:
        return self._names("frozen")

    def _names(self, kind: str) -> list[str]:
        if not self._made():
            return []
        self._ready()
        return sorted(name for name in os.listdir(self.pool / kind) if not name.startswith("."))

    def ensure_image(self, name: str, progress: Callable[[str], None] = lambda line: None) -> int:
        build.recipe_of(name)
        self._ready()
        path = self._frozen(name)
        if not path.exists():
            built = build.ensure(name, self._images, progress)
            progress(f"{name}: copying it into the pool")
            with self._new(path) as new:
                done = subprocess.run(
                    ["cp", "--sparse=always", "--reflink=auto", str(built), str(new)], capture_output=True, text=True
                )
                if done.returncode:
                    raise Unable(f"the image {name} does not fit into the pool: {done.stderr.strip()}")
                new.chmod(_FROZEN)
        return path.stat().st_size

    def ensure(self, volume: Volume) -> None:
        if volume.size <= 0 or volume.size % 512:
            raise ValueError("a volume's size is a multiple of 512 bytes")
        self._ready()
        path = self._volume(volume.id)
        with self._record_of(volume.id):
            if not path.exists():
                self._make(volume, path)
            if path.stat().st_size < volume.size:
                os.truncate(path, volume.size)
                number = loops.of(path)
                if number is not None:
                    loops.grown(number)
            record = self._record(volume.id)
            wanted = Record(volume.iops, volume.throughput, record.machine, record.device)
            if wanted != record:
                self._save(volume.id, wanted)
        folder = self._machine(wanted.machine)
        if folder is not None:
            attaching.refresh(folder, volume.id, volume.iops, volume.throughput)

    def _make(self, volume: Volume, path: Path) -> None:
        source = self._frozen(volume.source) if volume.source else None
        if source is not None and not source.exists():
            raise Unable(f"{volume.source} is not in the pool")
        with self._new(path) as new:
            if source is not None:
                extents.clone(source, new)
            else:
                new.touch()
            new.chmod(_THAWED)
            os.truncate(new, max(volume.size, new.stat().st_size))

    def observe(self, volume: str) -> ObservedVolume | None:
        if not self._made():
            return None
        self._ready()
        path = self._volume(volume)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        record = self._record(volume)
        folder = self._machine(record.machine)
        if folder is not None:
            mounted = attaching.in_use(folder, path)
            return ObservedVolume(volume, size, record.machine, record.device, mounted)
        if loops.of(path) is not None:
            root_of = self._root_of(volume)
            if root_of:
                return ObservedVolume(volume, size, root_of, attaching.ROOT_DEVICE, True)
        return ObservedVolume(volume, size)

    def attach(self, volume: str, machine: str, device: str) -> None:
        seen = self._seen(volume)
        if seen.machine and seen.machine != machine:
            raise Busy(f"volume {volume} is attached to {seen.machine}")
        folder = self._machine(machine)
        if folder is None:
            raise Unable(f"machine {machine} does not run")
        with folder.lock():
            pid = folder.pid()
            if not pid:
                raise Unable(f"machine {machine} does not run")
            if seen.machine and seen.device != device:
                raise Busy(f"volume {volume} is attached to {machine} as {seen.device}")
            attaching.check_device(folder, device, volume)
            with self._record_of(volume):
                record = self._record(volume)
                if record.machine and record.machine != machine and self._machine(record.machine) is not None:
                    raise Busy(f"volume {volume} is attached to {record.machine}")
                self._save(volume, Record(record.iops, record.throughput, machine, device))
            try:
                attaching.attach(folder, pid, volume, self._volume(volume), device, record.iops, record.throughput)
            except OSError as error:
                attaching.detach(folder, volume)
                self._save(volume, Record(record.iops, record.throughput))
                raise Unable(f"volume {volume} cannot be attached to {machine}: {error}") from error

    def detach(self, volume: str, force: bool = False) -> None:
        seen = self.observe(volume)
        if seen is None or not seen.machine:
            return
        record = self._record(volume)
        folder = self._machine(record.machine)
        if folder is None:
            raise Busy(f"volume {volume} is the root disk of {seen.machine}, which runs")
        with folder.lock():
            path = self._volume(volume)
            if attaching.in_use(folder, path):
                if not force:
                    raise Busy(f"volume {volume} is in use by {seen.machine}")
                attaching.take(folder, path)
            attaching.detach(folder, volume)
            with self._record_of(volume):
                self._save(volume, Record(record.iops, record.throughput))

    def freeze(self, volume: str, name: str) -> None:
        self._ready()
        path = self._frozen(name)
        if path.exists():
            return
        source = self._volume(volume)
        if not source.exists():
            raise Unable(f"there is no volume {volume}")
        with self._new(path) as new:
            extents.clone(source, new)
            new.chmod(_FROZEN)

    def thaw(self, name: str, size: int) -> None:
        self._ready()
        path = self._frozen(name)
        if not path.exists():
            with self._new(path) as new:
                new.touch()
                new.chmod(_THAWED)
                os.truncate(new, size)

    def forget(self, name: str) -> None:
        if self._made():
            self._ready()
            self._frozen(name).unlink(missing_ok=True)

    def changed(self, old: str, new: str) -> list[int]:
        return extents.differing(self._any(old) if old else None, self._any(new), BLOCK)

    def read(self, name: str, block: int) -> bytes:
        with open(self._any(name), "rb", buffering=0) as file:
            return os.pread(file.fileno(), BLOCK, block * BLOCK).ljust(BLOCK, b"\0")

    def write(self, name: str, block: int, content: bytes) -> None:
        if len(content) != BLOCK:
            raise ValueError(f"a block has {BLOCK} bytes")
        self._ready()
        path = self._frozen(name)
        if not path.exists():
            raise Unable(f"{name} is not in the pool")
        status = path.stat()
        if status.st_mode & 0o777 != _THAWED:
            raise Unable(f"{name} is not written to: it is no empty frozen file")
        room = max(0, min(BLOCK, status.st_size - block * BLOCK))
        with open(path, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), content[:room], block * BLOCK)

    def destroy(self, volume: str) -> None:
        seen = self.observe(volume)
        if seen is None:
            return
        if seen.machine:
            raise Busy(f"volume {volume} is attached to {seen.machine}")
        path = self._volume(volume)
        number = loops.of(path)
        if number is not None:
            loops.clear(number)
        path.unlink(missing_ok=True)
        for name in (f"{volume}.json", f".{volume}.lock"):
            (self.pool / "records" / name).unlink(missing_ok=True)

    def vanish(self) -> None:
        attaching.vanish(self._tag)
        for number, file in loops.used():
            if file.startswith(f"{self.pool}/"):
                loops.clear(number)
        mounts.unmount(str(self.pool))
        self._end_pool_loop()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():
            raise Unable(f"{self._folder} cannot be removed: something holds it")

    def _end_pool_loop(self) -> None:
        number = loops.of(self._folder / "pool.xfs")
        if number is not None:
            loops.clear(number)

    # The pool itself

    def _made(self) -> bool:
        """Who only asks what there is does not make a pool."""
        return (self._folder / "pool.xfs").exists()

    def _ready(self) -> None:
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
    def _new(self, path: Path) -> Iterator[Path]:
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

    # Records

    @contextmanager
    def _record_of(self, volume: str) -> Iterator[None]:
        """One at a time changes what is known of a volume."""
        self._ready()
        with open(self.pool / "records" / f".{checked(volume)}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _record(self, volume: str) -> Record:
        try:
            return Record(**json.loads((self.pool / "records" / f"{volume}.json").read_bytes()))
        except FileNotFoundError:
            return Record()

    def _save(self, volume: str, record: Record) -> None:
        replace(self.pool / "records" / f"{volume}.json", json.dumps(asdict(record)).encode())

    def _machine(self, machine: str) -> Folder | None:
        """None for a machine that is not there (any more): what was attached to it is free."""
        if not machine:
            return None
        folder = Folder(self._home, self._tag, machine)
        return folder if folder.exists() else None

    def _root_of(self, volume: str) -> str:
        folders = all_folders(self._home, self._tag)
        return next((one.id for one in folders if one.spec()["root"] == volume and one.pid()), "")

    def _seen(self, volume: str) -> ObservedVolume:
        seen = self.observe(volume)
        if seen is None:
            raise Unable(f"there is no volume {volume}")
        return seen

    def _volume(self, volume: str) -> Path:
        return self.pool / "volumes" / checked(volume)

    def _frozen(self, name: str) -> Path:
        return self.pool / "frozen" / checked(name)

    def _any(self, name: str) -> Path:
        self._ready()
        for path in (self._frozen(name), self._volume(name)):
            if path.exists():
                return path
        raise Unable(f"there is no volume {name}, nor anything frozen of that name")
