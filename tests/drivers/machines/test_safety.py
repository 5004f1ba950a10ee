"""What a guest whose root means harm cannot do to the host or to other guests. Each is tried in a real machine."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pileus.drivers import Unable
from pileus.drivers.linux import cgroups, loops
from pileus.drivers.linux.cgroups import ROOT
from pileus.drivers.volumes.api import Volume
from tests.drivers.machines.test_contract import changed, ready
from tests.drivers.real import GIB, MIB, eventually, host


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with host("real", tmp_path_factory.mktemp("safety")) as made:
        (made.home / "secret").write_text("the host's own")
        yield made


@pytest.fixture(scope="module")
def guest(cloud):
    cloud.started("guest")
    eventually(lambda: cloud.machines.execute("guest", ["test", "-e", "/dev/.pileus/ask"]).status == 0)
    yield "guest"
    cloud.machines.destroy("guest")


@pytest.fixture(scope="module")
def victim(cloud):
    cloud.started("victim")
    cloud.volumes.ensure(Volume("theirs", GIB))
    cloud.volumes.attach("theirs", "victim", "xvdf")
    cloud.shell("victim", "mkfs.ext4 -q /dev/xvdf")
    yield "victim"
    cloud.machines.destroy("victim")


def fails(cloud, machine, line):
    done = cloud.machines.execute(machine, ["sh", "-c", line], timeout=60)
    assert done.status != 0, (line, done)
    return (done.output + done.errors).decode()


def test_it_sees_no_file_of_the_hosts(cloud, guest):
    assert cloud.home.exists()
    fails(cloud, guest, f"test -e {cloud.home}")
    fails(cloud, guest, f"cat /proc/1/root{cloud.home}/secret")
    fails(cloud, guest, f"cat /proc/1/cwd{cloud.home}/secret")
    assert "the host's own" not in cloud.shell(guest, "find / -xdev -name secret -exec cat {} + 2>/dev/null || true")


def test_its_ids_are_no_ids_of_the_hosts(cloud, guest):
    pid = cloud.machines.observe(guest).pid
    assert os.stat(f"/proc/{pid}").st_uid >= 0x1000_0000
    assert cloud.shell(guest, "id -u") == "0\n"


def test_no_two_machines_share_ids(cloud, guest, victim):
    owners = {os.stat(f"/proc/{cloud.machines.observe(name).pid}").st_uid // 65_536 for name in (guest, victim)}
    assert len(owners) == 2


def test_it_sees_no_process_of_the_host_or_of_others(cloud, guest, victim):
    assert len(cloud.shell(guest, "ps ax -o pid").split()) < 60
    assert cloud.shell(guest, "readlink /proc/1/exe") == "/usr/lib/systemd/systemd\n"
    pid = cloud.machines.observe(victim).pid
    fails(cloud, guest, f"test -e /proc/{pid}/mem")


@pytest.mark.parametrize(
    "setting", ["kernel/core_pattern", "kernel/panic", "vm/overcommit_memory", "kernel/threads-max", "fs/file-max"]
)
def test_it_sets_nothing_of_the_kernels(cloud, guest, setting):
    path = Path("/proc/sys", setting)
    before = path.read_text()
    fails(cloud, guest, f"mount -o remount,rw /proc/sys 2>/dev/null; cat {path} > /tmp/was && cat /tmp/was > {path}")
    assert path.read_text() == before


def test_it_loads_no_module_and_reads_no_log_or_memory_of_the_kernels(cloud, guest):
    fails(cloud, guest, "echo b > /proc/sysrq-trigger")
    fails(cloud, guest, "umount /proc/sysrq-trigger; echo b > /proc/sysrq-trigger")
    fails(cloud, guest, "dmesg")
    fails(cloud, guest, "umount /proc/kcore; head -c 1 /proc/kcore | grep -q .")
    call = "import ctypes, sys; sys.exit(ctypes.CDLL(None, use_errno=True).syscall({}, 0, 0, 0) >= 0 or {})"
    # bpf, init_module, kexec_load, perf_event_open, keyctl, open_by_handle_at, userfaultfd, io_uring_setup (x86_64).
    if os.uname().machine == "x86_64":
        for number in (321, 175, 246, 298, 250, 304, 323, 425):
            program = call.format(number, "ctypes.get_errno()")
            assert cloud.machines.execute(guest, ["python3", "-c", program]).status == 1, number


def test_it_makes_no_device(cloud, guest):
    fails(cloud, guest, "mknod /root/disk b 7 0")
    fails(cloud, guest, "mknod /dev/disk b 7 0")
    fails(cloud, guest, "mkdir -p /root/d && mount -t devtmpfs none /root/d")


def test_devices_planted_in_its_root_disk_do_not_open(cloud):
    cloud.started("planted")
    cloud.machines.stop("planted", 0)
    plant(cloud, "root-planted", "/root/disk")
    cloud.machines.ensure(cloud.machine("planted", boot=2))
    assert "b" in cloud.shell("planted", "stat -c %A /root/disk")[0]
    assert "Permission denied" in fails(cloud, "planted", "chmod 666 /root/disk; head -c 1 /root/disk")
    cloud.machines.destroy("planted")


def test_devices_planted_in_another_disk_do_not_open(cloud, guest):
    cloud.volumes.ensure(Volume("carrier", GIB))
    cloud.volumes.attach("carrier", guest, "xvdm")
    cloud.shell(guest, "mkfs.ext4 -q /dev/xvdm")
    plant(cloud, "carrier", "/disk")
    cloud.shell(guest, "mkdir -p /mnt/m && mount -o dev,suid /dev/xvdm /mnt/m")
    assert "Permission denied" in fails(cloud, guest, "head -c 1 /mnt/m/disk")
    cloud.shell(guest, "umount /mnt/m")
    cloud.volumes.detach("carrier")


def plant(cloud, volume, path):
    """A node of the device that holds the pool, with which all disks could be read, as a snapshot might carry it."""
    number = loops.of(cloud.home / "volumes" / "pool.xfs")
    file = cloud.volumes.pool / "volumes" / volume
    name = Path(path)
    commands = f"cd {name.parent}\nmknod {name.name} b 7 {number}\n"
    done = subprocess.run(["debugfs", "-w", str(file)], input=commands, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_links_planted_in_its_root_disk_do_not_lead_the_host_astray(cloud):
    outside = cloud.home / "outside"
    outside.mkdir()
    machine = cloud.started("links")
    aim = f"mkdir -p /planted && ln -s {outside} /planted/folder && ln -s {outside}/file /planted/file"
    cloud.shell("links", f"{aim} && ln -s / /planted/up && sync")
    cloud.machines.stop("links", 0)
    files = {"/planted/folder/file": "a", "/planted/file": "b", "/planted/up/seen": "c", "/planted/new/file": "d"}
    try:
        cloud.machines.ensure(changed(machine, boot=2, files=files))
    except Unable:
        files.pop("/planted/folder/file")
        cloud.machines.ensure(changed(machine, boot=2, files=files))
    assert list(outside.iterdir()) == []
    assert not Path("/seen").exists()
    assert cloud.shell("links", "cat /planted/file /seen /planted/new/file") == "bcd"
    cloud.machines.destroy("links")


def test_it_sees_only_its_own_disks(cloud, guest, victim):
    shown = cloud.shell(guest, "lsblk -n -o NAME; cat /proc/partitions; ls /sys/block /sys/class/block; fdisk -l")
    assert "loop" not in shown
    assert "xvdf" not in shown
    assert "vda" not in shown.replace("xvda", "")
    assert "xvdf" in cloud.shell(victim, "lsblk -n -o NAME; fdisk -l")


def test_it_cannot_ask_for_the_disk_of_another(cloud, guest, victim):
    ask = "mkdir -p /mnt/x && /sbin/mount.ext4 {} /mnt/x"
    assert "no disk of this machine" in fails(cloud, guest, ask.format("/dev/xvdf"))
    assert "no disk of this machine" in fails(cloud, guest, ask.format(f"{cloud.volumes.pool}/volumes/theirs"))
    # Nobody but its root may ask.
    cloud.shell(victim, "mkdir -p /mnt/y && chmod 777 /mnt/y")
    assert "only root" in fails(cloud, victim, "su nobody -s /bin/sh -c '/sbin/mount.ext4 /dev/xvdf /mnt/y'")
    assert "option" in fails(cloud, victim, "mount -o journal_path=/dev/loop0 /dev/xvdf /mnt/y")


def test_a_journal_on_another_device_is_not_followed(cloud, victim):
    line = "debugfs -w -R 'set_super_value journal_dev 0x700' /dev/xvdf && mkdir -p /mnt/z && mount /dev/xvdf /mnt/z"
    assert "journal" in fails(cloud, victim, line)
    cloud.shell(victim, "mkfs.ext4 -q -F /dev/xvdf")


def test_memory_beyond_its_own_is_not_taken(cloud):
    cloud.started("greedy", memory=256 * MIB)
    done = cloud.machines.execute("greedy", ["python3", "-c", "x = b'1' * (1 << 30)"], timeout=60)
    assert done.status != 0
    fails(
        cloud,
        "greedy",
        "for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; do"
        " echo 9999999999 > $f && exit 0; done; exit 1",
    )
    assert cloud.machines.observe("greedy").state == "running"
    cloud.machines.destroy("greedy")


def test_processes_beyond_its_own_are_not_made(cloud):
    cloud.started("many", pids=100)
    ready(cloud, "many")  # an init that cannot fork while it boots gives up
    pid = cloud.machines.observe("many").pid
    bomb = "for i in $(seq 400); do sleep 60 & done; wait"
    with suppress(Unable):  # it did not end in time; a shell that cannot fork gives up, which is as good
        cloud.machines.execute("many", ["sh", "-c", bomb], timeout=3)
    assert os.path.exists(f"/proc/{pid}")
    group = cloud.machines._folder("many").cgroup()
    assert len(group.processes()) <= 100
    cloud.machines.destroy("many")


def test_processor_time_beyond_its_own_is_not_given(cloud):
    cloud.started("busy", vcpus=0.3)
    program = "import time; end = time.monotonic() + 2\nwhile time.monotonic() < end: pass"
    cloud.machines.execute("busy", ["python3", "-c", program], timeout=60)
    used, moment = cloud.machines.usage("busy").cpu_seconds, time.monotonic()
    cloud.machines.execute("busy", ["python3", "-c", program], timeout=60)
    assert cloud.machines.usage("busy").cpu_seconds - used < 0.45 * (time.monotonic() - moment)
    cloud.machines.destroy("busy")


def test_all_machines_together_leave_room_for_the_host(cloud, guest):
    if cgroups.unified():
        memory, pids = ROOT / f"pileus-{cloud.tag}/memory.max", ROOT / f"pileus-{cloud.tag}/pids.max"
    else:
        memory = ROOT / f"memory/pileus-{cloud.tag}/memory.limit_in_bytes"
        pids = ROOT / f"pids/pileus-{cloud.tag}/pids.max"
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < int(memory.read_text()) <= 0.9 * total
    assert 0 < int(pids.read_text()) <= 0.75 * int(Path("/proc/sys/kernel/pid_max").read_text())
