"""The boot program: brings a machine from its folder to a running init, and puts away what is left when it ended.

    python -m pileus.drivers.machines.boot (boot|ended) HOME TAG MACHINE

`boot` is run by the driver; `ended` by conmon, the machine's holder, when init has ended: after a reboot inside the
guest it boots again, though the cloud may be down. Each takes the machine's lock. Standard library only.
"""

import fcntl
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pileus.drivers.linux import cgroups, disks, loops, mounts, namespaces
from pileus.drivers.machines import bundle, devices, figures
from pileus.drivers.machines.ending import clear, settle
from pileus.drivers.machines.folder import RUN, Folder, State, alive, host_boot, process_started
from pileus.drivers.networks import plugging
from pileus.drivers.volumes import asking

CONSOLE_MAX = 4 * 1024 * 1024
_CREATED_WITHIN = 60.0
_LEFT_WITHIN = 10.0


def boot(folder: Folder, again: bool) -> None:
    """Expects the lock. Raises OSError; then nothing of this boot is left."""
    state = folder.state()
    if alive(state) and (again or state.boot >= folder.spec()["boot"]):
        return
    clear(folder)
    prepare_run(folder)
    try:
        state = _boot(folder, again)
    except (OSError, subprocess.CalledProcessError):
        clear(folder)
        raise
    folder.save_state(state)
    folder.booted.write_text(str(state.reboots))


def _boot(folder: Folder, again: bool) -> State:
    spec = folder.spec()
    base = folder.base()
    folder.run.mkdir(mode=0o710)
    os.chown(folder.run, 0, base)
    for path in (folder.root, folder.devices):
        path.mkdir()
    (folder.run / "base").write_text(str(base))
    _mount_root(folder, spec, base, {} if again else spec["files"])
    (folder.run / "config.json").write_text(json.dumps(bundle.config(folder, spec, base)))
    cgroups.bound(Path(folder.cgroup_path).parent.name)
    folder.up.unlink(missing_ok=True)
    pid = _create(folder)
    started = process_started(pid)
    folder.cgroup().hand_over(base)
    devices.hide_the_hosts(folder, pid)
    try:
        figures.show(folder, pid)
    except OSError as error:  # a machine that is told of the host runs; one that waits for lxcfs does not
        _note(folder, f"it sees the host's figures until its next boot: {error}")
    with mounts.clone(str(asking.ensure(folder.home, folder.tag))) as mount:
        mounts.attributes(mount, given=mounts.RDONLY | mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)
        devices.move_in(pid, base, mount, f"/dev/{devices.ASKED}", is_folder=True)
    for disk in folder.disks():
        devices.plug(folder, pid, disk, base)
    for link in spec["links"]:
        plugging.plug(plugging.read(link), pid)
    (folder.run / "plugged.json").write_text(json.dumps(spec["links"]))
    _run([*bundle.runc(folder), "start", folder.id])
    reboots = folder.state().reboots + 1 if again else 0
    return State(boot=spec["boot"], reboots=reboots, pid=pid, started=started, uptime_of=host_boot())


