"""Machines outlive who started them, and nothing of them outlives `vanish`."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pileus.drivers.api import Busy
from pileus.drivers.linux import loops, mounts
from pileus.drivers.linux.cgroups import CGroup
from pileus.drivers.machines import devices
from pileus.drivers.volumes.api import Volume
from pileus.drivers.volumes.pool import PoolVolumes
from tests.drivers.machines.test_contract import ready
from tests.drivers.real import GIB, eventually, host, left_on_the_host

STARTER = """
import sys, time
from pathlib import Path
from pileus.drivers.machines.api import Machine
from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.volumes.api import Volume
from pileus.drivers.volumes.pool import PoolVolumes
home, tag = Path(sys.argv[1]), sys.argv[2]
machines, volumes = RuncMachines(home, tag), PoolVolumes(home, tag)
machines.ensure(Machine("orphan", 1, "root-orphan", "host-orphan", 1.0, 512 << 20))
volumes.attach("extra", "orphan", "xvdf")
print("up", flush=True)
time.sleep(600)
"""


@contextmanager
def dying(monkeypatch, place):
    """Whoever comes to `place` (module or class, name) is killed there."""

    class Died(Exception):
        pass

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(*place, die)
        with pytest.raises(Died):
            yield


@pytest.fixture
def cloud(tmp_path):
    with host("real", tmp_path / "home") as made:
        yield made
    assert left_on_the_host(made.home, made.tag) == []


def test_a_machine_lives_when_its_starter_is_killed_and_is_found_again(cloud):
    cloud.machine("orphan")
    cloud.volumes.ensure(Volume("extra", GIB))
    command = [sys.executable, "-c", STARTER, str(cloud.home), cloud.tag]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert starter.stdout.readline() == b"up\n"
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    again = cloud.again()
    seen = again.machines.observe("orphan")
    assert (seen.state, seen.boot) == ("running", 1)
    assert again.machines.ids() == ["orphan"]
    assert again.volumes.observe("extra").machine == "orphan"
    again.shell("orphan", "mkfs.ext4 -q /dev/xvdf && mkdir -p /mnt/d && mount /dev/xvdf /mnt/d && echo data > /mnt/d/x")
    with pytest.raises(Busy):
        again.volumes.detach("extra")
    again.machines.ensure(again.machine("orphan"))
    assert again.machines.observe("orphan").pid == seen.pid

    # A guest that boots itself again while nobody looks is running again with all its disks.
    again.shell("orphan", "systemctl is-system-running --wait || true; sync")
    again.machines.execute("orphan", ["systemctl", "reboot"])
    eventually(lambda: again.machines.observe("orphan").reboots == 1)
    again.shell("orphan", "mkdir -p /mnt/d && mount /dev/xvdf /mnt/d && grep data /mnt/d/x")


def test_a_machine_whose_init_is_killed_from_outside_is_known_to_have_been(cloud):
    cloud.started("killed")
    os.kill(cloud.machines.observe("killed").pid, signal.SIGKILL)
    eventually(lambda: cloud.machines.observe("killed").state == "stopped")
    assert cloud.machines.observe("killed").ended == "killed"
    cloud.machines.ensure(cloud.machine("killed", boot=2))
    assert cloud.machines.observe("killed").state == "running"


def test_a_machine_whose_holder_is_killed_can_be_stopped_and_started(cloud):
    cloud.started("unheld")
    holder = int((Path("/run/pileus") / cloud.tag / "m" / "unheld" / "conmon.pid").read_text())
    os.kill(holder, signal.SIGKILL)
    assert cloud.machines.observe("unheld").state == "running"
    cloud.machines.stop("unheld", 0)
    assert cloud.machines.observe("unheld").state == "stopped"
    cloud.machines.ensure(cloud.machine("unheld", boot=2))
    assert cloud.machines.observe("unheld").state == "running"


def test_a_machine_whose_holder_is_killed_while_it_boots_comes_up_after_the_next_look(cloud):
    machine = cloud.machine("unheld")
    cloud.machines.ensure(machine)
    holder = int((Path("/run/pileus") / cloud.tag / "m" / "unheld" / "conmon.pid").read_text())
    os.kill(holder, signal.SIGKILL)
    for _ in range(2):
        cloud.machines.ensure(machine)
    eventually(lambda: cloud.shell("unheld", "ss -Hltn sport = :22"))
    assert cloud.machines.observe("unheld").reboots == 0


def test_a_machine_that_is_stopped_while_it_boots_itself_again_is_off(cloud):
    cloud.started("again")
    ready(cloud, "again")
    cloud.machines.execute("again", ["systemctl", "reboot", "--no-block"])
    # It has ended, what is left of it was put away, and the next boot has begun.
    eventually(lambda: not (Path("/run/pileus") / cloud.tag / "m" / "again" / "plugged.json").exists())
    cloud.machines.stop("again", 30)
    seen = cloud.machines.observe("again")
    assert (seen.state, seen.ended) == ("stopped", "stopped")


def test_a_machine_that_is_stopped_while_a_boot_goes_on_whose_starter_was_killed_is_off(cloud):
    cloud.machine("cut")
    starter = subprocess.Popen([sys.executable, "-c", BOOT, str(cloud.home), cloud.tag], start_new_session=True)
    eventually(lambda: (Path("/run/pileus") / cloud.tag / "m" / "cut").exists())
    starter.kill()
    starter.wait()
    cloud.again().machines.stop("cut", 0)
    assert cloud.machines.observe("cut").state == "stopped"


def test_a_root_disk_is_never_mounted_twice_though_somebody_still_uses_the_old_mount(cloud):
    cloud.started("twice")
    disk = str(cloud.volumes.pool / "volumes" / "root-twice")
    root = Path("/run/pileus") / cloud.tag / "m" / "twice" / "root"
    seer = subprocess.Popen(["sh", "-c", "echo; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
    try:
        seer.stdout.readline()
        cloud.machines.stop("twice", 0)
        with ThreadPoolExecutor(1) as other:
            boots = other.submit(cloud.machines.ensure, cloud.machine("twice", boot=2))
            eventually(lambda: (Path("/run/pileus") / cloud.tag / "m" / "twice" / "dev").exists())
            assert [file for _, file in loops.used()].count(disk) == 1
            assert not boots.done()
            seer.communicate(b"\n")
            boots.result()
    finally:
        seer.kill()
        seer.wait()
    assert [file for _, file in loops.used()].count(disk) == 1
    assert cloud.machines.observe("twice").state == "running"


@pytest.mark.parametrize("place", [(mounts, "unmount"), (loops, "clear"), (CGroup, "remove"), (devices, "remove")])
def test_what_a_machine_leaves_is_put_away_though_who_began_to_was_killed(cloud, monkeypatch, place):
    cloud.started("ended")
    cloud.volumes.ensure(Volume("extra", GIB))
    cloud.volumes.attach("extra", "ended", "xvdf")
    os.kill(int((Path("/run/pileus") / cloud.tag / "m" / "ended" / "conmon.pid").read_text()), signal.SIGKILL)

    with dying(monkeypatch, place):
        cloud.machines.stop("ended", 0)
    cloud.again().machines.stop("ended", 0)
    assert [file for _, file in loops.used() if file.endswith(("/extra", "/root-ended"))] == []
    assert not (Path("/run/pileus") / cloud.tag / "m" / "ended").exists()
    assert cloud.machines.observe("ended").state == "stopped"


@pytest.mark.parametrize("place", [(devices, "take_out"), (loops, "clear"), (devices, "show"), (PoolVolumes, "_save")])
def test_a_detachment_that_is_cut_short_anywhere_is_completed_by_the_next(cloud, monkeypatch, place):
    cloud.started("has")
    cloud.volumes.ensure(Volume("extra", GIB))
    cloud.volumes.attach("extra", "has", "xvdf")

    with dying(monkeypatch, place):
        cloud.volumes.detach("extra")
    again = cloud.again()
    again.volumes.detach("extra")
    assert again.volumes.observe("extra").machine == ""
    assert [file for _, file in loops.used() if file.endswith("/extra")] == []
    assert again.machines.execute("has", ["ls", "/dev/xvdf"]).status != 0
    again.volumes.attach("extra", "has", "xvdg")
    again.shell("has", "mkfs.ext4 -q /dev/xvdg")


def test_guests_mount_again_after_the_program_that_mounts_was_killed(cloud):
    cloud.started("asks")
    ready(cloud, "asks")  # services that start now would keep what is mounted now in views of their own
    os.kill(int((Path("/run/pileus") / cloud.tag / "asking.pid").read_text()), signal.SIGKILL)
    cloud.volumes.ensure(Volume("data", GIB))
    subprocess.run(["mkfs.xfs", "-q", str(cloud.volumes.pool / "volumes" / "data")], check=True)
    cloud.volumes.attach("data", "asks", "xvdf")
    cloud.shell("asks", "mkdir -p /mnt/d && mount /dev/xvdf /mnt/d && df /mnt/d")
    cloud.volumes.ensure(Volume("data", 2 * GIB))
    assert "2.0G" in cloud.shell("asks", "xfs_growfs /mnt/d >&2; df -h --output=size /mnt/d")
    cloud.shell("asks", "umount /mnt/d && mkfs.ext4 -q -F /dev/xvdf && mount /dev/xvdf /mnt/d")
    cloud.volumes.ensure(Volume("data", 3 * GIB))
    done = cloud.machines.execute("asks", ["resize2fs", "/dev/xvdf"])
    if done.status:  # a host that is itself a guest may not do that
        assert b"unmount it first" in done.errors
        cloud.shell("asks", "umount /mnt/d && e2fsck -fp /dev/xvdf && resize2fs /dev/xvdf && mount /dev/xvdf /mnt/d")
    assert "2.9G" in cloud.shell("asks", "df -h --output=size /mnt/d")


def test_a_narrow_umask_of_the_clouds_hides_nothing_from_guests(cloud):
    before = os.umask(0o077)
    try:
        cloud.started("narrow")
        cloud.volumes.ensure(Volume("data", GIB))
        cloud.volumes.attach("data", "narrow", "xvdf")
    finally:
        os.umask(before)
    assert "xvdf" in cloud.shell("narrow", "lsblk -n -o NAME && mkfs.ext4 -q /dev/xvdf && mount /dev/xvdf /mnt")


def test_who_only_looks_leaves_nothing_on_the_host(cloud):
    end = cloud.machines.watch(lambda machine: None)
    assert (cloud.machines.ids(), cloud.volumes.ids(), cloud.volumes.frozen()) == ([], [], [])
    assert left_on_the_host(cloud.home, cloud.tag) == []
    end()


def test_a_watch_that_began_before_the_first_machine_hears_of_it(cloud):
    woken = []
    end = cloud.machines.watch(woken.append)
    cloud.started("first")
    os.kill(cloud.machines.observe("first").pid, signal.SIGKILL)
    eventually(lambda: cloud.machines.observe("first").state == "stopped" and "first" in woken)
    end()


def test_a_root_disk_that_was_enlarged_is_filled_at_the_next_boot(cloud):
    cloud.started("large")
    cloud.machines.stop("large", 0)
    cloud.volumes.ensure(Volume("root-large", 20 * GIB))
    cloud.machines.ensure(cloud.machine("large", boot=2))
    assert int(cloud.shell("large", "df -B1 --output=size / | tail -1")) > 19 * GIB


BOOT = """
import sys
from pathlib import Path
from pileus.drivers.machines.api import Machine
from pileus.drivers.machines.runc import RuncMachines
RuncMachines(Path(sys.argv[1]), sys.argv[2]).ensure(Machine("cut", 1, "root-cut", "host-cut", 1.0, 512 << 20))
"""


def test_a_boot_that_is_killed_at_any_moment_is_completed_by_the_next(cloud):
    machine = cloud.machine("cut")
    for moment in (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        command = [sys.executable, "-c", BOOT, str(cloud.home), cloud.tag]
        starter = subprocess.Popen(command, start_new_session=True)
        try:
            starter.wait(moment)
        except subprocess.TimeoutExpired:
            kill_with_children(starter.pid)
            starter.wait()
        cloud.again().machines.ensure(machine)
        seen = cloud.machines.observe("cut")
        assert (seen.state, seen.boot, seen.reboots) == ("running", 1, 0)
        assert cloud.shell("cut", "hostname") == "host-cut\n"
        cloud.machines.destroy("cut")
        assert cloud.volumes.observe("root-cut").machine == ""


def kill_with_children(pid):
    """It and the boot program that it runs, which is in a session of its own."""
    os.kill(pid, signal.SIGSTOP)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
