"""config.json of a machine: how runc is to make its namespaces, limits and mounts (OCI runtime specification 1.0)."""

import json
import os
import resource
import shutil
from math import ceil
from pathlib import Path
from typing import Any

from pileus.drivers.linux import cgroups, loops
from pileus.drivers.machines import figures, seccomp
from pileus.drivers.machines.folder import Folder

# Everything that acts on what the user namespace owns. Not among them: SYS_MODULE, SYS_RAWIO, SYSLOG, BPF,
# PERFMON, which act on the kernel as a whole.
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "SETFCAP",
        "AUDIT_CONTROL",
        "SYS_TIME",  # of its own time namespace; init has it no longer
    )
]
PERIOD = 100_000
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# null, zero, full, random, urandom, tty, ptmx, and the terminals of devpts.
_NODES = [("c", 1, 3), ("c", 1, 5), ("c", 1, 7), ("c", 1, 8), ("c", 1, 9), ("c", 5, 0), ("c", 5, 2), ("c", 136, None)]


def limits(spec: dict[str, Any]) -> dict[str, Any]:
    """Programs count processors by where they may run, so a machine with fewer than the host has is bound to some."""
    cpu: dict[str, Any] = {"quota": max(1_000, int(spec["vcpus"] * PERIOD)), "period": PERIOD}
    if cpus := cgroups.processors(ceil(spec["vcpus"]), spec["id"]):
        cpu["cpus"] = cpus
    return {
        "cpu": cpu,
        "memory": {"limit": spec["memory"]},
        "pids": {"limit": spec["pids"]},
    }


def config(folder: Folder, spec: dict[str, Any], base: int) -> dict[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ids = [{"containerID": 0, "hostID": base, "size": 65_536}]
    files = {"type": "RLIMIT_NOFILE", "soft": min(1_024, soft), "hard": min(hard, 1_048_576)}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": figures.init(folder.root),
            "env": [PATH, "container=oci", "TERM=linux", "LANG=C.UTF-8"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            "rlimits": [files, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
            "noNewPrivileges": False,
        },
        "root": {"path": str(folder.root), "readonly": False},
        "hostname": spec["hostname"],
        "mounts": _mounts(),
        "linux": {
            "cgroupsPath": f"/{folder.cgroup_path}",
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup", "network", "user")],
            "uidMappings": ids,
            "gidMappings": ids,
            "resources": {"devices": _devices(), **limits(spec)},
            "seccomp": seccomp.profile(),
            "maskedPaths": [
                f"/proc/{name}"
                for name in (
                    "kcore",
                    "keys",
                    "key-users",
                    "sysrq-trigger",
                    "timer_list",
                    "sched_debug",
                    "latency_stats",
                )
            ]
            + ["/proc/diskstats", "/proc/scsi", "/proc/acpi", "/proc/kmsg", "/sys/firmware", "/sys/kernel/debug"],
            "readonlyPaths": [],
        },
    }


def _devices() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}]
    for kind, major, minor in _NODES:
        rule = {"allow": True, "type": kind, "major": major, "access": "rwm"}
        rules.append(rule if minor is None else {**rule, "minor": minor})
    # Its disks come and go, and groups that its init made earlier would not learn of a later rule: which devices it can
    # open is decided by the nodes it is given. It can make none itself, and none on its disks opens (nodev).
    rules.append({"allow": True, "type": "b", "major": loops.MAJOR, "access": "rw"})
    return rules


def _mounts() -> list[dict[str, Any]]:
    def mount(destination: str, kind: str, *options: str) -> dict[str, Any]:
        return {"destination": destination, "type": kind, "source": kind, "options": list(options)}

    hidden = ("nosuid", "noexec", "nodev")
    group = "cgroup2" if cgroups.unified() else "cgroup"
    return [
        mount("/proc", "proc", *hidden),
        mount("/dev", "tmpfs", "nosuid", "mode=755", "size=64k"),
        mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        mount("/dev/shm", "tmpfs", "nosuid", "nodev", "mode=1777"),
        mount("/dev/mqueue", "mqueue", *hidden),
        mount("/sys", "sysfs", *hidden, "ro"),
        mount("/run", "tmpfs", "nosuid", "nodev", "mode=755", "size=64m"),
        mount("/run/lock", "tmpfs", "nosuid", "nodev", "mode=1777", "size=5m"),
        mount("/sys/fs/cgroup", group, *hidden, "rw"),
    ]


def program(name: str) -> str:
    """Where a program of the host's is."""
    path = shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    )
    if path is None:
        raise OSError(f"the program {name} is missing")
    return path


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def runc(folder: Folder) -> list[str]:
    """The command that acts on this driver's machines, to be continued."""
    return [program("runc"), "--root", os.fspath(folder.driver_run / "runc")]
