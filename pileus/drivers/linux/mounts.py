"""The kernel's mount interface of file descriptors: a file system is configured, mounted nowhere, given ids of its own,
and only then moved to where somebody sees it. See fsopen(2), mount_setattr(2), move_mount(2), openat2(2)."""

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pileus.drivers.linux.calls import libc, tried

RDONLY, NOSUID, NODEV, NOEXEC = 0x1, 0x2, 0x4, 0x8
NOATIME, NODIRATIME = 0x10, 0x80
_IDMAP = 0x0010_0000
_AT_EMPTY_PATH, _AT_FDCWD = 0x1000, -100
_MOUNT_SETATTR, _OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _OPENAT2 = 442, 428, 429, 430, 431, 432, 437
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 0x02, 0x10
_DETACH = 2


@contextmanager
def filesystem(kind: str, source: str, options: list[str], attributes: int) -> Iterator[int]:
    """A file system that is mounted nowhere, as a descriptor of its root. `options`: 'name' or 'name=value'."""
    context = tried(libc.syscall(_FSOPEN, kind.encode(), 1), f"opening a {kind} file system")
    try:
        try:
            _configure(context, _SET_STRING, "source", source)
            for option in options:
                name, equals, value = option.partition("=")
                _configure(context, _SET_STRING if equals else _SET_FLAG, name, value if equals else None)
            _configure(context, _CREATE)
        except OSError as error:
            raise OSError(
                error.errno, f"{kind} on {source}: {_said(context) or os.strerror(error.errno or 0)}"
            ) from error
        mount = tried(libc.syscall(_FSMOUNT, context, 1, attributes), f"mounting {source}")
    finally:
        os.close(context)
    try:
        yield mount
    finally:
        os.close(mount)


def _configure(context: int, command: int, name: str | None = None, value: str | None = None) -> None:
    tried(
        libc.syscall(
            _FSCONFIG, context, command, name and name.encode(), value if value is None else value.encode(), 0
        ),
        f"setting {name}" if name else "mounting",
    )


def _said(context: int) -> str:
    """The kernel's own words about what went wrong."""
    lines = []
    while True:
        try:
            lines.append(os.read(context, 4_096).decode(errors="replace").partition(" ")[2].strip())
        except OSError:
            return "; ".join(lines)


@contextmanager
def clone(path: str) -> Iterator[int]:
    """A bind mount of `path` that is mounted nowhere yet."""
    mount = tried(libc.syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), 1 | os.O_CLOEXEC), f"opening {path}")
    try:
        yield mount
    finally:
        os.close(mount)


@contextmanager
def clones(paths: dict[str, str]) -> Iterator[dict[str, int]]:
    """The same of several: name -> path, name -> mount."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(clone(path)) for name, path in paths.items()}


def idmap(mount: int, user_namespace: int) -> None:
    """Ids on disk are ids of that user namespace from here on."""
    attributes(mount, given=_IDMAP, user_namespace=user_namespace)


def attributes(mount: int, given: int = 0, taken: int = 0, user_namespace: int = 0) -> None:
    packed = struct.pack("QQQQ", given, taken, 0, user_namespace)
    tried(libc.syscall(_MOUNT_SETATTR, mount, b"", _AT_EMPTY_PATH, packed, len(packed)), "changing a mount")


def move(mount: int, path: str) -> None:
    tried(libc.syscall(_MOVE_MOUNT, mount, b"", _AT_FDCWD, path.encode(), 4), f"mounting at {path}")


def unmount(path: str) -> None:
    """Lazily; harmless when nothing is mounted there."""
    while libc.umount2(path.encode(), _DETACH) == 0:
        pass


def open_inside(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """Opens `path` as if `folder` were the root of the world: no link that somebody planted in it leads out."""
    packed = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    return tried(libc.syscall(_OPENAT2, folder, path.encode(), packed, len(packed)), f"opening {path}")


def points_of(pid: int, device: tuple[int, int]) -> list[str]:
    """Where a process sees file systems of a device mounted."""
    return [path for path, one, _ in _points(pid) if one == device]


def points_of_kind(pid: int, kind: str) -> list[tuple[str, tuple[int, int]]]:
    """Where a process sees file systems of a kind mounted, and the devices' numbers."""
    return [(path, device) for path, device, one in _points(pid) if one == kind]


def _points(pid: int) -> Iterator[tuple[str, tuple[int, int], str]]:
    """All that a process sees mounted: where, the device's number, the kind. See proc_pid_mountinfo(5)."""
    with open(f"/proc/{pid}/mountinfo") as lines:
        for line in lines:
            words = line.split()
            major, _, minor = words[2].partition(":")
            path = words[4].encode().decode("unicode_escape")
            yield path, (int(major), int(minor)), words[words.index("-", 6) + 1]
