"""Network namespaces of the host: made, removed, entered.

A namespace is a property of a thread. What must happen inside of one runs on a thread of its own that ends with it, or
in a program that is started there; sockets stay in the namespace they were made in.
"""

import ctypes
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pileus.drivers.api import Unable
from pileus.drivers.programs import found

FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
PATIENCE = 60.0
"""Seconds that a program may take before something is wrong with the host."""

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str, text: str = "") -> str:
    """What the program says. Raises Unable with what it complained about."""
    path = found(command[0])
    if path is None:
        raise Unable(f"the program {command[0]} is not on this host")
    try:
        done = subprocess.run(
            [path, *command[1:]], input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise Unable(f"{' '.join(command)} did not end in {PATIENCE:.0f} seconds") from late
    if done.returncode:
        raise Unable(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def exists(namespace: str) -> bool:
    return (FOLDER / namespace).exists()


def make(namespace: str) -> None:
    """Harmless when it exists. A namespace that was left half made (a file that nothing is mounted on) is made anew."""
    if exists(namespace):
        if (FOLDER / namespace).stat().st_dev != FOLDER.stat().st_dev:
            return
        (FOLDER / namespace).unlink()
    run("ip", "netns", "add", namespace)


def remove(namespace: str) -> None:
    """Harmless when there is none. Its devices go with it."""
    if exists(namespace):
        run("ip", "netns", "delete", namespace)


def named(prefix: str) -> list[str]:
    """The namespaces whose names begin with `prefix`."""
    return sorted(path.name for path in FOLDER.glob("*") if path.name.startswith(prefix)) if FOLDER.exists() else []


def inside(namespace: str, work: Callable[[], T]) -> T:
    """The result of `work`, run on a throw-away thread in the namespace. Raises what it raises, Unable when there is
    no such namespace."""

    def enter() -> T:
        try:
            handle = os.open(FOLDER / namespace, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as missing:
            raise Unable(f"there is no network namespace {namespace}") from missing
        try:
            if _libc.setns(handle, CLONE_NEWNET):
                raise Unable(f"namespace {namespace}: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(handle)
        return work()

    with ThreadPoolExecutor(1, f"in {namespace}") as thread:
        return thread.submit(enter).result()


def devices(namespace: str) -> set[str]:
    """The names of its network devices."""

    def read() -> str:
        return Path("/proc/thread-self/net/dev").read_text()

    return {line.partition(":")[0].strip() for line in inside(namespace, read).splitlines()[2:]}


def unlink(namespace: str, device: str) -> None:
    """Removes a device. Harmless when it is gone: the kernel takes one away by itself, some time after the namespace
    at its other end."""
    if device not in devices(namespace):
        return
    try:
        ip(namespace, [f"link del {device}"])
    except Unable:
        if device in devices(namespace):
            raise


def settings(namespace: str, values: dict[str, str]) -> None:
    """Writes kernel settings: 'ipv4/ip_forward' -> '1'. What this kernel does not have is passed over."""

    def write() -> None:
        for name, value in values.items():
            path = Path("/proc/sys/net") / name
            if path.exists():
                path.write_text(value)

    inside(namespace, write)


def ip(namespace: str, commands: list[str]) -> None:
    """Commands for `ip`, without the word itself, in order."""
    if commands:
        run("ip", "-n", namespace, "-batch", "-", text="\n".join(commands) + "\n")


def nft(namespace: str, text: str) -> None:
    """One transaction: all of it, or nothing and Unable."""
    if text:
        run("nsenter", f"--net={FOLDER / namespace}", "nft", "-f", "-", text=text)


ROUTER = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    **{
        f"ipv4/conf/{which}/{name}": value
        for which in ("all", "default")
        for name, value in {
            "rp_filter": "0",
            "send_redirects": "0",
            "accept_redirects": "0",
            "secure_redirects": "0",
        }.items()
    },
    # As long as AWS keeps them: UDP that was answered more than once.
    "netfilter/nf_conntrack_udp_timeout_stream": "180",
    "netfilter/nf_conntrack_acct": "1",
    "netfilter/nf_conntrack_timestamp": "1",
}
"""Settings of a namespace that routes."""
