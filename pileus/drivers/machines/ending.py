"""How a machine's run ends: what its init's exit means, and what is put away afterwards. All may be repeated."""

import os
import select
import signal
import subprocess
import time
from pathlib import Path

from pileus.drivers.linux import loops, mounts
from pileus.drivers.machines import bundle, devices
from pileus.drivers.machines.folder import Folder, State, alive, process_started
from pileus.drivers.networks import plugging

# How the kernel ends a pid namespace whose init called reboot(2): as if by SIGHUP to boot again, by SIGINT to stay off.
REBOOT, POWEROFF, KILLED = 129, 130, 137
_PATIENCE = 10.0


def settle(folder: Folder) -> str:
    """Expects the lock and that init has ended. Writes down how, and puts away what is left. Returns 'reboot' when the
    machine is to boot again, else how it ended, or nothing when it runs or that was settled before."""
    state = folder.state()
    if alive(state):
        return ""
    if state.ended or not state.boot:
        if folder.run.exists():  # who put it away, or booted it, was killed meanwhile
            clear(folder)
        return ""
    state.again = state.again or _reboots(folder, _exit_code(folder))
    if not state.again:
        state.ended = _ending(folder, _exit_code(folder))
    folder.save_state(state)
    if state.again:
        return "reboot"
    clear(folder)
    return state.ended


def give_up_reboot(folder: Folder) -> None:
    """It was about to boot again, and was told to stop. Expects the lock."""
    state = folder.state()
    state.again, state.ended = False, "stopped"
    folder.save_state(state)
    clear(folder)


def glance(folder: Folder, state: State) -> str:
    """How the last run ended, as far as can be seen without waiting: nothing while it runs or is about to again."""
    if alive(state) or state.ended or not state.boot:
        return state.ended
    code = _written(folder)
    if state.again or (code is None and holder(folder)) or _reboots(folder, -1 if code is None else code):
        return ""
    return _ending(folder, -1 if code is None else code)


def _reboots(folder: Folder, code: int) -> bool:
    stopping, rebooting = folder.flag("stopping").exists(), folder.flag("rebooting").exists()
    return rebooting or (code == REBOOT and not stopping)


def _ending(folder: Folder, code: int) -> str:
    off = "stopped" if folder.flag("stopping").exists() else "poweroff"
    return {KILLED: "killed", REBOOT: "stopped", POWEROFF: off}.get(code, "unknown")


def _written(folder: Folder) -> int | None:
    try:
        return int(folder.exit.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _exit_code(folder: Folder) -> int:
    """As its holder wrote it; -1 when the holder is gone too and nobody knows."""
    limit = time.monotonic() + _PATIENCE
    while True:
        held = holder(folder)  # asked first: it writes before it goes
        code = _written(folder)
        if code is not None:
            return code
        if not held or time.monotonic() > limit:
            return -1
        time.sleep(0.005)


def holder(folder: Folder) -> int:
    """The pid of its conmon, 0 when that is gone."""
    try:
        pid = int((folder.run / "conmon.pid").read_text())
    except (FileNotFoundError, ValueError):
        return 0
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pid if name == "conmon" and process_started(pid) else 0


def clear(folder: Folder) -> None:
    """Removes from the host what a run of the machine leaves: processes, mounts, devices, links, groups."""
    if (folder.driver_run / "runc" / folder.id).exists():
        subprocess.run([*bundle.runc(folder), "delete", "--force", folder.id], capture_output=True)
    _kill_all(folder)
    plugged = folder.run / "plugged.json"
    spec = folder.spec()["links"] if folder.exists() else []
    for link in [*spec, *(bundle.read_json(plugged) if plugged.exists() else [])]:
        plugging.unplug(plugging.read(link))
    mounts.unmount(str(folder.root))
    for disk in folder.disks():
        number = loops.of(Path(disk.path))
        if number is not None:
            loops.clear(number)
    if folder.exists() and (number := loops.of(folder.root_disk())) is not None:
        loops.clear(number)
    folder.cgroup().remove()
    for path in (folder.exit, folder.driver_run / "runc" / folder.id):
        devices.remove(path)
    devices.remove(folder.run)


def _kill_all(folder: Folder) -> None:
    limit = time.monotonic() + _PATIENCE
    while (left := folder.cgroup().processes()) and time.monotonic() < limit:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def wait_for_holders(tag: str) -> None:
    """Until the holders of machines that were destroyed, and what they run at the end, are gone too."""
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and any(_holds_for(tag, name) for name in os.listdir("/proc")):
        time.sleep(0.01)


def _holds_for(tag: str, name: str) -> bool:
    try:
        words = Path("/proc", name, "cmdline").read_bytes().split(b"\0") if name.isdigit() else []
    except (FileNotFoundError, ProcessLookupError):
        return False
    return b"pileus.drivers.machines.boot" in words and tag.encode() in words and process_started(int(name)) > 0


def wait_for(pid: int, started: int, seconds: float) -> bool:
    """Whether the process has ended within so many seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if process_started(pid) != started:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1_000))
    finally:
        os.close(descriptor)


def send(pid: int, started: int, number: int) -> None:
    """A signal to that very process; harmless when it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if process_started(pid) == started:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)
