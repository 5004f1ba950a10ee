"""Volumes as files in a pool that copies by reference: XFS in one sparse file, mounted in the home.

HOME/volumes/pool.xfs      the file
HOME/volumes/pool          where it is mounted: `volumes/ID`, `frozen/NAME`, `records/ID.json`
HOME/volumes/open/ID       where the file system of a sealed volume is mounted, while it is open (`sealed.py`)
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pileus.drivers.api import Busy, Lack, Unable
from pileus.drivers.linux import extents, loops
from pileus.drivers.machines.folder import Folder, all_folders, checked, replace
from pileus.drivers.programs import lacking as programs_lacking
from pileus.drivers.volumes import attaching, sealed
from pileus.drivers.volumes.api import BLOCK, ObservedVolume, Volume
from pileus.drivers.volumes.images import build
from pileus.drivers.volumes.looking import Look, Looks
from pileus.drivers.volumes.room import Room

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
        self._home, self._tag, self._images = home.absolute(), checked(tag), images
        self._room = Room(self._home, size)
        self.pool = self._room.pool
        self._looks = Looks()

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
        if not self._room.made():
            return []
        self._room.ready()
        return sorted(name for name in os.listdir(self.pool / kind) if not name.startswith("."))

    def ensure_image(self, name: str, progress: Callable[[str], None] = lambda line: None) -> int:
        build.recipe_of(name)
        self._room.ready()
        path = self._frozen(name)
        if not path.exists():
            built = build.ensure(name, self._images, progress)
            progress(f"{name}: copying it into the pool")
            with self._room.new(path) as new:
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
        self._room.ready()
        path = self._volume(volume.id)
        with self._record_of(volume.id):
            if not path.exists():
                self._make(volume, path)
            disk = sealed.open_for_use(self.pool, volume.id, volume.key) if volume.key else path
            if sealed.size_of(path) < volume.size:
                self._grow(path, disk, volume.size)
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
        seal = sealed.seal_of(source) if source is not None else None
        size = max(volume.size, sealed.size_of(source)) if source is not None else volume.size
        with self._room.new(path) as new:
            if source is not None and (seal.key if seal else "") == sealed.fingerprint_or_none(volume.key):
                self._looks.end(source.name)
                extents.clone(source, new)
                if seal is not None:
                    sealed.mark(new, seal)
            else:
                self._blank(new, size, volume.key)
                if source is not None:
                    self._copy(source, volume.source_key or volume.key, new, volume.key)
            new.chmod(_THAWED)
            if not volume.key:
                os.truncate(new, size)

    def _blank(self, new: Path, size: int, key: bytes) -> None:
        if key:
            sealed.make(new, size, key)
        else:
            new.touch()
            os.truncate(new, size)

    def _copy(self, source: Path, source_key: bytes, target: Path, key: bytes) -> None:
        with self._look(source, source_key) as (old, _), sealed.opened(target, key) as new:
            sealed.copy(old, new)

    def _grow(self, path: Path, disk: Path, size: int) -> None:
        if sealed.seal_of(path) is None:
            os.truncate(path, size)
        elif disk == path:
            raise Unable(f"{path.name} is encrypted, and its key was not given")
        else:
            sealed.grow(path, disk, size)
        number = loops.of(disk)
        if number is not None:
            loops.grown(number)

    def observe(self, volume: str) -> ObservedVolume | None:
        if not self._room.made():
            return None
        self._room.ready()
        path = self._volume(volume)
        try:
            size = sealed.size_of(path)
            disk = sealed.disk_of(self.pool, volume)
        except FileNotFoundError:
            return None
        record = self._record(volume)
        folder = self._machine(record.machine)
        if folder is not None:
            mounted = attaching.in_use(folder, disk)
            return ObservedVolume(volume, size, record.machine, record.device, mounted)
        if loops.of(disk) is not None:
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
            disk = sealed.disk_of(self.pool, volume)
            if not disk.exists():
                raise Unable(f"volume {volume} is encrypted, and its key was not given")
            with self._record_of(volume):
                record = self._record(volume)
                if record.machine and record.machine != machine and self._machine(record.machine) is not None:
                    raise Busy(f"volume {volume} is attached to {record.machine}")
                self._save(volume, Record(record.iops, record.throughput, machine, device))
            try:
                attaching.attach(folder, pid, volume, disk, device, record.iops, record.throughput)
            except OSError as error:
                attaching.detach(folder, volume)
                self._save(volume, Record(record.iops, record.throughput))
                raise Unable(f"volume {volume} cannot be attached to {machine}: {error}") from error

    def detach(self, volume: str, force: bool = False) -> None:
        seen = self.observe(volume)
        if seen is None or not seen.machine:
            if seen is not None:
                self._close(volume)
            return
        record = self._record(volume)
        folder = self._machine(record.machine)
        if folder is None:
            raise Busy(f"volume {volume} is the root disk of {seen.machine}, which runs")
        with folder.lock():
            disk = sealed.disk_of(self.pool, volume)
            if attaching.in_use(folder, disk):
                if not force:
                    raise Busy(f"volume {volume} is in use by {seen.machine}")
                attaching.take(folder, disk)
            attaching.detach(folder, volume)
            with self._record_of(volume):
                sealed.close(self.pool, volume)
                self._save(volume, Record(record.iops, record.throughput))

    def _close(self, volume: str) -> None:
        """A sealed volume that no machine has needs its key no more."""
        with self._record_of(volume):
            if loops.of(sealed.disk_of(self.pool, volume)) is None:
                sealed.close(self.pool, volume)

    def freeze(self, volume: str, name: str) -> None:
        self._room.ready()
        path = self._frozen(name)
        if path.exists():
            return
        source = self._volume(volume)
        if not source.exists():
            raise Unable(f"there is no volume {volume}")
        seal = sealed.seal_of(source)
        with self._room.new(path) as new:
            sealed.flush(self.pool, volume)
            extents.clone(source, new)
            if seal is not None:
                sealed.mark(new, seal)
            new.chmod(_FROZEN)

    def thaw(self, name: str, size: int, key: bytes = b"") -> None:
        self._room.ready()
        path = self._frozen(name)
        if not path.exists():
            with self._room.new(path) as new:
                self._blank(new, size, key)
                new.chmod(_THAWED)

    def forget(self, name: str) -> None:
        if self._room.made():
            self._room.ready()
            self._looks.end(name)
            self._frozen(name).unlink(missing_ok=True)

    def changed(self, old: str, new: str, key: bytes = b"") -> list[int]:
        if not old:
            with self._look(self._any(new), key) as after:
                return sealed.differing(None, after, BLOCK)
        with self._look(self._any(old), key) as before, self._look(self._any(new), key) as after:
            return sealed.differing(before, after, BLOCK)

    def read(self, name: str, block: int, key: bytes = b"") -> bytes:
        with self._look(self._any(name), key) as (disk, _), open(disk, "rb", buffering=0) as file:
            return os.pread(file.fileno(), BLOCK, block * BLOCK).ljust(BLOCK, b"\0")

    @contextmanager
    def _look(self, path: Path, key: bytes) -> Iterator[Look]:
        """A frozen file, or a volume as it is now."""
        if path.parent.name == "frozen":
            with self._looks.into(path, key, path.stat().st_mode & 0o777 == _THAWED) as look:
                yield look
        else:
            sealed.flush(self.pool, path.name)
            with sealed.scratch(path, key) as look:
                yield look

    def write(self, name: str, block: int, content: bytes, key: bytes = b"") -> None:
        if len(content) != BLOCK:
            raise ValueError(f"a block has {BLOCK} bytes")
        self._room.ready()
        path = self._frozen(name)
        if not path.exists():
            raise Unable(f"{name} is not in the pool")
        status = path.stat()
        if status.st_mode & 0o777 != _THAWED:
            raise Unable(f"{name} is not written to: it is no empty frozen file")
        room = max(0, min(BLOCK, sealed.size_of(path) - block * BLOCK))
        with self._looks.into(path, key, True) as (disk, _), open(disk, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), content[:room], block * BLOCK)

    def destroy(self, volume: str) -> None:
        seen = self.observe(volume)
        if seen is None:
            return
        if seen.machine:
            raise Busy(f"volume {volume} is attached to {seen.machine}")
        path = self._volume(volume)
        sealed.close(self.pool, volume)
        number = loops.of(path)
        if number is not None:
            loops.clear(number)
        path.unlink(missing_ok=True)
        for name in (f"{volume}.json", f".{volume}.lock"):
            (self.pool / "records" / name).unlink(missing_ok=True)

    def vanish(self) -> None:
        attaching.vanish(self._tag)
        self._looks.end_all()
        sealed.close_all(self.pool)
        for number, file in loops.used():
            if file.startswith(f"{self.pool}/"):
                loops.clear(number)
        self._room.vanish()

    # Records

    @contextmanager
    def _record_of(self, volume: str) -> Iterator[None]:
        """One at a time changes what is known of a volume."""
        self._room.ready()
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
        self._room.ready()
        for path in (self._frozen(name), self._volume(name)):
            if path.exists():
                return path
        raise Unable(f"there is no volume {name}, nor anything frozen of that name")
