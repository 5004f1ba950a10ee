"""The program that mounts for guests: a user namespace may not mount a disk's file system, so the guest's `mount` asks.
It also hears when a guest is up.

    python -m pileus.drivers.volumes.asking HOME TAG

It outlives the cloud, as machines do. Who asks is known by the id the kernel vouches for: every machine has ids of its
own. It mounts only disks that are attached to the asking machine, and only into that machine's view. Standard library
only. Answers: {"error": …}, {"said": …} or {}.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pileus.drivers.linux import disks, loops, mounts, namespaces
from pileus.drivers.machines.folder import RUN, Disk, Folder, all_folders

KINDS = {"ext2": "ext4", "ext3": "ext4", "ext4": "ext4", "xfs": "xfs"}
_ATTRIBUTES = {
    "ro": mounts.RDONLY,
    "nosuid": mounts.NOSUID,
    "noexec": mounts.NOEXEC,
    "noatime": mounts.NOATIME,
    "nodiratime": mounts.NODIRATIME,
}
# Those that mean the default, and those that only fstab's readers need.
_IDLE = {"rw", "defaults", "nofail", "auto", "noauto", "_netdev", "relatime", "dev", "nodev", "suid", "exec", "async"}
_IDLE |= {"nouuid", "nouser", "errors=remount-ro"}
_AT_ONCE = 4
_STARTED_WITHIN = 20.0


def folder_of(tag: str) -> Path:
    """Bound into every guest's /dev: the socket in it may be a new one, the folder is not."""
    return RUN / tag / "asked"


