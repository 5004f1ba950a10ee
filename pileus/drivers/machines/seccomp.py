"""System calls that no guest may make: those that act on the whole kernel, which no namespace holds apart, and those
whose only use in a guest is to attack the kernel. They fail with EPERM, as for a process without the right."""

import platform
from typing import Any

REFUSED = {
    "another kernel": "kexec_load kexec_file_load",
    "kernel modules": "init_module finit_module delete_module create_module query_module get_kernel_syms",
    "programs in the kernel": "bpf",
    "measuring the kernel and other guests": "perf_event_open lookup_dcookie",
    "files by number, past every mount": "open_by_handle_at",
    "the kernel's log": "syslog",
    "the kernel's keyrings, which all guests share": "keyctl add_key request_key",
    "faults handled by hand, which widen races": "userfaultfd",
    "a second way into every system call": "io_uring_setup io_uring_enter io_uring_register",
    "the host's clock": "settimeofday stime clock_settime clock_settime64 clock_adjtime clock_adjtime64",
    "the host's swap, quotas and accounting": "swapon swapoff quotactl quotactl_fd acct",
    "ports and old modes of the processor": "iopl ioperm vm86 vm86old modify_ldt",
    "calls that ended long ago": "_sysctl uselib nfsservctl ustat sysfs bdflush afs_syscall vserver pciconfig_read"
    " pciconfig_write pciconfig_iobase",
}
PASSED_OVER = {"BLKFLSBUF": 0x1261, "BLKBSZSET": 0x4008_1271, "BLKBSZSET, of 32 bits": 0x4004_1271}
"""Requests of ioctl(2) that take the host's rights and are answered as if they were done: in which pieces the kernel
caches a disk, and that it drop that cache. mkfs.xfs gives up without them, though it writes past the cache; what others
write is on the disk after fsync(2), and before the file system on it is mounted."""
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}


def profile() -> dict[str, Any]:
    """For `linux.seccomp` of config.json."""
    names = [name for line in REFUSED.values() for name in line.split()]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES.get(platform.machine(), []),
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            *(_without_effect(request) for request in PASSED_OVER.values()),
        ],
    }


def _without_effect(request: int) -> dict[str, Any]:
    return {
        "names": ["ioctl"],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": 0,
        "args": [{"index": 1, "value": request, "op": "SCMP_CMP_EQ"}],
    }
