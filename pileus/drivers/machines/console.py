"""What machines wrote to their consoles, as conmon keeps it: 'time stream F|P text', P for a part of a line."""

import os
from pathlib import Path

from pileus.drivers.linux import mounts, namespaces

_OVERHEAD = 6
"""A line of a few bytes is kept in that many times its length, at worst."""


def tail(path: Path, limit: int) -> bytes:
    """The last `limit` bytes as the machine wrote them."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - _OVERHEAD * limit - 4_096)
            file.seek(start)
            kept = file.read()
    except FileNotFoundError:
        return b""
    lines = kept.split(b"\n")
    written = b"".join(map(_text, lines[1:] if start else lines))
    return written[-limit:]


def mute(pid: int) -> None:
    """Has nobody wait for a console whose other end is gone: systemd tries for a second to open it, for each of its
    lines, and a guest that boots is not there for minutes. What it says until its next boot is lost."""

    def work() -> None:
        mounts.unmount("/dev/console")  # nothing can be mounted over what is gone
        with mounts.clone("/dev/null") as mount:
            mounts.move(mount, "/dev/console")

    namespaces.in_mounts_of(pid, work)


def _text(line: bytes) -> bytes:
    words = line.split(b" ", 3)
    if len(words) < 4:
        return b"\n" if len(words) == 3 and words[2] == b"F" else b""
    return words[3] + (b"\n" if words[2] == b"F" else b"")
