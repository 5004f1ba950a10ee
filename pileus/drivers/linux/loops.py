"""Loop devices: files as block devices. See loop(4)."""

import errno
import fcntl
import os
import struct
import time
from pathlib import Path

MAJOR = 7
_CONFIGURE, _CLEAR, _SET_CAPACITY, _GET_FREE = 0x4C0A, 0x4C01, 0x4C07, 0x4C82
_AUTOCLEAR, _DIRECT_IO = 4, 16
_TRIES = 1_000


def attach(path: Path, autoclear: bool = False, direct: bool = True) -> tuple[int, int]:
    """A device of `path`: its number, and an open descriptor, which is the caller's to close. With `autoclear` it ends
    with its last user. `direct`: what is read and written is not kept in memory twice, for the device has a cache."""
    for _ in range(_TRIES):
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            number = fcntl.ioctl(control, _GET_FREE)
        finally:
            os.close(control)
        device = _open(number, os.O_RDWR)
        for flags in (_DIRECT_IO, 0) if direct else (0,):
            try:
                _configure(device, path, flags | (_AUTOCLEAR if autoclear else 0))
            except OSError as error:
                if error.errno == errno.EBUSY:
                    break  # another process was quicker
                if error.errno == errno.EINVAL and flags:
                    continue
                os.close(device)
                raise
            return number, device
        os.close(device)
    raise OSError(errno.EBUSY, "no loop device is free")


def _configure(device: int, path: Path, flags: int) -> None:
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        name = os.fsencode(path)[-63:]
        packed = struct.pack("=II40xIII I64s64s32s16x64x", backing, 512, 0, 0, 0, flags, name, b"", b"")
        fcntl.ioctl(device, _CONFIGURE, packed)
    finally:
        os.close(backing)


def _open(number: int, flags: int) -> int:
    path = f"/dev/loop{number}"
    if not os.path.exists(path):
        os.mknod(path, 0o060600, os.makedev(MAJOR, number))
    return os.open(path, flags | os.O_CLOEXEC)


def clear(number: int) -> None:
    """Ends it, or has it end with its last user. Harmless when it is free."""
    device = _open(number, os.O_RDONLY)
    try:
        fcntl.ioctl(device, _CLEAR)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    finally:
        os.close(device)


def ends(number: int) -> bool:
    """Whether it ends with its last user."""
    try:
        return Path(f"/sys/block/loop{number}/loop/autoclear").read_text().strip() == "1"
    except OSError:
        return False  # it has ended


def wait_for_end(path: Path, seconds: float) -> None:
    """Until no device of `path` is left that is about to end. A file system that was unmounted lives on for as long as
    anybody has it in his view (every program that begins a mount namespace, as any container does, has for a moment
    all that the host has mounted), and whoever opened the file by a second device meanwhile would destroy it. Raises
    OSError when it takes longer."""
    limit = time.monotonic() + seconds
    while (number := of(path)) is not None and ends(number):
        if time.monotonic() > limit:
            raise OSError(errno.EBUSY, f"a process of the host still uses what was on {path.name} (loop{number})")
        time.sleep(0.005)


def grown(number: int) -> None:
    """Its file has become larger."""
    device = _open(number, os.O_RDONLY)
    try:
        fcntl.ioctl(device, _SET_CAPACITY)
    finally:
        os.close(device)


def of(path: Path) -> int | None:
    """The number of the device of a file, if there is one."""
    return next((number for number, file in used() if file == str(path)), None)


def used() -> list[tuple[int, str]]:
    """Number and file of every device that has one."""
    found = []
    for entry in os.scandir("/sys/block"):
        if entry.name.startswith("loop"):
            try:
                with open(f"/sys/block/{entry.name}/loop/backing_file") as file:
                    found.append((int(entry.name[4:]), file.read().rstrip("\n").removesuffix(" (deleted)")))
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise  # else it has no file, or lost it while we looked
    return found


def claimed(number: int) -> bool:
    """Whether a file system on it is mounted, in anybody's view."""
    try:
        device = os.open(f"/dev/loop{number}", os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise
    os.close(device)
    return False
