"""What every driver of machines promises, asked of machines in memory and of real ones."""

import time

import pytest

from pileus.drivers import Unable
from pileus.drivers.machines.api import Machine
from pileus.drivers.volumes.api import Volume
from tests.drivers.real import GIB, MIB, eventually, host


@pytest.fixture(scope="module", params=["fake", "real"])
def cloud(request, tmp_path_factory):
    with host(request.param, tmp_path_factory.mktemp("machines")) as made:
        yield made


@pytest.fixture(scope="module")
def one(cloud):
    """A machine that runs, for tests that leave it running."""
    machine = cloud.started("one", files={"/etc/told/by-host": "hello"})
    yield machine
    cloud.machines.destroy("one")


def ready(cloud, name):
    """Its init listens to signals."""
    if cloud.real:
        line = "systemctl is-system-running --wait; true"
        eventually(lambda: "running" in cloud.shell(name, line) or "degraded" in cloud.shell(name, line))


def changed(machine: Machine, **changes):
    fields = {field: getattr(machine, field) for field in machine.__struct_fields__}
    return Machine(**{**fields, **changes})


def test_a_host_has_room_for_some_machines(cloud):
    assert cloud.machines.most() > 10


def test_nobody_knows_a_machine_that_was_never_made(cloud):
    assert cloud.machines.observe("nobody").state == "absent"
    cloud.machines.stop("nobody", 0)
    cloud.machines.destroy("nobody")
    assert cloud.machines.usage("nobody") is None
    assert cloud.machines.console("nobody") == b""
    with pytest.raises(Unable):
        cloud.machines.execute("nobody", ["true"])


def test_a_machine_runs_once_it_is_ensured(cloud, one):
    seen = cloud.machines.observe("one")
    assert (seen.state, seen.boot, seen.ended) == ("running", 1, "")
    assert seen.pid > 0
    assert "one" in cloud.machines.ids()


def test_ensuring_it_again_does_not_boot_it_again(cloud, one):
    before = cloud.machines.observe("one")
    cloud.machines.ensure(one)
    assert cloud.machines.observe("one") == before


def test_commands_run_in_it(cloud, one):
    assert cloud.machines.execute("one", ["cat"], b"in and out").output == b"in and out"
    assert cloud.machines.execute("one", ["false"]).status == 1
    assert cloud.machines.execute("one", ["hostname"]).output == b"host-one\n"


def test_a_command_that_takes_too_long_is_killed(cloud, one):
    with pytest.raises(Unable):
        cloud.machines.execute("one", ["sleep", "777"], timeout=1)
    if cloud.real:
        assert "sleep 777" not in cloud.shell("one", "ps ax -o args | grep -v grep || true")


def test_files_are_there_before_it_boots(cloud, one):
    assert cloud.machines.execute("one", ["cat", "/etc/told/by-host"]).output == b"hello"


def test_it_writes_to_its_console(cloud, one):
    eventually(lambda: b"login:" in cloud.machines.console("one"))
    assert len(cloud.machines.console("one", 20)) <= 20


def test_its_use_is_counted(cloud, one):
    usage = cloud.machines.usage("one")
    assert usage.cpu_seconds > 0
    assert usage.memory > MIB


def test_it_can_be_paused(cloud, one):
    cloud.machines.pause("one")
    cloud.machines.pause("one")
    assert cloud.machines.observe("one").state == "paused"
    cloud.machines.resume("one")
    cloud.machines.resume("one")
    assert cloud.machines.observe("one").state == "running"
    assert cloud.machines.execute("one", ["true"]).status == 0


def test_its_limits_change_while_it_runs(cloud, one):
    before = cloud.machines.observe("one")
    cloud.machines.ensure(changed(one, vcpus=0.5, memory=256 * MIB, pids=300))
    assert cloud.machines.observe("one") == before
    cloud.machines.ensure(one)


def test_it_needs_a_root_disk(cloud):
    with pytest.raises(Unable):
        cloud.machines.ensure(Machine("rootless", 1, "no-such-volume", "x", 1.0, 512 * MIB))
    cloud.machines.destroy("rootless")


