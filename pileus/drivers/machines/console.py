"""What machines wrote to their consoles, as conmon keeps it: 'time stream F|P text', P for a part of a line."""

import os
from pathlib import Path

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


def _text(line: bytes) -> bytes:
    words = line.split(b" ", 3)
    if len(words) < 4:
        return b"\n" if len(words) == 3 and words[2] == b"F" else b""
    return words[3] + (b"\n" if words[2] == b"F" else b"")
