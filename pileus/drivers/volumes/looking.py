"""Frozen sealed disks that are looked into or filled: the last few stay open, for blocks are asked for one by one."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pileus.drivers.volumes import sealed

Look = tuple[Path, Path | None]
"""The disk, and the outer file that it is in; a plain disk is in none."""
_KEPT = 2


class Looks:
    """Each is open in this process only, and closed with it by the kernel."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[ExitStack, Look]] = OrderedDict()
        self._lock = threading.RLock()

    @contextmanager
    def into(self, path: Path, key: bytes, filled: bool) -> Iterator[Look]:
        """`filled`: the file itself is opened, to be written to; else a copy of it. One at a time. Raises Unable."""
        if sealed.seal_of(path) is None:
            yield path, None
            return
        sealed.check(path, key)
        with self._lock:
            if path.name not in self._kept:
                self._keep(path, key, filled)
            self._kept.move_to_end(path.name)
            yield self._kept[path.name][1]

    def _keep(self, path: Path, key: bytes, filled: bool) -> None:
        with ExitStack() as stack:
            if filled:
                look: Look = stack.enter_context(sealed.opened(path, key)), path
            else:
                look = stack.enter_context(sealed.scratch(path, key))
            self._kept[path.name] = stack.pop_all(), look
        while len(self._kept) > _KEPT:
            self.end(next(iter(self._kept)))

    def end(self, name: str) -> None:
        """What was written is in the file. Harmless when it is not open."""
        with self._lock:
            if name in self._kept:
                self._kept.pop(name)[0].close()

    def end_all(self) -> None:
        with self._lock:
            for name in list(self._kept):
                self.end(name)
