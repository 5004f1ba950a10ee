"""File systems on disks that guests have written: what is looked at before the host's kernel mounts one, with which
options, and how one is made to fill its disk."""

import array
import fcntl
import os
import struct
import subprocess
from pathlib import Path

# A guest could have written into its superblock that errors are to stop the whole kernel: mount options win.
EXT4_OPTIONS = ["errors=remount-ro"]
# Copies of one disk have one UUID, and all guests share a kernel.
XFS_OPTIONS = ["nouuid"]
_SUPERBLOCK, _MAGIC = 1_024, 0xEF53
_EXT4_RESIZE = 0x4008_6610
_WORTH_GROWING = 16 * 1024**2
_XFS_GEOMETRY, _XFS_GROW = 0x8070_5864, 0x4010_586E


def check_ext4(disk: Path | str) -> None:
    """Raises OSError for a file system whose journal is on another device: the kernel would open any it names."""
    with open(disk, "rb") as file:
        file.seek(_SUPERBLOCK)
        block = file.read(1_024)
    if len(block) < 1_024 or struct.unpack_from("<H", block, 0x38)[0] != _MAGIC:
        raise OSError("there is no ext4 file system on it")
    compatible, incompatible = struct.unpack_from("<II", block, 0x5C)
    inode, device = struct.unpack_from("<II", block, 0xE0)
    if device or incompatible & 0x8 or (compatible & 0x4 and not inode):
        raise OSError("its journal is said to be on another device; such a file system is not mounted")


def ext4_size(disk: Path | str) -> int:
    """Bytes that the file system on a disk fills."""
    with open(disk, "rb") as file:
        file.seek(_SUPERBLOCK)
        block = file.read(1_024)
    low: int = struct.unpack_from("<I", block, 0x4)[0]
    high = struct.unpack_from("<I", block, 0x150)[0] if struct.unpack_from("<I", block, 0x60)[0] & 0x80 else 0
    exponent: int = struct.unpack_from("<I", block, 0x18)[0]
    return ((high << 32) | low) * (1_024 << exponent)


def fill_ext4(disk: str, size: int) -> None:
    """Has a file system that is not mounted fill its disk of `size` bytes. (While mounted it takes a right that a host
    which is itself a guest may not have.)"""
    if size - ext4_size(disk) < _WORTH_GROWING:
        return
    for command in (["e2fsck", "-f", "-p", disk], ["resize2fs", disk]):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode > 1:
            raise OSError(f"{command[0]}: {(done.stdout + done.stderr).strip()}")


def grow_ext4(folder: int, size: int) -> bool:
    """Has a mounted file system fill `size` bytes. `folder`: a descriptor of its root."""
    status = os.fstatvfs(folder)
    blocks = size // status.f_frsize
    opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    try:
        fcntl.ioctl(opened, _EXT4_RESIZE, struct.pack("Q", blocks))
    finally:
        os.close(opened)
    return True


def grow_xfs(folder: int, size: int) -> bool:
    opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    try:
        geometry = array.array("B", bytes(112))
        fcntl.ioctl(opened, _XFS_GEOMETRY, geometry)
        block = struct.unpack_from("=I", geometry, 0)[0]
        percent = struct.unpack_from("=I", geometry, 28)[0]
        fcntl.ioctl(opened, _XFS_GROW, struct.pack("=QII", size // block, percent, 0))
    finally:
        os.close(opened)
    return True