def prepare_run(folder: Folder) -> None:
    """The driver's part of /run: a file system of its own, for that of /run may allow no device nodes."""
    RUN.mkdir(exist_ok=True)
    RUN.chmod(0o711)
    with open(RUN / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        here = folder.driver_run
        here.mkdir(mode=0o711, exist_ok=True)
        if not os.path.ismount(here):
            options = ["mode=0711", "size=64m"]
            with mounts.filesystem("tmpfs", "pileus", options, mounts.NOSUID | mounts.NOEXEC) as mount:
                mounts.move(mount, str(here))
        for path in (here / "m", folder.exits, here / "runc"):
            path.mkdir(exist_ok=True)
            path.chmod(0o711)


def _mount_root(folder: Folder, spec: dict[str, Any], base: int, files: dict[str, str]) -> None:
    path = folder.root_disk()
    if not path.exists():
        raise OSError(f"there is no volume {spec['root']} for the root disk of {folder.id}, or its key was not given")
    loops.wait_for_end(path, _LEFT_WITHIN)
    disks.check_ext4(path)
    number, opened = loops.attach(path, autoclear=True)
    try:
        made = devices.node(folder, devices.ROOT_DEVICE, number, 0, 0)
        made.chmod(0o600)
        disks.fill_ext4(str(made), path.stat().st_size)
        with _root_filesystem(folder) as mount:
            for name, text in files.items():
                _write(mount, name, text.encode())
            with namespaces.user_namespace(base) as users:
                mounts.idmap(mount, users)
            mounts.move(mount, str(folder.root))
    finally:
        os.close(opened)


@contextmanager
def _root_filesystem(folder: Folder) -> Iterator[int]:
    """Its source is called as the guest knows it: /proc/mounts of the guest shows the name."""
    outer = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.chroot(folder.run)
    try:
        with mounts.filesystem("ext4", f"/dev/{devices.ROOT_DEVICE}", disks.EXT4_OPTIONS, mounts.NODEV) as mount:
            os.fchdir(outer)
            os.chroot(".")
            yield mount
    finally:
        os.fchdir(outer)
        os.chroot(".")
        os.close(outer)


def _write(root: int, name: str, content: bytes) -> None:
    """Writes into a disk that a guest had before: no link in it leads out, nothing but a plain file is opened."""
    folder, _, leaf = name.rpartition("/")
    at = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
    for part in filter(None, folder.split("/")):
        try:
            below = mounts.open_inside(at, part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            os.mkdir(part, 0o755, dir_fd=at)
            below = mounts.open_inside(at, part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            # A link, as Debian's /bin is one: followed, but never out of the disk.
            os.close(at)
            at = mounts.open_inside(root, folder, os.O_RDONLY | os.O_DIRECTORY)
            break
        os.close(at)
        at = below
    try:
        new = f".{leaf}.pileus"
        with suppress(FileNotFoundError):
            os.unlink(new, dir_fd=at)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=at)
        try:
            os.fchmod(file, 0o644)
            while content:
                content = content[os.write(file, content) :]
        finally:
            os.close(file)
        os.rename(new, leaf, src_dir_fd=at, dst_dir_fd=at)
    finally:
        os.close(at)


def _create(folder: Folder) -> int:
    """Has conmon make the machine's namespaces and hold its init, which waits for `runc start`. Returns init's pid."""
    program = [sys.executable, "-m", "pileus.drivers.machines.boot", "ended", str(folder.home), folder.tag, folder.id]
    command = ["conmon", "--api-version", "1", "-c", folder.id, "-u", folder.id, "-r", bundle.program("runc")]
    command += ["--runtime-arg", "--root", "--runtime-arg", str(folder.driver_run / "runc")]
    command += [
        "-b",
        str(folder.run),
        "-p",
        str(folder.run / "pid"),
        "--conmon-pidfile",
        str(folder.run / "conmon.pid"),
    ]
    command += ["-l", f"k8s-file:{folder.console}", "--log-size-max", str(CONSOLE_MAX), "--log-level", "error", "-t"]
    command += ["--exit-dir", str(folder.exits), "--socket-dir-path", str(folder.run), "--full-attach"]
    command += ["--exit-command", program[0]]
    for word in program[1:]:
        command += ["--exit-command-arg", word]
    told, telling = os.pipe()
    with open(folder.path / "boot.log", "ab") as log:
        holder = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[telling],
            env={**os.environ, "_OCI_SYNCPIPE": str(telling), "PYTHONPATH": _import_path()},
            cwd="/",
            start_new_session=True,
        )
    os.close(telling)
    with open(told, "rb") as answer:
        ready, _, _ = select.select([answer], [], [], _CREATED_WITHIN)
        line = answer.readline() if ready else b""
    holder.wait()
    said = json.loads(line or b'{"data": -1, "message": "conmon ended without a word"}')
    pid = int(said.get("data", said.get("pid", -1)))
    if pid <= 0:
        raise OSError(f"runc did not make the machine: {said.get('message', '').strip() or _last_lines(folder)}")
    return pid


def _import_path() -> str:
    """The exit command finds this package as this process did."""
    return str(Path(__file__).parents[3])


def _note(folder: Folder, line: str) -> None:
    with open(folder.path / "boot.log", "a") as log:
        log.write(f"{line}\n")


def _last_lines(folder: Folder) -> str:
    return "; ".join((folder.path / "boot.log").read_text(errors="replace").splitlines()[-5:])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def ended(folder: Folder) -> None:
    """What conmon runs: boots again what rebooted, else puts away what is left."""
    if not folder.exists():
        return
    with folder.lock():
        if folder.exists() and settle(folder) == "reboot":
            try:
                boot(folder, again=True)
            except (OSError, subprocess.CalledProcessError) as error:
                _note(folder, f"it could not boot again: {error}")
                state = folder.state()
                state.ended = "unknown"
                folder.save_state(state)


def main(arguments: list[str]) -> int:
    os.umask(0o022)  # the cloud's own is narrower: guests must find their way to their disks
    what, home, tag, machine = arguments
    folder = Folder(Path(home), tag, machine)
    if what == "ended":
        ended(folder)
        return 0
    try:
        with folder.lock():
            boot(folder, again=what == "again")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
