"""What a driver of volumes promises.

The pool holds three kinds of files under one space of names: images (machine images, built or imported), snapshots
(frozen copies of a volume) and volumes. All copies are made by reference, in constant time.

A volume with a key is sealed: what is in the pool, and in its snapshots, can be read only with that key, which is
nowhere on the disk. A copy under another key, or of a plain file under a key, is a copy of all that is not zeros.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from pileus.drivers.api import Lack

BLOCK = 512 * 1024
"""Bytes of the blocks that `changed`, `read` and `write` count in."""


class Volume(msgspec.Struct, frozen=True):
    """A volume as it should be. `size`: bytes, a multiple of 512; it only ever grows. `source`: the name of an image or
    snapshot it begins as a copy of; empty: zeros. `iops`, `throughput` (bytes per second): limits, 0 for none. `key`:
    32 or 64 bytes, empty for a plain one; `source_key`: of the source, where that is under another key."""

    id: str
    size: int
    source: str = ""
    iops: int = 0
    throughput: int = 0
    key: bytes = b""
    source_key: bytes = b""

    def __repr__(self) -> str:
        """Keys are in no log."""
        return f"Volume({self.id!r}, {self.size}, {self.source!r}{', sealed' if self.key else ''})"


class ObservedVolume(msgspec.Struct, frozen=True):
    """`machine` and `device` ('xvdf'): where it is attached, empty if it is not; `mounted`: the guest has mounted it
    or holds it open. A root disk is attached while its machine runs."""

    id: str
    size: int
    machine: str = ""
    device: str = ""
    mounted: bool = False


class Volumes(Protocol):
    def lacking(self) -> list[Lack]: ...

    def ids(self) -> list[str]:
        """The ids of all volumes."""
        ...

    def frozen(self) -> list[str]:
        """The names of all images and snapshots that are in the pool."""
        ...

    def ensure_image(self, name: str, progress: Callable[[str], None] = lambda line: None) -> int:
        """Has the built image of that name in the pool ('debian-12'): from the cache, or built now, which takes a
        minute. `progress` hears a line a step. Returns its size in bytes. Raises Unable."""
        ...

    def ensure(self, volume: Volume) -> None:
        """Makes it, or has it grow (a guest that has it attached sees the new size), or sets its limits. A sealed one
        is open afterwards, for machines to have it, until it is detached or destroyed or the host goes down; without
        its key only its limits are set. Raises Unable when the source is not in the pool, or a key is not the right
        one or not given where it is needed."""
        ...

    def observe(self, volume: str) -> ObservedVolume | None: ...

    def attach(self, volume: str, machine: str, device: str) -> None:
        """Has the running machine see it as /dev/DEVICE, now and after each of its boots, until it is detached or the
        machine destroyed. Raises Busy while another machine has it, Unable when the
        machine does not run, the device's name is taken, or it is sealed and `ensure` was not given its key since."""
        ...

    def detach(self, volume: str, force: bool = False) -> None:
        """Takes it from its machine. Raises Busy while the guest has it mounted or open, unless by force. Harmless when
        it is not attached."""
        ...

    def freeze(self, volume: str, name: str) -> None:
        """A snapshot: the volume's bytes at this moment under `name`, in constant time, while it is written to, and
        sealed under the same key. Harmless when the name exists."""
        ...

    def thaw(self, name: str, size: int, key: bytes = b"") -> None:
        """A new, empty frozen file of `size` bytes that `write` fills: a snapshot brought back from elsewhere. Sealed
        when there is a key."""
        ...

    def forget(self, name: str) -> None:
        """Removes an image or snapshot from the pool; its copies stay."""
        ...

    def changed(self, old: str, new: str, key: bytes = b"") -> list[int]:
        """Which blocks of `new` (a snapshot, image or volume) differ from `old`; with an empty `old`, which are not
        known to be zeros. May name blocks that turn out to be equal, never misses one that differs. `key`: of those
        that are sealed; Unable when it is not the right one."""
        ...

    def read(self, name: str, block: int, key: bytes = b"") -> bytes:
        """BLOCK bytes of a frozen file or volume; zeros beyond its end. Raises Unable when it is sealed under another
        key."""
        ...

    def write(self, name: str, block: int, content: bytes, key: bytes = b"") -> None:
        """BLOCK bytes of a frozen file that `thaw` made, which `key` opens when it is sealed."""
        ...

    def destroy(self, volume: str) -> None:
        """Removes a volume that is attached nowhere. Raises Busy otherwise."""
        ...

    def vanish(self) -> None:
        """Removes all volumes, the pool and every trace of this driver from the host; the cache of built images
        stays."""
        ...
