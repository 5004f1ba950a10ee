"""The control group of one machine, on hosts with one hierarchy (v2) and with one a controller (v1)."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from pileus.drivers.linux import loops

ROOT = Path("/sys/fs/cgroup")
MEMORY_KEPT = 512 * 1024**2
PIDS_KEPT = 4_096
"""What the host keeps of its memory (bytes) and processes: that, or a tenth and a quarter if it is more."""

CONTROLLERS = ("cpu", "memory", "pids", "blkio", "devices", "freezer")


def unified() -> bool:
    """Whether the host has one hierarchy with controllers (v2)."""
    try:
        return "memory" in (ROOT / "cgroup.controllers").read_text().split()
    except FileNotFoundError:
        return False


def lacking() -> list[str]:
    """The controllers that this host does not have."""
    if unified():
        there = (ROOT / "cgroup.controllers").read_text().split()
        return [name for name in ("cpu", "memory", "pids", "io") if name not in there]
    return [name for name in CONTROLLERS if not (ROOT / name).is_dir()]


def processors(count: int, machine: str) -> str:
    """The processors of the host that a machine may run on, as cpuset(7) writes them: as many as it may have, those
    that the fewest other machines are bound to. Empty where groups do not bind to processors."""
    cpusets = ROOT if unified() else ROOT / "cpuset"
    if not (cpusets / ("cpuset.cpus.effective" if unified() else "cpuset.cpus")).exists():
        return ""
    there = sorted(os.sched_getaffinity(0))
    load = dict.fromkeys(there, 0.0)
    for path in cpusets.glob("pileus-*/*/cpuset.cpus"):
        try:
            taken = _numbers(path.read_text()) if path.parent.name != machine else []
        except FileNotFoundError:
            continue  # it ended while we looked
        for number in taken:
            if number in load:
                load[number] += 1 / len(taken)
    # Those that begin at the same moment do not see one another: who is alike is told apart by name.
    start = zlib.crc32(machine.encode())
    chosen = sorted(there, key=lambda number: (load[number], (number + start) % len(there)))[: max(1, count)]
    return ",".join(map(str, sorted(chosen)))


def _numbers(text: str) -> list[int]:
    """'0-2,5' -> 0, 1, 2, 5."""
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def shared() -> tuple[int, int]:
    """The memory (bytes) and the processes that all machines of a cloud share."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    processes = int(Path("/proc/sys/kernel/pid_max").read_text())
    return memory - max(MEMORY_KEPT, memory // 10), processes - max(PIDS_KEPT, processes // 4)


def bound(name: str) -> None:
    """Makes the group that all machines of a cloud are in, with room left for the host however many they are."""
    memory, processes = shared()
    limits = {
        "memory": ("memory.max", "memory.limit_in_bytes", memory),
        "pids": ("pids.max", "pids.max", processes),
    }
    group = CGroup(name)
    for controller, (file, old_file, limit) in limits.items():
        folder = group.folder(controller)
        folder.mkdir(exist_ok=True)
        (folder / (file if group.unified else old_file)).write_text(str(limit))


class CGroup:
    """`path`: 'parent/name', the same in every hierarchy."""

    def __init__(self, path: str):
        self.path = path
        self.unified = unified()

    def folder(self, controller: str) -> Path:
        return ROOT / self.path if self.unified else ROOT / controller / self.path

    def folders(self) -> Iterator[Path]:
        """In every hierarchy that has it."""
        if self.unified:
            candidates = [ROOT / self.path]
        else:
            candidates = [hierarchy / self.path for hierarchy in ROOT.iterdir() if not hierarchy.is_symlink()]
        yield from (folder for folder in candidates if folder.is_dir())

    def hand_over(self, uid: int) -> None:
        """The guest's init makes groups of its own below; the limits of this one stay out of its reach."""
        for folder in self.folders():
            for name in ("", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"):
                if (folder / name).exists():
                    os.chown(folder / name, uid, uid)

    def processes(self) -> list[int]:
        """Of the group and all groups below."""
        found: list[int] = []
        for folder, _, files in os.walk(self.folder("pids")):
            if "cgroup.procs" in files:
                try:
                    found += map(int, Path(folder, "cgroup.procs").read_text().split())
                except (FileNotFoundError, OSError):
                    continue  # the group ended while we looked
        return found

    def limit_disk(self, number: int, iops: int, throughput: int) -> None:
        """How fast the machine may read and write a loop device, in each direction; 0: as fast as it goes."""
        device = f"{loops.MAJOR}:{number}"
        if self.unified:
            values = [("rbps", throughput), ("wbps", throughput), ("riops", iops), ("wiops", iops)]
            line = " ".join(f"{name}={value or 'max'}" for name, value in values)
            (self.folder("io") / "io.max").write_text(f"{device} {line}")
            return
        for direction in ("read", "write"):
            for kind, value in (("bps", throughput), ("iops", iops)):
                (self.folder("blkio") / f"blkio.throttle.{direction}_{kind}_device").write_text(f"{device} {value}")

    def frozen(self) -> bool:
        try:
            if self.unified:
                return (self.folder("") / "cgroup.freeze").read_text().strip() == "1"
            return (self.folder("freezer") / "freezer.self_freezing").read_text().strip() == "1"
        except FileNotFoundError:
            return False

    def cpu_seconds(self) -> float:
        if self.unified:
            return _fields(self.folder("cpu") / "cpu.stat").get("usage_usec", 0) / 1e6
        return int((self.folder("cpuacct") / "cpuacct.usage").read_text()) / 1e9

    def memory(self) -> int:
        """Bytes in use, without what the kernel would give up at once."""
        folder = self.folder("memory")
        name = "memory.current" if self.unified else "memory.usage_in_bytes"
        inactive = "inactive_file" if self.unified else "total_inactive_file"
        return max(0, int((folder / name).read_text()) - _fields(folder / "memory.stat").get(inactive, 0))

    def disk(self) -> tuple[int, int, int, int]:
        """Bytes read and written, reads and writes."""
        if self.unified:
            totals = {"rbytes": 0, "wbytes": 0, "rios": 0, "wios": 0}
            for line in (self.folder("io") / "io.stat").read_text().splitlines():
                number, *fields = line.split()
                if number.startswith(f"{loops.MAJOR}:"):
                    for field in fields:
                        name, _, value = field.partition("=")
                        if name in totals:
                            totals[name] += int(value)
            return totals["rbytes"], totals["wbytes"], totals["rios"], totals["wios"]
        sums = []
        for name in ("io_service_bytes", "io_serviced"):
            for direction in ("Read", "Write"):
                sums.append(self._throttled(name, direction))
        return sums[0], sums[1], sums[2], sums[3]

    def _throttled(self, name: str, direction: str) -> int:
        folder = self.folder("blkio")
        file = folder / f"blkio.throttle.{name}_recursive"
        if not file.exists():
            file = folder / f"blkio.throttle.{name}"
        lines = (line.split() for line in file.read_text().splitlines())
        return sum(
            int(words[2])
            for words in lines
            if len(words) == 3 and words[1] == direction and words[0].startswith(f"{loops.MAJOR}:")
        )

    def remove(self) -> None:
        """With the empty groups below; harmless when it is gone."""
        for top in list(self.folders()):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    continue


def _fields(path: Path) -> dict[str, int]:
    return {words[0]: int(words[1]) for words in map(str.split, path.read_text().splitlines()) if len(words) == 2}
