"""Sealed disks: what lies in the pool can be read only with the key.

The pool's file (the outer one) holds an ext4, which holds one encrypted file, the disk. The ext4 is larger than any
disk and sparse, so that a disk can grow while it is in use. What is public of it, its size and the key's
fingerprint, is in an attribute of the outer file. Copies of the outer file are the same disk under the same key. The
boot program uses this: standard library only.
"""

import errno
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.linux import extents, fscrypt, loops, mounts

SIZE_MAX = 2**44 - 4096
"""Of a file in ext4."""
_OUTER_SIZE = 17 * 1024**4
_ATTRIBUTE = "user.pileus.sealed"
_FOLDER, _DISK = "sealed", "disk"
_MAKE = ["mkfs.ext4", "-q", "-F", "-b", "4096", "-N", "16", "-m", "0", "-J", "size=4", "-C", str(1024**2)]
_MAKE += ["-O", "encrypt,bigalloc,^resize_inode,sparse_super2"]
# No copies of the superblock: each would take a megabyte of the pool.
_MAKE += ["-E", "nodiscard,lazy_itable_init=1,packed_meta_blocks=1,num_backup_sb=0"]
_OPTIONS = ["errors=remount-ro", "discard", "noinit_itable"]
_MOUNT = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC | mounts.NOATIME


@dataclass(frozen=True)
class Seal:
    size: int
    key: str


def fingerprint(key: bytes) -> str:
    """Tells keys apart and says nothing of them: they are random and long."""
    return hashlib.blake2b(b"pileus sealed disk", key=key, digest_size=16).hexdigest()


def fingerprint_or_none(key: bytes) -> str:
    return fingerprint(key) if key else ""


def seal_of(path: Path) -> Seal | None:
    """None for a plain file. Raises FileNotFoundError."""
    try:
        return Seal(**json.loads(os.getxattr(path, _ATTRIBUTE)))
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None


def mark(path: Path, seal: Seal) -> None:
    os.setxattr(path, _ATTRIBUTE, json.dumps(asdict(seal)).encode())


def size_of(path: Path) -> int:
    """Of the disk that a file of the pool is or holds."""
    seal = seal_of(path)
    return seal.size if seal is not None else path.stat().st_size


def check(path: Path, key: bytes) -> None:
    """Raises Unable unless it can be opened with the key. A plain file needs none."""
    seal = seal_of(path)
    if seal is not None and (not key or seal.key != fingerprint(key)):
        raise Unable(f"{path.name} is encrypted, and {'this is not its key' if key else 'its key was not given'}")


