"""Programs that outlive who started them, known again by a file with their number."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside

PATIENCE = 10.0
RUN = Path("/run")


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
            _end(number)
        self.file.unlink(missing_ok=True)


def end_strays(namespace: str, word: str) -> None:
    """Ends what runs in a network namespace with this word in its arguments: programs whose files were lost."""
    if not inside.exists(namespace):
        return
    for number in map(int, inside.run("ip", "netns", "pids", namespace).split()):
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if word.encode() in command:
            _end(number)


def end_all(program: str, argument: str) -> None:
    """Ends whatever runs with both among its words, in whichever namespace: programs whose files were lost."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if program.encode() in words and argument.encode() in words:
            _end(int(path.parent.name))


def _end(number: int) -> None:
    try:
        handle = os.pidfd_open(number)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        watch = select.poll()
        watch.register(handle, select.POLLIN)
        if not watch.poll(PATIENCE * 1_000):
            raise Unable(f"process {number} does not end")
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def write(path: Path, text: str) -> bool:
    """Whether the file's text was another. In /run a program without privileges reads it, whatever the umask."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text)
    if path.is_relative_to(RUN):
        new.chmod(0o644)
        for folder in path.parents:
            if folder == RUN:
                break
            folder.chmod(0o755)
    new.replace(path)
    return True
