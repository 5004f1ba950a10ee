"""What a driver of machines promises."""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from pileus.drivers.api import Lack
from pileus.drivers.networks.api import Link

State = Literal["absent", "running", "paused", "stopped"]
Ending = Literal["", "poweroff", "stopped", "killed", "unknown"]


class Machine(msgspec.Struct, frozen=True):
    """A machine as it should run.

    `boot` counts how often it was started on purpose: a machine is booted only when the last boot known of it is a
    smaller one, so that a guest that switched itself off stays off however often `ensure` is repeated. `root`: the
    id of the volume with its root disk. `vcpus`: may be a fraction; a limit of CPU time. `memory`: bytes.
    `pids`: how many processes and threads it may have. `files`: absolute path -> text, written into the root disk
    before each boot that `ensure` makes (owner root, mode 0644).
    """

    id: str
    boot: int
    root: str
    hostname: str
    vcpus: float
    memory: int
    pids: int = 4096
    links: tuple[Link, ...] = ()
    files: dict[str, str] = {}


class Observed(msgspec.Struct, frozen=True):
    """`boot`: of the last start on purpose. `reboots`: how often it has rebooted since, by itself or by `reboot`.
    `ended`: how the last run ended; empty while it runs. `up`: it has said that people may log in; not every guest
    says so."""

    id: str
    state: State
    boot: int = 0
    reboots: int = 0
    ended: Ending = ""
    pid: int = 0
    up: bool = False


class Executed(msgspec.Struct, frozen=True):
    status: int
    output: bytes
    errors: bytes


class Usage(msgspec.Struct, frozen=True):
    """Since the machine's boot. `cpu_seconds`; `memory`: bytes now; bytes and operations of its disks."""

    cpu_seconds: float
    memory: int
    read_bytes: int = 0
    written_bytes: int = 0
    reads: int = 0
    writes: int = 0


class Machines(Protocol):
    def lacking(self) -> list[Lack]:
        """What the host lacks for machines; quick to ask."""
        ...

    def most(self) -> int:
        """How many machines the host can run at once."""
        ...

    def boots_at_once(self) -> int:
        """How many machines may boot at the same time on this host without the first waiting for the last."""
        ...

    def ids(self) -> list[str]:
        """The ids of all machines that `ensure` made and `destroy` has not removed."""
        ...

    def ensure(self, machine: Machine) -> None:
        """Boots it, if `machine.boot` is new; else applies changed limits and plugs and unplugs changed links of the
        running machine. Returns when its init runs, before it has booted. The root volume must exist. Raises Unable."""
        ...

    def observe(self, machine: str) -> Observed:
        """State 'absent' for an id nobody knows."""
        ...

    def stop(self, machine: str, grace: float) -> None:
        """Asks its init to power off, waits up to `grace` seconds, then kills it. Its disks and `ids` keep it.
        Harmless when it does not run."""
        ...

    def reboot(self, machine: str, grace: float) -> None:
        """Has it boot again with the same disks and links; kills it when its init does not within `grace` seconds."""
        ...

    def pause(self, machine: str) -> None: ...

    def resume(self, machine: str) -> None: ...

    def destroy(self, machine: str) -> None:
        """Kills it and forgets it; its volumes stay."""
        ...

    def execute(self, machine: str, command: list[str], input: bytes = b"", timeout: float = 10.0) -> Executed:
        """Runs a command as root in the guest. Raises Unable when it does not run or the time is up (the command is
        killed then)."""
        ...

    def console(self, machine: str, limit: int = 65_536) -> bytes:
        """The last `limit` bytes that its boots wrote to the console, oldest first; kept after it ended."""
        ...

    def usage(self, machine: str) -> Usage | None:
        """None when it does not run."""
        ...

    def watch(self, wake: Callable[[str], None]) -> Callable[[], None]:
        """Calls `wake(id)` from a thread soon after a machine has ended, booted again by itself or is up. Returns what
        ends the watch. A missed call must be harmless."""
        ...

    def vanish(self) -> None:
        """Removes every machine and every trace of this driver from the host, its home included."""
        ...
