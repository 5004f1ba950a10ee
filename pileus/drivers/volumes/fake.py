"""Volumes in memory: blocks that were written, by number. What stands above is tested with these."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus.drivers.api import Busy, Lack, Unable
from pileus.drivers.volumes.api import BLOCK, ObservedVolume, Volume

IMAGE_SIZE = 8 * 1024**3
_ZEROS = bytes(BLOCK)


@dataclass
class _Disk:
    size: int
    blocks: dict[int, bytes] = field(default_factory=dict)
    writable: bool = False
    machine: str = ""
    device: str = ""
    mounted: bool = False
    iops: int = 0
    throughput: int = 0
    key: bytes = b""
    open: bool = True

    def opened(self, key: bytes) -> "_Disk":
        if self.key and self.key != key:
            raise Unable("it is encrypted, and its key was not given")
        return self


class FakeVolumes:
    """`FakeMachines` tells it which machines run. A test plays the guest: `guest_mounts`, `guest_writes`."""

    def __init__(self) -> None:
        self._volumes: dict[str, _Disk] = {}
        self._frozen: dict[str, _Disk] = {}
        self._lock = threading.RLock()
        self.machine_runs: Callable[[str], bool] = lambda machine: False
        self.machine_exists: Callable[[str], bool] = lambda machine: False
        self.root_of: Callable[[str], str] = lambda volume: ""

    def lacking(self) -> list[Lack]:
        return []

    def ids(self) -> list[str]:
        with self._lock:
            return sorted(self._volumes)

    def frozen(self) -> list[str]:
        with self._lock:
            return sorted(self._frozen)

    def ensure_image(self, name: str, progress: Callable[[str], None] = lambda line: None) -> int:
        if name != "debian-12":
            raise Unable(f"nobody knows how to build an image {name!r}")
        with self._lock:
            if name not in self._frozen:
                progress(f"{name}: made in memory")
                self._frozen[name] = _Disk(IMAGE_SIZE, {0: b"a boot block".ljust(BLOCK, b"\0")})
            return self._frozen[name].size

    def ensure(self, volume: Volume) -> None:
        with self._lock:
            disk = self._volumes.get(volume.id)
            if disk is None:
                disk = _Disk(volume.size, key=volume.key)
                if volume.source:
                    source = self._frozen_disk(volume.source)
                    if source.key != volume.key:
                        source.opened(volume.source_key or volume.key)
                    disk = _Disk(max(volume.size, source.size), dict(source.blocks), key=volume.key)
                self._volumes[volume.id] = disk
            if volume.key or volume.size > disk.size:
                disk.opened(volume.key).open = True
            disk.size = max(disk.size, volume.size)
            disk.iops, disk.throughput = volume.iops, volume.throughput

    def observe(self, volume: str) -> ObservedVolume | None:
        with self._lock:
            disk = self._volumes.get(volume)
            if disk is None:
                return None
            root_of = self.root_of(volume)
            if root_of:
                return ObservedVolume(volume, disk.size, root_of, "xvda", True)
            if disk.machine and not self.machine_exists(disk.machine):
                disk.machine = disk.device = ""
            mounted = disk.mounted and bool(disk.machine) and self.machine_runs(disk.machine)
            return ObservedVolume(volume, disk.size, disk.machine, disk.device, mounted)

    def attach(self, volume: str, machine: str, device: str) -> None:
        with self._lock:
            seen = self._seen(volume)
            if seen.machine and seen.machine != machine:
                raise Busy(f"volume {volume} is attached to {seen.machine}")
            if not self.machine_runs(machine):
                raise Unable(f"machine {machine} does not run")
            if (seen.machine, seen.device) == (machine, device):
                return
            if seen.machine:
                raise Busy(f"volume {volume} is attached to {machine} as {seen.device}")
            for other, disk in self._volumes.items():
                if (disk.machine, disk.device) == (machine, device) and self._seen(other).machine:
                    raise Unable(f"machine {machine} has another disk at {device}")
            disk = self._volumes[volume]
            if not disk.open:
                raise Unable(f"volume {volume} is encrypted, and its key was not given")
            disk.machine, disk.device, disk.mounted = machine, device, False

    def detach(self, volume: str, force: bool = False) -> None:
        with self._lock:
            if volume not in self._volumes:
                return
            seen = self._seen(volume)
            if seen.mounted and (not force or self.root_of(volume)):
                raise Busy(f"volume {volume} is in use by {seen.machine}")
            disk = self._volumes[volume]
            disk.machine, disk.device, disk.mounted = "", "", False
            disk.open = not disk.key

    def freeze(self, volume: str, name: str) -> None:
        with self._lock:
            if name not in self._frozen:
                disk = self._disk(volume)
                self._frozen[name] = _Disk(disk.size, dict(disk.blocks), key=disk.key)

    def thaw(self, name: str, size: int, key: bytes = b"") -> None:
        with self._lock:
            self._frozen.setdefault(name, _Disk(size, writable=True, key=key))

    def forget(self, name: str) -> None:
        with self._lock:
            self._frozen.pop(name, None)

    def changed(self, old: str, new: str, key: bytes = b"") -> list[int]:
        with self._lock:
            before = self._any(old).opened(key).blocks if old else {}
            after = self._any(new).opened(key).blocks
            numbers = sorted(before.keys() | after.keys())
            return [n for n in numbers if before.get(n, _ZEROS) != after.get(n, _ZEROS)]

    def read(self, name: str, block: int, key: bytes = b"") -> bytes:
        with self._lock:
            return self._any(name).opened(key).blocks.get(block, _ZEROS)

    def write(self, name: str, block: int, content: bytes, key: bytes = b"") -> None:
        with self._lock:
            disk = self._frozen_disk(name).opened(key)
            if not disk.writable:
                raise Unable(f"{name} is not written to: it is no empty frozen file")
            if len(content) != BLOCK:
                raise ValueError(f"a block has {BLOCK} bytes")
            disk.blocks[block] = content

    def destroy(self, volume: str) -> None:
        with self._lock:
            if volume not in self._volumes:
                return
            seen = self._seen(volume)
            if seen.machine:
                raise Busy(f"volume {volume} is attached to {seen.machine}")
            del self._volumes[volume]

    def vanish(self) -> None:
        with self._lock:
            self._volumes.clear()
            self._frozen.clear()

    def is_open(self, volume: str) -> bool:
        """Whether a machine could have it now: a sealed one must have been given its key."""
        return self._volumes[volume].open

    def guest_mounts(self, volume: str, mounted: bool = True) -> None:
        """The guest that has it mounts it, or unmounts it."""
        self._volumes[volume].mounted = mounted

    def guest_writes(self, volume: str, block: int, content: bytes) -> None:
        """The guest that has it writes to it."""
        with self._lock:
            self._volumes[volume].blocks[block] = content.ljust(BLOCK, b"\0")

    def _seen(self, volume: str) -> ObservedVolume:
        seen = self.observe(volume)
        if seen is None:
            raise Unable(f"there is no volume {volume}")
        return seen

    def _disk(self, volume: str) -> _Disk:
        if volume not in self._volumes:
            raise Unable(f"there is no volume {volume}")
        return self._volumes[volume]

    def _frozen_disk(self, name: str) -> _Disk:
        if name not in self._frozen:
            raise Unable(f"{name} is not in the pool")
        return self._frozen[name]

    def _any(self, name: str) -> _Disk:
        return self._frozen.get(name) or self._disk(name)
