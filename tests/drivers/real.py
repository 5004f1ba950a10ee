"""Drivers of the host itself for tests: a home and a tag of their own, and nothing left of them afterwards."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pileus.drivers.linux import loops
from pileus.drivers.machines.api import Machine, Machines
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.volumes.api import Volume, Volumes
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.drivers.volumes.pool import PoolVolumes

GIB = 1024**3
MIB = 1024**2
PATIENCE = 60.0
_numbers = iter(range(1_000_000))


@dataclass
class Host:
    """Machines and their disks, real or in memory."""

    machines: Machines
    volumes: Volumes
    real: bool
    home: Path
    tag: str

    def machine(self, name: str, boot: int = 1, **changes: object) -> Machine:
        """A small one, with a root disk made for it."""
        self.volumes.ensure_image("debian-12")
        self.volumes.ensure(Volume(f"root-{name}", 8 * GIB, "debian-12"))
        machine = Machine(name, boot, f"root-{name}", f"host-{name}", 1.0, 512 * MIB)
        return Machine(**{**{field: getattr(machine, field) for field in machine.__struct_fields__}, **changes})

    def started(self, name: str, **changes: object) -> Machine:
        machine = self.machine(name, **changes)
        self.machines.ensure(machine)
        return machine

    def shell(self, machine: str, line: str, timeout: float = PATIENCE) -> str:
        """What a shell in the machine prints, and fails when it fails."""
        done = self.machines.execute(machine, ["sh", "-c", line], timeout=timeout)
        assert done.status == 0, (line, done)
        return done.output.decode()

    def again(self) -> "Host":
        """Driver objects made anew for the same home, as after a restart."""
        if not self.real:
            return self
        return Host(RuncMachines(self.home, self.tag), PoolVolumes(self.home, self.tag), True, self.home, self.tag)


@contextmanager
def host(kind: str, home: Path) -> Iterator[Host]:
    if kind == "fake":
        volumes = FakeVolumes()
        yield Host(FakeMachines(volumes), volumes, False, home, "fake")
        return
    tag = f"t{os.getpid()}-{next(_numbers)}"
    made = Host(RuncMachines(home, tag), PoolVolumes(home, tag, size=100 * GIB), True, home, tag)
    lacks = [*made.machines.lacking(), *made.volumes.lacking()]
    if lacks:
        pytest.skip("this host lacks " + "; ".join(f"{lack.what} ({lack.remedy})" for lack in lacks))
    try:
        yield made
    finally:
        made.machines.vanish()
        made.volumes.vanish()


def eventually(true: Callable[[], object], patience: float = PATIENCE) -> object:
    """Waits until it is so."""
    limit = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.02)
    return found


def left_on_the_host(home: Path, tag: str) -> list[str]:
    """Everything on this host that bears a driver's mark: mounts, loop devices, groups, processes, folders."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line or tag in line]
    found += [f"loop{number} of {file}" for number, file in loops.used() if file.startswith(str(home))]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/pileus-{tag}")]
    found += [
        str(path) for path in (Path("/sys/fs/cgroup") / f"pileus-{tag}", Path("/run/pileus") / tag) if path.exists()
    ]
    found += [str(path) for path in Path("/run/pileus/bases").glob("[0-9]*") if str(home) in os.readlink(path)]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            alive = (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            continue
        marks = (str(home).encode(), f"/run/pileus/{tag}".encode(), f"/{tag}.".encode())
        if alive and (tag.encode() in words or any(mark in word for mark in marks for word in words)):
            found.append(f"process {folder.name}: {words}")
    return found
