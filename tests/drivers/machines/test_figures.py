"""What a guest reads of memory, processors and uptime is its own, and is so again when what says it was killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from pileus.drivers.linux import cgroups
from pileus.drivers.machines import figures
from tests.drivers.machines.test_contract import ready
from tests.drivers.real import MIB, eventually, host, left_on_the_host

HOST_CPUS = len(os.sched_getaffinity(0))
KILOBYTES = "awk '/^MemTotal/ {print $2}' /proc/meminfo"
OWN_TIME = "nsenter --target 1 --time "
"""Commands of the driver's come from outside: they enter the guest's time first, as everything that it starts has."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with host("real", tmp_path_factory.mktemp("figures") / "home") as made:
        if lacks := figures.lacking():
            pytest.skip(f"this host lacks {lacks[0].what}")
        yield made
    assert left_on_the_host(made.home, made.tag) == []


@pytest.fixture(scope="module")
def small(cloud):
    """A machine with half a GiB and one processor, and when its boot was asked for."""
    begun = time.monotonic()
    machine = cloud.started("small", vcpus=1.0, memory=512 * MIB)
    ready(cloud, "small")
    return machine, begun


def pid_of_lxcfs(cloud):
    return int((Path("/run/pileus") / cloud.tag / "figures.pid").read_text())


def kill_lxcfs(cloud):
    os.kill(pid_of_lxcfs(cloud), signal.SIGKILL)
    eventually(lambda: cloud.machines.execute("small", ["cat", "/proc/meminfo"]).status != 0)


def test_a_guest_sees_its_own_memory(cloud, small):
    assert int(cloud.shell("small", KILOBYTES)) == 512 * 1024
    assert cloud.shell("small", "free --mebi | awk '/^Mem/ {print $2}'").strip() == "512"
    assert "Swap:              0" in cloud.shell("small", "free")


def test_a_guest_sees_the_processors_of_its_type(cloud, small):
    for line in ("nproc", "grep -c ^processor /proc/cpuinfo", "getconf _NPROCESSORS_ONLN"):
        assert cloud.shell("small", line).strip() == "1", line


def test_a_guest_sees_no_more_processors_than_there_are(cloud, small):
    cloud.machines.ensure(cloud.machine("small", vcpus=96.0, memory=512 * MIB))
    try:
        for line in ("nproc", "grep -c ^processor /proc/cpuinfo"):
            assert int(cloud.shell("small", line)) == HOST_CPUS, line
    finally:
        cloud.machines.ensure(small[0])
    assert cloud.shell("small", "nproc").strip() == "1"


def test_memory_that_is_changed_is_seen_at_once(cloud, small):
    cloud.machines.ensure(cloud.machine("small", vcpus=1.0, memory=768 * MIB))
    try:
        assert int(cloud.shell("small", KILOBYTES)) == 768 * 1024
    finally:
        cloud.machines.ensure(small[0])


def test_a_guest_is_up_since_its_own_boot(cloud, small):
    up = float(cloud.shell("small", OWN_TIME + "cat /proc/uptime").split()[0])
    assert 0 <= up <= time.monotonic() - small[1] + 1
    first = float(cloud.shell("small", OWN_TIME + "cat /proc/uptime").split()[0])
    cloud.machines.reboot("small", 10)
    ready(cloud, "small")
    assert float(cloud.shell("small", OWN_TIME + "cat /proc/uptime").split()[0]) < first + time.monotonic() - small[1]


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="this kernel has no time namespaces")
def test_how_long_a_process_runs_agrees_with_the_guests_uptime(cloud, small):
    up, ran = cloud.shell("small", OWN_TIME + "sh -c 'cut -d. -f1 /proc/uptime; ps -o etimes= -p 1'").split()
    assert abs(int(up) - int(ran)) <= 2


def test_init_may_not_set_clocks(cloud, small):
    bounding = int(cloud.shell("small", "awk '/^CapBnd/ {print $2}' /proc/1/status"), 16)
    assert not bounding & 1 << 25, "CAP_SYS_TIME"


def test_the_figures_are_there_again_at_the_next_look_after_lxcfs_was_killed(cloud, small):
    # In every view: some services have one of their own (those with a /proc of their own are told of the host).
    line = "for root in /proc/[0-9]*/root; do grep MemTotal $root/proc/meminfo || echo broken; done"
    before = sorted(set(cloud.shell("small", line).splitlines()))
    kill_lxcfs(cloud)
    assert "broken" in cloud.shell("small", line)
    cloud.again().machines.ensure(small[0])
    assert sorted(set(cloud.shell("small", line).splitlines())) == before
    assert cloud.shell("small", "nproc; grep -c ^processor /proc/cpuinfo").split() == ["1", "1"]


def test_what_the_guest_took_away_itself_stays_away(cloud, small):
    cloud.shell("small", "umount /proc/loadavg")
    kill_lxcfs(cloud)
    cloud.machines.ensure(small[0])
    assert "lxcfs" not in cloud.shell("small", "grep ' /proc/loadavg ' /proc/1/mountinfo || true")
    assert int(cloud.shell("small", KILOBYTES)) == 512 * 1024


def test_one_lxcfs_serves_all_machines_and_is_found_again_after_a_restart(cloud, small):
    before = pid_of_lxcfs(cloud)
    again = cloud.again()
    again.machines.ensure(again.machine("other", memory=256 * MIB))
    assert pid_of_lxcfs(cloud) == before
    assert int(cloud.shell("other", KILOBYTES)) == 256 * 1024
    assert int(cloud.shell("small", KILOBYTES)) == 512 * 1024
    cloud.machines.destroy("other")


def test_on_a_host_that_lost_lxcfs_guests_read_the_hosts_figures_and_no_errors(cloud, small, monkeypatch):
    kill_lxcfs(cloud)
    monkeypatch.setattr(figures, "found", lambda program: None)
    cloud.machines.ensure(small[0])
    hosts = Path("/proc/meminfo").read_text().split()[1]
    assert cloud.shell("small", KILOBYTES).strip() == hosts
    assert [lack.what for lack in figures.lacking()] == [
        "the program lxcfs, by which guests see their own memory and processors"
    ]


# Which processors.


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A host with four processors and no machine yet; returns what binds one."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    (tmp_path / "cpuset").mkdir()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-3\n")

    def bind(machine, cpus):
        (tmp_path / "cpuset" / "pileus-t" / machine).mkdir(parents=True)
        (tmp_path / "cpuset" / "pileus-t" / machine / "cpuset.cpus").write_text(f"{cpus}\n")

    return bind


def test_machines_are_spread_over_the_processors(groups):
    chosen = []
    for name in ("a", "b", "c", "d"):
        chosen.append(cgroups.processors(1, name))
        groups(name, chosen[-1])
    assert sorted(chosen) == ["0", "1", "2", "3"]


def test_the_least_used_processors_are_chosen(groups):
    groups("wide", "0-3")
    groups("one", "0")
    groups("two", "2,3")
    assert cgroups.processors(1, "new") == "1"
    assert cgroups.processors(3, "new") == "1,2,3"
    assert cgroups.processors(9, "new") == "0,1,2,3"


def test_a_machine_is_not_in_its_own_way(groups):
    for name, number in (("a", 0), ("b", 1), ("c", 2)):
        groups(name, number)
    groups("mine", "3")
    assert cgroups.processors(1, "mine") == "3"


def test_where_groups_bind_to_no_processors_none_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    assert cgroups.processors(1, "a") == ""