def test_a_life_reboot_stop_start_poweroff(cloud):
    machine = cloud.started("life", files={"/etc/told/by-host": "first"})
    woken = []
    end = cloud.machines.watch(woken.append)
    try:
        ready(cloud, "life")
        cloud.machines.reboot("life", 60)
        seen = cloud.machines.observe("life")
        assert (seen.state, seen.boot, seen.reboots) == ("running", 1, 1)

        if cloud.real:
            ready(cloud, "life")
            cloud.machines.execute("life", ["sh", "-c", "echo kept > /root/kept; systemctl reboot"])
        else:
            cloud.machines.guest_reboots("life")
        eventually(lambda: cloud.machines.observe("life").reboots == 2)
        eventually(lambda: "life" in woken)
        assert cloud.machines.observe("life").state == "running"

        ready(cloud, "life")
        cloud.machines.stop("life", 60)
        seen = cloud.machines.observe("life")
        assert (seen.state, seen.ended, seen.pid) == ("stopped", "stopped", 0)
        cloud.machines.stop("life", 60)
        cloud.machines.ensure(machine)
        assert cloud.machines.observe("life").state == "stopped"
        assert "life" in cloud.machines.ids()
        if cloud.real:
            assert cloud.machines.console("life").count(b"running in system mode") == 3
        else:
            assert cloud.machines.console("life").count(b"login:") == 3
        with pytest.raises(Unable):
            cloud.machines.execute("life", ["true"])

        cloud.machines.ensure(changed(machine, boot=2, files={"/etc/told/by-host": "second"}))
        seen = cloud.machines.observe("life")
        assert (seen.state, seen.boot, seen.reboots, seen.ended) == ("running", 2, 0, "")
        assert cloud.machines.execute("life", ["cat", "/etc/told/by-host"]).output == b"second"
        if cloud.real:
            assert cloud.shell("life", "cat /root/kept") == "kept\n"

        woken.clear()
        if cloud.real:
            ready(cloud, "life")
            cloud.machines.execute("life", ["systemctl", "poweroff"])
        else:
            cloud.machines.guest_powers_off("life")
        eventually(lambda: cloud.machines.observe("life").state == "stopped")
        assert cloud.machines.observe("life").ended == "poweroff"
        eventually(lambda: "life" in woken)
        cloud.machines.ensure(changed(machine, boot=2))
        assert cloud.machines.observe("life").state == "stopped"
    finally:
        end()
        end()
    cloud.machines.destroy("life")
    assert cloud.machines.observe("life").state == "absent"
    assert "life" not in cloud.machines.ids()
    assert cloud.volumes.observe("root-life").machine == ""
    cloud.volumes.destroy("root-life")


def test_a_machine_that_does_not_obey_is_killed(cloud):
    cloud.started("deaf")
    started = time.monotonic()
    cloud.machines.stop("deaf", 0)
    assert time.monotonic() - started < 30
    assert cloud.machines.observe("deaf").state == "stopped"
    cloud.machines.destroy("deaf")
    cloud.volumes.destroy("root-deaf")


def test_destroying_a_running_machine_frees_its_disks(cloud):
    cloud.started("short")
    cloud.volumes.ensure(Volume("extra", GIB))
    cloud.volumes.attach("extra", "short", "xvdf")
    cloud.machines.destroy("short")
    assert cloud.volumes.observe("extra").machine == ""
    cloud.volumes.destroy("extra")
    cloud.volumes.destroy("root-short")
    assert "root-short" not in cloud.volumes.ids()


def test_a_machine_says_when_it_is_up(cloud):
    machine = cloud.started("says")
    eventually(lambda: cloud.machines.observe("says").up)
    cloud.machines.stop("says", 0)
    assert not cloud.machines.observe("says").up
    cloud.machines.ensure(changed(machine, boot=2))
    eventually(lambda: cloud.machines.observe("says").up)
    cloud.machines.destroy("says")
    assert not cloud.machines.observe("says").up


def test_a_host_lets_some_machines_boot_at_once(cloud):
    assert cloud.machines.boots_at_once() >= 2