def ensure(home: Path, tag: str) -> Path:
    """Has the program run, and returns the folder of its socket. Expects the driver's part of /run."""
    folder = folder_of(tag)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    if _answers(folder / "ask"):
        return folder
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with open(home / "asking.log", "ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "pileus.drivers.volumes.asking", str(home), tag],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    limit = time.monotonic() + _STARTED_WITHIN
    while not _answers(folder / "ask"):
        if time.monotonic() > limit:
            raise OSError(f"the program that mounts for guests does not start: see {home / 'asking.log'}")
        time.sleep(0.01)
    return folder


def stop(tag: str) -> None:
    """Ends it; harmless when it does not run."""
    try:
        pid = int((RUN / tag / "asking.pid").read_text())
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    if b"pileus.drivers.volumes.asking" in words and tag.encode() in words:
        os.kill(pid, 9)
        limit = time.monotonic() + _STARTED_WITHIN
        while time.monotonic() < limit and _runs(pid):
            time.sleep(0.005)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        try:
            line.connect(str(path))
        except OSError:
            return False
    return True


class Server:
    def __init__(self, home: Path, tag: str):
        self.home, self.tag = home, tag
        self._busy: Counter[int] = Counter()
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Until it is killed, or its folder is gone with the cloud it served."""
        alone = open(RUN / self.tag / "asking.lock", "w")  # noqa: SIM115 - held for life
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        (RUN / self.tag / "asking.pid").write_text(str(os.getpid()))
        path = folder_of(self.tag) / "ask"
        path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server.bind(str(path))
        os.chmod(path, 0o666)
        server.listen(64)
        while True:
            connection, _ = server.accept()
            peer = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            with self._lock:
                allowed = self._busy[peer[1]] < _AT_ONCE
                self._busy[peer[1]] += allowed
            if not allowed:
                connection.close()
                continue
            threading.Thread(target=self._talk, args=(connection, peer[0], peer[1]), daemon=True).start()

    def _talk(self, connection: socket.socket, pid: int, uid: int) -> None:
        try:
            with connection:
                connection.settimeout(10)
                heard = connection.recv(65_536)
                if heard:
                    connection.send(json.dumps(self.answer(json.loads(heard), pid, uid)).encode())
        except (OSError, ValueError):
            return  # it went away, or speaks something else
        finally:
            with self._lock:
                self._busy[uid] -= 1

    def answer(self, question: Any, pid: int, uid: int) -> dict[str, str]:
        folder = next((one for one in all_folders(self.home, self.tag) if _base(one) == uid), None)
        if folder is None:
            return {"error": "only root may do that"}
        if not isinstance(question, dict) or not all(isinstance(value, str) for value in question.values()):
            return {"error": "that is no question"}
        if question.get("ask") == "up":
            if not folder.up.exists():  # said once a boot: whoever watches is not woken again and again
                folder.up.touch()
            return {}
        device, target = question.get("device", ""), question.get("target", "")
        disk = next((one for one in folder.disks() if f"/dev/{one.device}" == device), None)
        if disk is None:
            return {"error": f"{device} is no disk of this machine"}
        if not target.startswith("/") or "\0" in target:
            return {"error": f"{target} is no folder"}
        init = folder.pid()
        try:
            # The asker's own view if it is a process of that machine still, as it is unless it has gone away.
            same = os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat(f"/proc/{init}/ns/pid").st_ino
            view = pid if same else init
            if question.get("ask") == "mount":
                return _mount(folder, disk, init, view, question)
            if question.get("ask") == "grow":
                return _grow(disk, view, question)
        except OSError as error:
            return {"error": error.strerror or str(error)}
        return {"error": "that is no question"}


def _base(folder: Folder) -> int:
    try:
        return int((folder.run / "base").read_text())
    except (FileNotFoundError, ValueError):
        return -1


def _mount(folder: Folder, disk: Disk, init: int, view: int, question: dict[str, str]) -> dict[str, str]:
    kind = KINDS.get(question.get("type", ""))
    if kind is None:
        return {"error": f"unknown filesystem type '{question.get('type', '')}'"}
    attributes, options = mounts.NODEV, list(disks.EXT4_OPTIONS if kind == "ext4" else disks.XFS_OPTIONS)
    for option in filter(None, question.get("options", "").split(",")):
        if option in _ATTRIBUTES:
            attributes |= _ATTRIBUTES[option]
        elif option not in _IDLE and not option.startswith(("x-", "comment=")):
            return {"error": f"the host does not mount with option {option}"}
    if attributes & mounts.RDONLY:
        options.append("ro")
    if kind == "ext4":
        disks.check_ext4(f"/dev/loop{loops.of(Path(disk.path))}")
    users, place = (os.open(path, os.O_RDONLY) for path in (f"/proc/{init}/ns/user", f"/proc/{view}/ns/mnt"))

    def work() -> None:
        os.chroot(folder.run)
        with mounts.filesystem(kind, f"/dev/{disk.device}", options, attributes) as mount:
            mounts.idmap(mount, users)
            namespaces.enter(place, namespaces.MOUNT)
            mounts.move(mount, question["target"])

    try:
        namespaces.aside(work)
    finally:
        os.close(users)
        os.close(place)
    return {}


def _grow(disk: Disk, view: int, question: dict[str, str]) -> dict[str, str]:
    number = loops.of(Path(disk.path))
    if number is None:
        return {"error": f"{question['device']} is not there"}
    size = os.stat(disk.path).st_size
    place = os.open(f"/proc/{view}/ns/mnt", os.O_RDONLY)

    def work() -> bool:
        namespaces.enter(place, namespaces.MOUNT)
        folder = os.open(question["target"], os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(folder).st_dev != os.makedev(loops.MAJOR, number):
                raise OSError(f"{question['device']} is not mounted at {question['target']}")
            grow = disks.grow_xfs if question.get("type") == "xfs" else disks.grow_ext4
            return grow(folder, size)
        finally:
            os.close(folder)

    try:
        grown = namespaces.aside(work)
    except PermissionError:
        return {"error": "this host may not enlarge a mounted file system of that type; unmount it first"}
    finally:
        os.close(place)
    return {"said": f"The filesystem on {question['device']} fills its disk{' now' if grown else ' already'}."}


if __name__ == "__main__":
    Server(Path(sys.argv[1]), sys.argv[2]).serve()
