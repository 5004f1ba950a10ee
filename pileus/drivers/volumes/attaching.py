"""How a volume gets into a running machine's view, and out of it again. The callers hold the machine's lock."""

import array
import fcntl
import os
import re
import struct
import time
from pathlib import Path

from pileus.drivers.api import Busy, Unable
from pileus.drivers.linux import loops
from pileus.drivers.machines import devices
from pileus.drivers.machines.devices import ROOT_DEVICE
from pileus.drivers.machines.folder import Disk, Folder
from pileus.drivers.volumes import asking

_DEVICE = re.compile(r"(xvd|sd|nvme|vd)[a-z0-9]{1,8}")
_LETS_GO_WITHIN = 5.0
_GET_ATTRIBUTES, _SET_ATTRIBUTES = 0x801C_581F, 0x401C_5820
_EXTENT_INHERITED, _COW_EXTENT = 0x1000, 0x1_0000
__all__ = ["ROOT_DEVICE", "allocate_by_megabytes", "attach", "check_device", "detach", "in_use", "refresh", "take"]


def check_device(folder: Folder, device: str, volume: str) -> None:
    if not _DEVICE.fullmatch(device) or device == ROOT_DEVICE:
        raise Unable(f"a disk cannot be attached as {device!r}")
    if any(disk.device == device and disk.volume != volume for disk in folder.disks()):
        raise Unable(f"machine {folder.id} has another disk at {device}")


def attach(folder: Folder, pid: int, volume: str, path: Path, device: str, iops: int, throughput: int) -> None:
    disk = Disk(volume, str(path), device, iops, throughput)
    there = disk in folder.disks() and (folder.devices / device).exists()
    if there and loops.of(path) is not None:
        return
    folder.save_disk(disk)
    asking.ensure(folder.home, folder.tag)
    devices.plug(folder, pid, disk, _base(folder))


def detach(folder: Folder, volume: str) -> None:
    """Forgotten last: who dies in between finds it attached still, and does all of it again."""
    for disk in folder.disks():
        if disk.volume == volume:
            pid = folder.pid()
            devices.unplug(folder, pid, disk, _base(folder) if pid else 0)
            folder.forget_disk(disk.device)
            if pid:
                devices.show(folder)


def refresh(folder: Folder, volume: str, iops: int, throughput: int) -> None:
    """Has the machine see a volume's new size and limits."""
    with folder.lock():
        for disk in folder.disks():
            if disk.volume == volume:
                changed = Disk(disk.volume, disk.path, disk.device, iops, throughput)
                folder.save_disk(changed)
                number = loops.of(Path(disk.path))
                if folder.pid() and number is not None:
                    devices.limit(folder, changed, number)
                    devices.show(folder)


def in_use(folder: Folder, path: Path) -> bool:
    number = loops.of(path)
    return number is not None and bool(folder.pid()) and devices.in_use(folder, number)


def take(folder: Folder, path: Path) -> None:
    """By force. Raises Busy when the guest still holds it after a while."""
    number = loops.of(path)
    limit = time.monotonic() + _LETS_GO_WITHIN
    while number is not None and devices.in_use(folder, number):
        if time.monotonic() > limit:
            raise Busy(f"machine {folder.id} does not let go of {path.name}")
        devices.let_go(folder, number)
        time.sleep(0.01)


def vanish(tag: str) -> None:
    asking.stop(tag)


def _base(folder: Folder) -> int:
    return int((folder.run / "base").read_text())


def allocate_by_megabytes(folder: Path) -> None:
    """XFS: files made in it take room, and take copies of shared room, in pieces of at least 1 MiB."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        attributes = array.array("B", bytes(28))
        fcntl.ioctl(opened, _GET_ATTRIBUTES, attributes)
        flags, _, links, project, _ = struct.unpack_from("=IIIII", attributes)
        flags |= _EXTENT_INHERITED | _COW_EXTENT
        packed = struct.pack("=IIIII8x", flags, 1024**2, links, project, 1024**2)
        fcntl.ioctl(opened, _SET_ATTRIBUTES, packed)
    finally:
        os.close(opened)
