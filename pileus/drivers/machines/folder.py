"""Where everything about one machine is kept, for all who act on it: this driver, the boot program, the volumes'.

What must last is in the home: `machine.json` (as it should run), `state.json` (what is known of its last boot),
`disks/NAME` (what is attached), `console.log`. What ends with the host's uptime is below /run, where a guest's own ids
may pass and nobody else's.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pileus.drivers.linux.cgroups import CGroup
from pileus.drivers.volumes import sealed

RUN = Path("/run/pileus")
BASES = RUN / "bases"
_SPAN, _FIRST, _SLOTS = 65_536, 0x1000_0000, 24_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def checked(name: str) -> str:
    """An id that is safe as a file's name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a machine or volume")
    return name


@dataclass
class State:
    """`pid` and `started` (ticks since the host's boot) name the init of the last run, `uptime_of` the host's boot.
    `again`: it has rebooted and is to be booted again."""

    boot: int = 0
    reboots: int = 0
    ended: str = ""
    pid: int = 0
    started: int = 0
    uptime_of: str = ""
    again: bool = False


@dataclass(frozen=True)
class Disk:
    """A volume that the machine has besides its root disk."""

    volume: str
    path: str
    device: str
    iops: int = 0
    throughput: int = 0


class Folder:
    def __init__(self, home: Path, tag: str, machine: str):
        self.id = checked(machine)
        self.home, self.tag = home, tag
        self.path = home / "machines" / machine
        self.driver_run = RUN / tag
        self.run = self.driver_run / "m" / machine
        self.root = self.run / "root"
        self.devices = self.run / "dev"
        self.shown = self.run / "shown"
        self.exits = self.driver_run / "exits"
        self.exit = self.exits / machine
        self.booted = self.exits / f"{machine}.booted"
        self.up = self.exits / f"{machine}.up"
        self.console = self.path / "console.log"
        self.cgroup_path = f"pileus-{tag}/{machine}"

    def exists(self) -> bool:
        return (self.path / "machine.json").exists()

    def cgroup(self) -> CGroup:
        return CGroup(self.cgroup_path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One at a time acts on a machine, whatever process or thread it is in."""
        self.path.mkdir(parents=True, exist_ok=True)
        while True:
            with open(self.path / "lock", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    same = os.stat(self.path / "lock").st_ino == os.fstat(file.fileno()).st_ino
                except FileNotFoundError:
                    same = False
                if same:
                    yield
                    return
            self.path.mkdir(parents=True, exist_ok=True)  # it was destroyed while we waited

    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "machine.json").read_bytes())
        return found

    def save_spec(self, spec: bytes) -> None:
        replace(self.path / "machine.json", spec)

    def state(self) -> State:
        try:
            return State(**json.loads((self.path / "state.json").read_bytes()))
        except FileNotFoundError:
            return State()

    def save_state(self, state: State) -> None:
        replace(self.path / "state.json", json.dumps(asdict(state)).encode())

    def disks(self) -> list[Disk]:
        try:
            paths = sorted((self.path / "disks").iterdir())
        except FileNotFoundError:
            return []
        return [Disk(**json.loads(path.read_bytes())) for path in paths if not path.name.startswith(".")]

    def save_disk(self, disk: Disk) -> None:
        (self.path / "disks").mkdir(exist_ok=True)
        replace(self.path / "disks" / disk.device, json.dumps(asdict(disk)).encode())

    def forget_disk(self, device: str) -> None:
        (self.path / "disks" / device).unlink(missing_ok=True)

    def root_disk(self) -> Path:
        return sealed.disk_of(pool_of(self.home), checked(self.spec()["root"]))

    def pid(self) -> int:
        """Of its init, 0 when it does not run."""
        state = self.state()
        return state.pid if alive(state) else 0

    def flag(self, name: str) -> Path:
        """A file whose presence tells the boot program what was meant: 'stopping', 'rebooting'."""
        return self.run / name

    def base(self) -> int:
        """The host's id of the guest's root. No two machines of this host have the same."""
        BASES.mkdir(parents=True, exist_ok=True)
        own = str(self.path)
        with open(BASES / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for slot in self._slots():
                claim = BASES / str(slot)
                holder = os.readlink(claim) if claim.is_symlink() else ""
                if holder != own and (not holder or not os.path.exists(holder)):
                    claim.unlink(missing_ok=True)
                    claim.symlink_to(own)
                    holder = own
                if holder == own:
                    replace(self.path / "slot", str(slot).encode())
                    return _FIRST + slot * _SPAN
        raise OSError("every range of ids is taken by a machine of this host")

    def _slots(self) -> Iterator[int]:
        """Where to look for a free range: first where it was last time."""
        if (self.path / "slot").exists():
            yield int((self.path / "slot").read_text())
        start = int.from_bytes(f"{self.tag}/{self.id}".encode(), "big") % _SLOTS
        yield from ((start + step) % _SLOTS for step in range(_SLOTS))

    def release_base(self) -> None:
        if (self.path / "slot").exists():
            claim = BASES / (self.path / "slot").read_text()
            if claim.is_symlink() and os.readlink(claim) == str(self.path):
                claim.unlink()


def pool_of(home: Path) -> Path:
    """Where the pool of disks is mounted."""
    return home / "volumes" / "pool"


def replace(path: Path, content: bytes) -> None:
    """All of it or what was there before."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.rename(path)


def host_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def process_started(pid: int) -> int:
    """Ticks since the host's boot; 0 when there is no such process, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def alive(state: State) -> bool:
    return bool(state.pid) and state.started == process_started(state.pid) and state.uptime_of == host_boot()


def all_folders(home: Path, tag: str) -> list[Folder]:
    try:
        names = sorted(entry.name for entry in os.scandir(home / "machines") if entry.is_dir())
    except FileNotFoundError:
        return []
    return [folder for folder in (Folder(home, tag, name) for name in names) if folder.exists()]
