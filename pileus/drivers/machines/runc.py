"""Machines as containers with a user namespace and an init of their own: runc makes them, conmon holds them, and the
boot program takes every step from disk to init (decision 0008). Nothing is remembered here: the folders say what is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from pileus.drivers.api import Lack, Unable
from pileus.drivers.linux import cgroups, inotify, mounts
from pileus.drivers.machines import bundle, console, ending, figures
from pileus.drivers.machines.api import Ending, Executed, Machine, Observed, State, Usage
from pileus.drivers.machines.boot import prepare_run
from pileus.drivers.machines.folder import RUN, Folder, alive, all_folders, checked
from pileus.drivers.networks import inside, plugging
from pileus.drivers.programs import lacking as programs_lacking
from pileus.drivers.volumes import asking

INSTANCES_WANTED = 8_192
IDLE_MEMORY, IDLE_PROCESSES = 96 * 1024**2, 64
"""What a machine that does nothing needs, with its share of the pages that are read from its disk."""
BOOTS_PER_PROCESSOR = 2
"""A boot waits a little for disks and metadata: two keep a processor busy, more only wait for one another."""
ASKED_EVERY = 2.0
"""Seconds after which a guest is asked once more to end."""
_POWEROFF, _REBOOT = 37, 39
"""SIGRTMIN+3 (halt) and SIGRTMIN+5 (reboot): what systemd as an init obeys."""


class RuncMachines:
    def __init__(self, home: Path, tag: str):
        self._home, self._tag = home.absolute(), checked(tag)
        self._run = RUN / self._tag
        self._watching = threading.Lock()
        self._unwatched: list[Callable[[], None]] = []

    def lacking(self) -> list[Lack]:
        lacks = programs_lacking("runc", "conmon", "ip", "nsenter")
        if os.geteuid() != 0:
            lacks.append(Lack("the rights of root, for containers and mounts", "start Pileus as root, or with sudo"))
        if not os.path.exists("/proc/self/ns/user"):
            lacks.append(Lack("user namespaces in this kernel", "boot a kernel with CONFIG_USER_NS"))
        lacks += [Lack(f"the control group {name}", "mount it, or boot with cgroup v2") for name in cgroups.lacking()]
        limit = Path("/proc/sys/user/max_user_namespaces")
        if limit.exists() and int(limit.read_text()) == 0:
            lacks.append(Lack("leave to make user namespaces", "sysctl user.max_user_namespaces=65536"))
        return lacks

    def most(self) -> int:
        memory, processes = cgroups.shared()
        return min(memory // IDLE_MEMORY, processes // IDLE_PROCESSES)

    def boots_at_once(self) -> int:
        return BOOTS_PER_PROCESSOR * len(os.sched_getaffinity(0))

    def ids(self) -> list[str]:
        return [folder.id for folder in all_folders(self._home, self._tag)]

    def ensure(self, machine: Machine) -> None:
        folder = self._folder(machine.id)
        with folder.lock():
            state = folder.state()
            known = folder.spec() if folder.exists() else None
            if known is not None and machine.boot <= state.boot:
                wanted = msgspec.structs.replace(machine, boot=state.boot)
                folder.save_spec(msgspec.json.encode(wanted))
                if folder.pid():
                    self._adapt(folder, known, wanted)
                    return
                again = ending.settle(folder) == "reboot"
                if not again:
                    return
            else:
                folder.save_spec(msgspec.json.encode(machine))
                again = False
        self._boot(folder, "again" if again else "boot")

    def _boot(self, folder: Folder, what: str) -> None:
        self._allow_many_inits()
        self._start_watches(folder)
        command = [sys.executable, "-m", "pileus.drivers.machines.boot", what, str(folder.home), folder.tag, folder.id]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, start_new_session=True
        )
        if done.returncode:
            raise Unable(f"machine {folder.id} does not boot: {done.stderr.strip()}")

    def _allow_many_inits(self) -> None:
        """Every init watches files; the kernel's default is enough for a dozen of them."""
        path = Path("/proc/sys/fs/inotify/max_user_instances")
        if int(path.read_text()) < INSTANCES_WANTED:
            path.write_text(str(INSTANCES_WANTED))

    def _adapt(self, folder: Folder, known: dict[str, object], wanted: Machine) -> None:
        """Limits and links of a running machine, as they are wanted now."""
        spec = folder.spec()
        if any(known[name] != spec[name] for name in ("vcpus", "memory", "pids")):
            limits = bundle.limits(spec)
            self._runc(folder, "update", "--resources", "-", folder.id, input=json.dumps(limits))
        record = folder.run / "plugged.json"
        plugged = bundle.read_json(record) if record.exists() else []
        if plugged != spec["links"] or not all(map(_is_there, plugged)):
            names = {link["name"] for link in spec["links"]}
            try:
                for link in plugged:
                    if link["name"] not in names:
                        plugging.unplug(plugging.read(link))
                for link in spec["links"]:
                    plugging.plug(plugging.read(link), folder.pid())
            except OSError as error:
                raise Unable(f"machine {folder.id} cannot be plugged in: {error}") from error
            record.write_text(json.dumps(spec["links"]))
        muted = folder.flag("muted")
        try:
            if not ending.holder(folder) and not muted.exists():
                console.mute(folder.pid())
                muted.touch()
            figures.mend(folder)
        except OSError as error:
            raise Unable(f"machine {folder.id} cannot be shown its console or figures: {error}") from error

    def observe(self, machine: str) -> Observed:
        folder = self._folder(machine)
        if not folder.exists():
            return Observed(machine, "absent")
        state = folder.state()
        pid = folder.pid()
        if pid:
            paused = folder.cgroup().frozen()
            shown: State = "paused" if paused else "running"
            return Observed(machine, shown, state.boot, state.reboots, "", pid, folder.up.exists())
        ended = ending.glance(folder, state)
        if ended or not state.boot:
            return Observed(machine, "stopped", state.boot, state.reboots, msgspec.convert(ended, Ending), 0)
        return Observed(machine, "running", state.boot, state.reboots)

    def stop(self, machine: str, grace: float) -> None:
        """It may be booting meanwhile, by itself or for a driver that was killed: then what came up is stopped too."""
        folder = self._folder(machine)
        while folder.exists():
            state = folder.state()
            if alive(state):
                with suppress(FileNotFoundError):  # it ended by itself just now
                    folder.flag("stopping").touch()
                self._end(folder, state.pid, state.started, _POWEROFF, grace)
                if alive(state):
                    raise Unable(f"machine {machine} does not end, though it was killed")
            with folder.lock():
                if folder.exists() and not folder.pid():
                    if ending.settle(folder) == "reboot":
                        ending.give_up_reboot(folder)
                    return

    def _end(self, folder: Folder, pid: int, started: int, number: int, grace: float) -> None:
        if folder.cgroup().frozen():
            grace = 0.0
        if not self._asked(pid, started, number, grace):
            ending.send(pid, started, signal.SIGKILL)
            if folder.cgroup().frozen():
                self._runc(folder, "resume", folder.id)
            ending.wait_for(pid, started, 30)

    def _asked(self, pid: int, started: int, number: int, grace: float) -> bool:
        """Whether init has ended as it was asked to. It is asked again and again: one that only just begins hears
        nothing yet."""
        while grace > 0:
            ending.send(pid, started, number)
            if ending.wait_for(pid, started, min(grace, ASKED_EVERY)):
                return True
            grace -= ASKED_EVERY
        return False

    def reboot(self, machine: str, grace: float) -> None:
        folder = self._running(machine)
        state = folder.state()
        with suppress(FileNotFoundError):  # it ended by itself just now
            folder.flag("rebooting").touch()
        self._end(folder, state.pid, state.started, _REBOOT, grace)
        with folder.lock():
            again = not folder.pid() and ending.settle(folder) == "reboot"
        if again:
            self._boot(folder, "again")

    def pause(self, machine: str) -> None:
        folder = self._running(machine)
        if not folder.cgroup().frozen():
            self._runc(folder, "pause", folder.id)

    def resume(self, machine: str) -> None:
        folder = self._running(machine)
        if folder.cgroup().frozen():
            self._runc(folder, "resume", folder.id)

    def destroy(self, machine: str) -> None:
        folder = self._folder(machine)
        if not folder.path.exists():
            return
        with folder.lock():
            if folder.exists():
                ending.clear(folder)
            folder.release_base()
            for told in (folder.booted, folder.up):
                told.unlink(missing_ok=True)
            (folder.path / "machine.json").unlink(missing_ok=True)
            shutil.rmtree(folder.path)

    def execute(self, machine: str, command: list[str], input: bytes = b"", timeout: float = 10.0) -> Executed:
        folder = self._running(machine)
        if folder.cgroup().frozen():
            raise Unable(f"machine {machine} is paused")
        with TemporaryDirectory() as place:
            pid_file = Path(place, "pid")
            words = [*bundle.runc(folder), "exec", "--pid-file", str(pid_file), folder.id, *command]
            with subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            ) as running:
                try:
                    output, errors = running.communicate(input, timeout)
                except subprocess.TimeoutExpired:
                    if pid_file.exists():
                        pid = int(pid_file.read_text())
                        ending.send(pid, ending.process_started(pid), signal.SIGKILL)
                    running.kill()
                    running.communicate()
                    raise Unable(f"the command did not end within {timeout:g} s") from None
        if not folder.pid():
            raise Unable(f"machine {machine} does not run")
        return Executed(running.returncode, output, errors)

    def console(self, machine: str, limit: int = 65_536) -> bytes:
        return console.tail(self._folder(machine).console, limit)

    def usage(self, machine: str) -> Usage | None:
        folder = self._folder(machine)
        cgroup = folder.cgroup()
        if not folder.pid():
            return None
        try:
            return Usage(cgroup.cpu_seconds(), cgroup.memory(), *cgroup.disk())
        except (FileNotFoundError, OSError):
            return None  # it ended while we looked

    def watch(self, wake: Callable[[str], None]) -> Callable[[], None]:
        """Its holder writes a file when a machine ends, the boot program when it has booted again, who mounts for
        guests when one says that it is up. Where no machine was ever made there is nothing to watch yet, and nothing is
        made for it."""

        def heard(name: str) -> None:
            machine = name.removesuffix(".booted").removesuffix(".up")
            if (self._home / "machines" / machine / "machine.json").exists():
                wake(machine)

        ends: list[Callable[[], None]] = []

        def start() -> None:
            ends.append(inotify.watch(self._run / "exits", heard))

        with self._watching:
            if (self._run / "exits").is_dir():
                start()
            else:
                self._unwatched.append(start)

        def end() -> None:
            with self._watching:
                if start in self._unwatched:
                    self._unwatched.remove(start)
            for each in ends:
                each()

        return end

    def _start_watches(self, folder: Folder) -> None:
        with self._watching:
            if self._unwatched:
                prepare_run(folder)
                for start in self._unwatched:
                    start()
                self._unwatched.clear()

    def vanish(self) -> None:
        for _ in range(10):
            left = [entry.name for entry in os.scandir(self._home / "machines")] if self._there() else []
            if not left:
                break
            with ThreadPoolExecutor(8) as several:
                list(several.map(self.destroy, left))
        ending.wait_for_holders(self._tag)
        asking.stop(self._tag)
        figures.stop(self._tag)
        mounts.unmount(str(self._run))
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.rmtree(self._home / "machines", ignore_errors=True)
        for log in ("asking.log", "figures.log"):
            (self._home / log).unlink(missing_ok=True)
        cgroups.CGroup(f"pileus-{self._tag}").remove()

    def _there(self) -> bool:
        return (self._home / "machines").is_dir()

    def _folder(self, machine: str) -> Folder:
        return Folder(self._home, self._tag, machine)

    def _running(self, machine: str) -> Folder:
        folder = self._folder(machine)
        if not folder.exists() or not folder.pid():
            raise Unable(f"machine {machine} does not run")
        return folder

    def _runc(self, folder: Folder, *words: str, input: str | None = None) -> None:
        done = subprocess.run([*bundle.runc(folder), *words], input=input, capture_output=True, text=True)
        if done.returncode:
            raise Unable(f"machine {folder.id}: runc {words[0]}: {done.stderr.strip()}")


def _is_there(link: dict[str, str]) -> bool:
    """Whether a machine is plugged in so. Both ends go together, and a guest's root may remove its own."""
    return inside.exists(link["namespace"]) and link["name"] in inside.devices(link["namespace"])
