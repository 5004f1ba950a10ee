"""Programs that outlive who started them, known again by a file with their number."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.api import Unable

PATIENCE = 10.0


@dataclass(frozen=True)
class Program:
    """`file`: has its number. `argument`: what one of its arguments ends with; the number may be another's by now."""

    file: Path
    argument: str

    def number(self) -> int | None:
        """When it lives."""
        try:
            number = int(self.file.read_text())
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return number if any(each.endswith(self.argument.encode()) for each in command.split(b"\0")) else None

    def end(self) -> None:
        """Returns when it is gone. Harmless when it is. Raises Unable."""
        number = self.number()
        if number is not None:
            try:
                handle = os.pidfd_open(number)
            except ProcessLookupError:
                handle = -1
            if handle >= 0:
                try:
                    self._end(handle)
                finally:
                    os.close(handle)
        self.file.unlink(missing_ok=True)

    def _end(self, handle: int) -> None:
        try:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        except ProcessLookupError:
            return
        watch = select.poll()
        watch.register(handle, select.POLLIN)
        if not watch.poll(PATIENCE * 1_000):
            raise Unable(f"the process of {self.file} does not end")


def write(path: Path, text: str) -> bool:
    """Whether the file's text was another."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)
    return True
