"""Hearing of files that appear in a folder. See inotify(7)."""

import os
import select
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from pileus.drivers.linux.calls import libc, tried

_CLOSE_WRITE, _MOVED_TO, _CREATE = 0x8, 0x80, 0x100
_HEADER = struct.Struct("iIII")


def watch(folder: Path, heard: Callable[[str], None]) -> Callable[[], None]:
    """Calls `heard(name)` from a thread for each file that was made, written or moved into `folder`. Returns what ends
    it, and waits for the thread."""
    descriptor = tried(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), "watching")
    tried(
        libc.inotify_add_watch(descriptor, os.fsencode(folder), _CLOSE_WRITE | _MOVED_TO | _CREATE),
        f"watching {folder}",
    )
    stop, stopping = os.pipe()

    def listen() -> None:
        poll = select.poll()
        for each in (descriptor, stop):
            poll.register(each, select.POLLIN | select.POLLHUP)
        while stop not in dict(poll.poll()):
            read, position = os.read(descriptor, 65_536), 0
            while position < len(read):
                length = _HEADER.unpack_from(read, position)[3]
                position += _HEADER.size
                heard(os.fsdecode(read[position : position + length].rstrip(b"\0")))
                position += length
        for each in (descriptor, stop):
            os.close(each)

    thread = threading.Thread(target=listen, name=f"watch {folder}", daemon=True)
    thread.start()
    ended: list[bool] = []

    def end() -> None:
        if not ended:
            ended.append(True)
            os.close(stopping)
            if thread is not threading.current_thread():
                thread.join()

    return end
