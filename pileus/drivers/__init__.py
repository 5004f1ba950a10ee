"""The real world behind narrow interfaces: machines, their disks and their networks.

No word of AWS's in here. Each driver has `api.py` (what it promises), `fake.py` (the same in memory, for tests of what
stands above) and engines; all pass the same contract tests (tests/drivers). Every method is blocking, may be called
from any thread (for one id from one at a time), may be repeated, and may be killed at any line: the next call of
`ensure` finds what there is and completes it. What a driver started outlives this process; a driver made anew for the
same home finds it again.
"""

from dataclasses import dataclass
from typing import Any

from pileus.drivers.absent import Absent
from pileus.drivers.api import Lack, Unable
from pileus.drivers.machines.api import Machines
from pileus.drivers.networks.api import Networks
from pileus.drivers.volumes.api import Volumes

__all__ = ["Drivers", "Lack", "Unable", "no_drivers"]


@dataclass(frozen=True)
class Drivers:
    """What one cloud acts through."""

    machines: Machines
    volumes: Volumes
    networks: Networks

    def lacking(self) -> list[Lack]:
        """What this host lacks for machines; nothing of the three works until it is empty."""
        return [*self.machines.lacking(), *self.volumes.lacking(), *self.networks.lacking()]

    def vanish(self) -> None:
        """Removes every trace of them from the host."""
        self.machines.vanish()
        self.networks.vanish()
        self.volumes.vanish()


def no_drivers() -> Drivers:
    """Of a cloud without machines."""
    absent: Any = Absent()
    return Drivers(absent, absent, absent)
