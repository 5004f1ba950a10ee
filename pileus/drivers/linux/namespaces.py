"""Doing something inside another process' namespaces, and making a user namespace. See setns(2), user_namespaces(7)."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from pileus.drivers.linux.calls import libc, tried

MOUNT, NETWORK, USER, PID = 0x0002_0000, 0x4000_0000, 0x1000_0000, 0x2000_0000
_CLONE_FS = 0x200
T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """Runs `work` on a thread that ends afterwards: what it does to its own namespaces, root and ids stays there. What
    it makes may be read by all, whatever this process' umask: it is for guests."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            tried(libc.unshare(_CLONE_FS), "leaving the others' root and umask")
            os.umask(0o022)
            outcome.extend((True, work()))
        except BaseException as error:  # noqa: BLE001 - it is raised again below, by the thread that asked
            outcome.extend((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    good, value = outcome
    if not good:
        raise value
    result: T = value
    return result


def inside(files: dict[str, int], work: Callable[[], T]) -> T:
    """Runs `work` in the namespaces that `files` (path -> kind) stand for."""

    def run() -> T:
        with ExitStack() as stack:
            descriptors = []
            for path, kind in files.items():
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                descriptors.append((descriptor, kind, path))
            for descriptor, kind, path in descriptors:
                tried(libc.setns(descriptor, kind), f"entering {path}")
            return work()

    return aside(run)


def enter(descriptor: int, kind: int) -> None:
    """The calling thread moves into a namespace (only on a thread of `aside`)."""
    tried(libc.setns(descriptor, kind), "entering a namespace")


def in_mounts_of(pid: int, work: Callable[[], T]) -> T:
    return inside({f"/proc/{pid}/ns/mnt": MOUNT}, work)


def as_owner(uid: int) -> None:
    """The calling thread makes files as `uid` from here on (only on a thread of `aside`)."""
    libc.setfsgid(uid)
    libc.setfsuid(uid)


@contextmanager
def user_namespace(base: int, count: int = 65_536) -> Iterator[int]:
    """A new user namespace whose ids 0… are the host's `base`…, as a descriptor. Forks: not for threads."""
    ready, told = os.pipe()
    stay, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(end)
            os.write(told, b"1" if libc.unshare(USER) == 0 else b"0")
            os.read(stay, 1)
        finally:
            os._exit(0)
    os.close(told)
    os.close(stay)
    try:
        if os.read(ready, 1) != b"1":
            raise OSError("this kernel makes no user namespace")
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(f"0 {base} {count}\n")
        descriptor = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.close(end)
        os.waitpid(pid, 0)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
