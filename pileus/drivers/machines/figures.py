"""What a guest is told of memory, processors, load and uptime: its own, where the kernel would tell of the host.

Time since boot is the kernel's own doing: init begins in a time namespace (time_namespaces(7)), so that uptime, when
processes started, and how long they have run agree. For the rest lxcfs(1) answers files of /proc by who reads them.
There is one of it for all machines of a cloud; it outlives the cloud, as machines do. Its files are bound over the
kernel's in every view of a guest, and bound anew when it was killed: what was bound before is of no use then. On a
host without it guests see the host's figures. Standard library only.
"""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

from pileus.drivers.api import Lack
from pileus.drivers.linux import mounts, namespaces
from pileus.drivers.machines.folder import RUN, Folder, process_started
from pileus.drivers.programs import REMEDY, found

PROGRAM = "lxcfs"
KIND = "fuse.lxcfs"
COVERED = {f"/proc/{name}": f"proc/{name}" for name in ("cpuinfo", "loadavg", "meminfo", "swaps")} | {
    "/sys/devices/system/cpu/online": "sys/devices/system/cpu/online"
}
"""File of the guest's -> lxcfs' own."""
FOR_TIME = {f"/proc/{name}": f"proc/{name}" for name in ("stat", "uptime")}
"""The same, for a guest without a time namespace: lxcfs knows its uptime, but not its processes'."""
_ANY = COVERED | FOR_TIME
_UNSHARE, _SETPRIV = "usr/bin/unshare", "usr/bin/setpriv"
_KERNEL = (6, 3)
"""Since that kernel a program that is executed is in its new time namespace, and not only its children."""
_STARTED_WITHIN = 5.0


def lacking() -> list[Lack]:
    """Why guests would see the host's figures. They run all the same."""
    if found(PROGRAM) is None:
        return [Lack("the program lxcfs, by which guests see their own memory and processors", REMEDY)]
    if not os.path.exists("/dev/fuse"):
        return [Lack("/dev/fuse, by which guests see their own memory and processors", "modprobe fuse")]
    return []


def place_of(tag: str) -> Path:
    return RUN / tag / "figures"


def ensure(home: Path, tag: str) -> Path | None:
    """Has lxcfs run, and returns where its files are; None where that is not possible. Expects the driver's part of
    /run."""
    place = place_of(tag)
    if lacking():
        return None
    if _answers(place):
        return place
    with open(RUN / tag / "figures.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return place if _answers(place) or _started(home, tag, place) else None


def _answers(place: Path) -> bool:
    """Read, not looked for: the kernel remembers for a while that a file of a dead lxcfs was there."""
    try:
        return bool((place / "proc" / "uptime").read_bytes())
    except OSError:
        return False  # not mounted, or cut off from the lxcfs that was killed


def _started(home: Path, tag: str, place: Path) -> bool:
    stop(tag)
    place.mkdir(exist_ok=True)
    options = ["--foreground", "--enable-cfs", "--enable-loadavg", "--disable-swap", "--pidfile", str(_pid_file(tag))]
    with open(home / "figures.log", "wb") as log:
        started = subprocess.Popen(
            [str(found(PROGRAM)), *options, str(place)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    limit = time.monotonic() + _STARTED_WITHIN
    while not _answers(place):
        if started.poll() is not None or time.monotonic() > limit:
            return False
        time.sleep(0.002)
    return True


def _pid_file(tag: str) -> Path:
    return RUN / tag / "figures.pid"


def stop(tag: str) -> None:
    """Ends it; harmless when it does not run."""
    pid = _pid(tag)
    if pid:
        os.kill(pid, signal.SIGKILL)
        limit = time.monotonic() + _STARTED_WITHIN
        while time.monotonic() < limit and process_started(pid):
            time.sleep(0.002)
    mounts.unmount(str(place_of(tag)))


def _pid(tag: str) -> int:
    """0 when it does not run."""
    try:
        pid = int(_pid_file(tag).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0
    return pid if os.fsencode(place_of(tag)) in words else 0


def init(root: Path) -> list[str]:
    """The command that becomes the guest's init, its time beginning now where kernel and guest can do that."""
    if not _has_own_time(root):
        return ["/sbin/init"]
    boot, monotonic = (int(time.clock_gettime(clock)) for clock in (time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC))
    began = [f"/{_UNSHARE}", "--time", "--boottime", f"-{boot}", "--monotonic", f"-{monotonic}"]
    return [*began, f"/{_SETPRIV}", "--bounding-set=-sys_time", "/sbin/init"]


def _has_own_time(root: Path) -> bool:
    kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
    programs = all(os.path.lexists(root / name) for name in (_UNSHARE, _SETPRIV))
    return kernel >= _KERNEL and os.path.exists("/proc/self/ns/time") and programs


def show(folder: Folder, pid: int) -> None:
    """Binds its files over the kernel's; once a boot, before init runs."""
    place = ensure(folder.home, folder.tag)
    if place is not None:
        _bind(pid, place, list(COVERED if _has_own_time(folder.root) else _ANY))


def mend(folder: Folder) -> None:
    """Binds anew what a killed lxcfs left behind in a running guest. What the guest itself took away stays away."""
    views: set[int] = set()
    for pid in [folder.pid(), *folder.cgroup().processes()]:
        try:
            view = os.stat(f"/proc/{pid}/ns/mnt").st_ino
            if view not in views:
                views.add(view)
                _mend(folder, pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile


def _mend(folder: Folder, pid: int) -> None:
    bound = {path: device for path, device in mounts.points_of_kind(pid, KIND) if path in _ANY}
    if not bound:
        return
    place = ensure(folder.home, folder.tag)
    now = os.stat(place).st_dev if place is not None else 0
    stale = [path for path, device in bound.items() if device != (os.major(now), os.minor(now))]
    if place is not None:
        _bind(pid, place, stale)
    elif stale:
        namespaces.in_mounts_of(pid, lambda: _unmount(stale))


def _unmount(paths: list[str]) -> None:
    for path in paths:
        mounts.unmount(path)


def _bind(pid: int, place: Path, paths: list[str]) -> None:
    if not paths:
        return
    opened = {path: os.path.join(place, _ANY[path]) for path in paths}
    with mounts.clones(opened) as made:
        for mount in made.values():
            mounts.attributes(mount, given=mounts.RDONLY | mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)

        def work() -> None:
            for path, mount in made.items():
                mounts.unmount(path)
                mounts.move(mount, path)

        namespaces.in_mounts_of(pid, work)
