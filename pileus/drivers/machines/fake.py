"""Machines in memory: what stands above is tested with these. A test plays the guest: `guest_powers_off`,
`guest_reboots`."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus.drivers.api import Lack, Unable
from pileus.drivers.machines.api import Ending, Executed, Machine, Observed, State, Usage
from pileus.drivers.volumes.fake import FakeVolumes


@dataclass
class _Guest:
    machine: Machine
    state: State = "running"
    reboots: int = 0
    ended: Ending = ""
    pid: int = 0
    up: bool = False
    console: bytes = b""
    files: dict[str, str] = field(default_factory=dict)


class FakeMachines:
    """Its machines take their disks from `volumes`, which learns from it what runs. `room`: how many may run."""

    def __init__(self, volumes: FakeVolumes):
        self._volumes = volumes
        self.room = 1_000_000
        self._guests: dict[str, _Guest] = {}
        self._watchers: list[Callable[[str], None]] = []
        self._lock = threading.RLock()
        self._pid = 1_000
        self.at_once = 1_000_000
        self.silent = False
        """Guests do not say that they are up before `guest_is_up`."""
        volumes.machine_runs = self._runs
        volumes.machine_exists = self._exists
        volumes.root_of = self._root_of

    def lacking(self) -> list[Lack]:
        return []

    def most(self) -> int:
        return self.room

    def boots_at_once(self) -> int:
        return self.at_once

    def ids(self) -> list[str]:
        with self._lock:
            return sorted(self._guests)

    def ensure(self, machine: Machine) -> None:
        with self._lock:
            guest = self._guests.get(machine.id)
            if guest is not None and machine.boot <= guest.machine.boot:
                guest.machine = machine
                return
            if self._volumes.observe(machine.root) is None:
                raise Unable(f"there is no volume {machine.root} for the root disk of {machine.id}")
            if not self._volumes.is_open(machine.root):
                raise Unable(f"volume {machine.root} is encrypted, and its key was not given")
            if guest is None:
                guest = self._guests[machine.id] = _Guest(machine)
            guest.machine, guest.state, guest.reboots, guest.ended = machine, "running", 0, ""
            guest.files.update(machine.files)
            self._boots(guest)

    def observe(self, machine: str) -> Observed:
        with self._lock:
            guest = self._guests.get(machine)
            if guest is None:
                return Observed(machine, "absent")
            up = guest.up and guest.state == "running"
            return Observed(machine, guest.state, guest.machine.boot, guest.reboots, guest.ended, guest.pid, up)

    def stop(self, machine: str, grace: float) -> None:
        self._end(machine, "stopped")

    def reboot(self, machine: str, grace: float) -> None:
        with self._lock:
            guest = self._running(machine)
            guest.state = "running"
            guest.reboots += 1
            self._boots(guest)

    def pause(self, machine: str) -> None:
        with self._lock:
            self._running(machine).state = "paused"

    def resume(self, machine: str) -> None:
        with self._lock:
            self._running(machine).state = "running"

    def destroy(self, machine: str) -> None:
        with self._lock:
            self._guests.pop(machine, None)

    def execute(self, machine: str, command: list[str], input: bytes = b"", timeout: float = 10.0) -> Executed:
        with self._lock:
            guest = self._running(machine)
            if guest.state == "paused":
                raise Unable(f"machine {machine} is paused")
            match command:
                case ["cat"]:
                    return Executed(0, input, b"")
                case ["cat", path]:
                    text = guest.files.get(path)
                    return Executed(1, b"", b"no such file") if text is None else Executed(0, text.encode(), b"")
                case ["hostname"]:
                    return Executed(0, f"{guest.machine.hostname}\n".encode(), b"")
                case ["sleep", seconds] if float(seconds) > timeout:
                    raise Unable(f"the command did not end within {timeout:g} s")
                case ["true"] | ["sh", "-c", "(true) && true"] | ["sleep", _]:
                    return Executed(0, b"", b"")
                case ["false"]:
                    return Executed(1, b"", b"")
            return Executed(127, b"", b"a machine in memory has no such program")

    def console(self, machine: str, limit: int = 65_536) -> bytes:
        with self._lock:
            guest = self._guests.get(machine)
            return guest.console[-limit:] if guest else b""

    def usage(self, machine: str) -> Usage | None:
        with self._lock:
            return Usage(1.5, 64 * 1024 * 1024) if self._runs(machine) else None

    def watch(self, wake: Callable[[str], None]) -> Callable[[], None]:
        self._watchers.append(wake)

        def end() -> None:
            if wake in self._watchers:
                self._watchers.remove(wake)

        return end

    def vanish(self) -> None:
        with self._lock:
            self._guests.clear()

    def guest_is_up(self, machine: str) -> None:
        """The guest says that people may log in."""
        with self._lock:
            self._running(machine).up = True
        self._wake(machine)

    def guest_powers_off(self, machine: str) -> None:
        """The guest switches itself off."""
        self._end(machine, "poweroff")
        self._wake(machine)

    def guest_reboots(self, machine: str) -> None:
        """The guest boots itself again."""
        self.reboot(machine, 0)
        self._wake(machine)

    def dies(self, machine: str) -> None:
        """Something on the host kills it."""
        self._end(machine, "killed")
        self._wake(machine)

    def _wake(self, machine: str) -> None:
        for wake in list(self._watchers):
            wake(machine)

    def _boots(self, guest: _Guest) -> None:
        self._pid += 1
        guest.pid = self._pid
        guest.up = not self.silent
        guest.console += f"{guest.machine.hostname} login: \n".encode()

    def _end(self, machine: str, ending: Ending) -> None:
        with self._lock:
            guest = self._guests.get(machine)
            if guest is not None and guest.state != "stopped":
                guest.state, guest.ended, guest.pid = "stopped", ending, 0

    def _running(self, machine: str) -> _Guest:
        guest = self._guests.get(machine)
        if guest is None or guest.state not in ("running", "paused"):
            raise Unable(f"machine {machine} does not run")
        return guest

    def _runs(self, machine: str) -> bool:
        guest = self._guests.get(machine)
        return guest is not None and guest.state in ("running", "paused")

    def _exists(self, machine: str) -> bool:
        return machine in self._guests

    def _root_of(self, volume: str) -> str:
        for guest in self._guests.values():
            if guest.machine.root == volume and guest.state in ("running", "paused"):
                return guest.machine.id
        return ""