def make(path: Path, size: int, key: bytes) -> None:
    """A new one, all zeros, in a file that does not exist."""
    if len(key) not in (32, 64):
        raise ValueError("the key of a sealed disk has 32 or 64 bytes")
    if size > SIZE_MAX:
        raise Unable(f"an encrypted disk has at most {SIZE_MAX} bytes")
    with open(path, "xb") as file:
        file.truncate(_OUTER_SIZE)
    done = subprocess.run([*_MAKE, str(path)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Unable(f"an encrypted disk cannot be made: {done.stderr.strip()}")
    with _filesystem(path) as mount:
        folder = fscrypt.directory(mount)
        try:
            os.mkdir(_FOLDER, 0o700, dir_fd=folder)
            inner = os.open(_FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
            try:
                fscrypt.set_policy(inner, fscrypt.add_key(folder, key))
                disk = os.open(_DISK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=inner)
                os.ftruncate(disk, size)
                os.close(disk)
            finally:
                os.close(inner)
            fscrypt.flush(folder)
        finally:
            os.close(folder)
    mark(path, Seal(size, fingerprint(key)))


def grow(path: Path, disk: Path, size: int) -> None:
    """`disk`: the encrypted file of `path`, open under its key."""
    seal = seal_of(path)
    assert seal is not None
    if size > SIZE_MAX:
        raise Unable(f"an encrypted disk has at most {SIZE_MAX} bytes")
    os.truncate(disk, size)
    mark(path, Seal(size, seal.key))


@contextmanager
def _filesystem(path: Path) -> Iterator[int]:
    """The outer file's ext4, mounted nowhere: it ends with the process at the latest, and the key with it."""
    number, opened = loops.attach(path, autoclear=True)
    try:
        with mounts.filesystem("ext4", f"/dev/loop{number}", _OPTIONS, _MOUNT) as mount:
            yield mount
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise Unable("this host's kernel does not encrypt files: it lacks CONFIG_FS_ENCRYPTION") from error
        raise Unable(f"the encrypted disk {path.name} cannot be opened: {error}") from error
    finally:
        os.close(opened)


@contextmanager
def opened(path: Path, key: bytes) -> Iterator[Path]:
    """The disk in a file of the pool that nothing else has open, as a plain file. Raises Unable."""
    check(path, key)
    if seal_of(path) is None:
        yield path
        return
    with _filesystem(path) as mount:
        folder = fscrypt.directory(mount)
        try:
            fscrypt.add_key(folder, key)
            yield Path(f"/proc/self/fd/{folder}/{_FOLDER}/{_DISK}")
            fscrypt.flush(folder)
        finally:
            os.close(folder)


@contextmanager
def scratch(path: Path, key: bytes) -> Iterator[tuple[Path, Path | None]]:
    """The disk as it is at this moment, of a file that may be in use, and the copy of the outer file that it is in:
    without a name, so that it goes with the process at the latest. A plain file is given as it is, without a copy."""
    check(path, key)
    seal = seal_of(path)
    if seal is None:
        yield path, None
        return
    copy = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.look.new")
    extents.clone(path, copy)
    try:
        mark(copy, seal)
        with open(copy, "rb") as outer, opened(copy, key) as disk:
            copy.unlink()
            yield disk, Path(f"/proc/self/fd/{outer.fileno()}")
    finally:
        copy.unlink(missing_ok=True)


# Those in use: mounted where the boot program finds them, until they are closed


def place_of(pool: Path, volume: str) -> Path:
    """Where a sealed volume's file system is mounted."""
    return pool.with_name("open") / volume


def disk_of(pool: Path, volume: str) -> Path:
    """The file that is a volume's disk: for a sealed one there only while it is open."""
    path = pool / "volumes" / volume
    try:
        sealed = seal_of(path) is not None
    except FileNotFoundError:
        return path
    return place_of(pool, volume) / _FOLDER / _DISK if sealed else path


def open_for_use(pool: Path, volume: str, key: bytes) -> Path:
    """Expects that nobody else opens or closes it now. Stays until `close`, whoever dies. Returns its disk."""
    path, place = pool / "volumes" / volume, place_of(pool, volume)
    check(path, key)
    if not os.path.ismount(place):
        place.mkdir(parents=True, exist_ok=True)
        place.parent.chmod(0o700)
        with _filesystem(path) as mount:
            folder = fscrypt.directory(mount)
            try:
                fscrypt.add_key(folder, key)
            finally:
                os.close(folder)
            mounts.move(mount, str(place))
    return disk_of(pool, volume)


def is_open(pool: Path, volume: str) -> bool:
    return os.path.ismount(place_of(pool, volume))


def flush(pool: Path, volume: str) -> None:
    """What its users have written is in the pool's file."""
    if is_open(pool, volume):
        folder = os.open(place_of(pool, volume), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fscrypt.flush(folder)
        finally:
            os.close(folder)


def close(pool: Path, volume: str) -> None:
    """Ends its device, its mount and with it its key. Harmless when it is not open."""
    place = place_of(pool, volume)
    number = loops.of(place / _FOLDER / _DISK)
    if number is not None:
        loops.clear(number)
    mounts.unmount(str(place))
    if place.is_dir():
        place.rmdir()


def close_all(pool: Path) -> None:
    folder = pool.with_name("open")
    if folder.is_dir():
        for place in list(folder.iterdir()):
            close(pool, place.name)
        folder.rmdir()


# What differs, and copies from one key to another


def differing(old: tuple[Path, Path | None] | None, new: tuple[Path, Path | None], block: int) -> list[int]:
    """As `extents.differing`, of what `scratch` gave."""
    return extents.differing_in(_places(old) if old is not None else [], _places(new), block)


def _places(found: tuple[Path, Path | None]) -> list[tuple[int, int, int]]:
    disk, outer = found
    inner = extents.extents(disk)
    return inner if outer is None else extents.through(inner, extents.extents(outer))


def copy(source: Path, target: Path, step: int = 1024**2) -> None:
    """What is not zeros of a disk into one that is all zeros and at least as large."""
    with open(source, "rb", buffering=0) as old, open(target, "r+b", buffering=0) as new:
        for offset, _, length in extents.extents(source):
            for at in range(offset, offset + length, step):
                content = os.pread(old.fileno(), min(step, offset + length - at), at)
                if content.strip(b"\0"):
                    os.pwrite(new.fileno(), content, at)
