"""The driver's contract for volumes with a key, asked of volumes in memory and of a real pool; and what only a real one
can show: what is on the disk, and that open disks outlive the cloud."""

import os
import signal
import subprocess
import sys

import pytest

from pileus.drivers import Unable
from pileus.drivers.api import Busy
from pileus.drivers.volumes.api import BLOCK, Volume
from tests.drivers.machines.test_contract import ready
from tests.drivers.machines.test_outliving import STARTER
from tests.drivers.real import GIB, eventually, host, left_on_the_host
from tests.drivers.volumes.test_contract import guest_writes

KEY, OTHER = bytes(range(32)), bytes(range(64, 128))
WORDS = "known plain words of a guest"


@pytest.fixture(scope="module", params=["fake", "real"])
def cloud(request, tmp_path_factory):
    with host(request.param, tmp_path_factory.mktemp("sealed")) as made:
        yield made


@pytest.fixture(scope="module")
def machine(cloud):
    cloud.started("m")
    yield "m"
    cloud.machines.destroy("m")


@pytest.fixture(scope="module")
def real_machine(cloud, machine):
    if not cloud.real:
        pytest.skip("volumes in memory are not on a disk")
    return machine


@pytest.fixture
def alone(tmp_path):
    with host("real", tmp_path / "home") as made:
        yield made
    assert left_on_the_host(made.home, made.tag) == []


def written(cloud, machine, volume, device, numbers, text=WORDS):
    """A sealed volume in which a guest wrote blocks."""
    cloud.volumes.ensure(Volume(volume, GIB, key=KEY))
    cloud.volumes.attach(volume, machine, device)
    for number in numbers:
        guest_writes(cloud, machine, device, volume, number, text)


def removed(cloud, *names):
    for name in names:
        cloud.volumes.forget(name)
        cloud.volumes.detach(name)
        cloud.volumes.destroy(name)


def test_a_sealed_volume_is_read_with_its_key_and_with_no_other(cloud, machine):
    written(cloud, machine, "one", "xvdf", [3])
    assert cloud.volumes.observe("one").machine == machine
    assert cloud.volumes.read("one", 3, KEY).startswith(WORDS.encode())
    assert cloud.volumes.read("one", 2, KEY) == bytes(BLOCK)
    assert cloud.volumes.changed("", "one", KEY) == [3]
    for wrong in (b"", OTHER):
        with pytest.raises(Unable):
            cloud.volumes.read("one", 3, wrong)
        with pytest.raises(Unable):
            cloud.volumes.changed("", "one", wrong)
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("one", GIB, key=OTHER))
    with pytest.raises(Busy):
        cloud.volumes.destroy("one")
    removed(cloud, "one")
    assert cloud.volumes.observe("one") is None


def test_keys_are_not_shown():
    assert repr(KEY) not in repr(Volume("v", GIB, key=KEY))
    assert "sealed" in repr(Volume("v", GIB, key=KEY))


def test_a_detached_sealed_volume_is_closed_until_its_key_is_given_again(cloud, machine):
    written(cloud, machine, "closes", "xvdf", [1])
    cloud.volumes.detach("closes")
    cloud.volumes.ensure(Volume("closes", GIB))
    with pytest.raises(Unable):
        cloud.volumes.attach("closes", machine, "xvdf")
    assert cloud.volumes.observe("closes").machine == ""
    cloud.volumes.ensure(Volume("closes", GIB, key=KEY))
    cloud.volumes.attach("closes", machine, "xvdf")
    assert cloud.volumes.read("closes", 1, KEY).startswith(WORDS.encode())
    removed(cloud, "closes")


def test_a_sealed_volume_grows_in_use_and_only_with_its_key(cloud, machine):
    written(cloud, machine, "grows", "xvdf", [1])
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("grows", 2 * GIB, key=OTHER))
    cloud.volumes.ensure(Volume("grows", 2 * GIB, key=KEY))
    cloud.volumes.ensure(Volume("grows", GIB))
    assert cloud.volumes.observe("grows").size == 2 * GIB
    guest_writes(cloud, machine, "xvdf", "grows", 4_000, WORDS)
    assert cloud.volumes.read("grows", 4_000, KEY).startswith(WORDS.encode())
    cloud.volumes.detach("grows")
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("grows", 3 * GIB))
    removed(cloud, "grows")


def test_snapshots_of_a_sealed_volume_are_sealed_and_know_what_changed(cloud, machine):
    written(cloud, machine, "seen", "xvdk", [5, 700])
    cloud.volumes.freeze("seen", "first")
    guest_writes(cloud, machine, "xvdk", "seen", 5, "after")
    guest_writes(cloud, machine, "xvdk", "seen", 9, "new")
    cloud.volumes.freeze("seen", "first")
    cloud.volumes.freeze("seen", "second")
    assert cloud.volumes.read("first", 5, KEY).startswith(WORDS.encode())
    assert cloud.volumes.read("first", 9, KEY) == bytes(BLOCK)
    assert cloud.volumes.read("second", 5, KEY).startswith(b"after")
    changed = cloud.volumes.changed("first", "second", KEY)
    assert {5, 9} <= set(changed)
    assert 700 not in changed
    assert len(changed) < 12
    assert cloud.volumes.changed("second", "second", KEY) == []
    assert set(cloud.volumes.changed("", "first", KEY)) == {5, 700}
    with pytest.raises(Unable):
        cloud.volumes.read("first", 5)
    with pytest.raises(Unable):
        cloud.volumes.changed("first", "second", OTHER)
    removed(cloud, "seen", "first", "second")


def test_copies_are_under_the_same_key_or_another_or_begin_as_something_plain(cloud, machine):
    written(cloud, machine, "origin", "xvdf", [5, 1_000])
    cloud.volumes.freeze("origin", "frozen-origin")
    cloud.volumes.ensure(Volume("same", 2 * GIB, "frozen-origin", key=KEY))
    assert cloud.volumes.changed("frozen-origin", "same", KEY) == []
    assert cloud.volumes.observe("same").size == 2 * GIB
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("other", GIB, "frozen-origin", key=OTHER))
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("other", GIB, "frozen-origin"))
    assert cloud.volumes.observe("other") is None
    cloud.volumes.ensure(Volume("other", GIB, "frozen-origin", key=OTHER, source_key=KEY))
    for name, key in (("same", KEY), ("other", OTHER)):
        assert cloud.volumes.read(name, 5, key).startswith(WORDS.encode())
        assert cloud.volumes.changed("", name, key) == [5, 1_000]
    cloud.volumes.thaw("plain", GIB)
    cloud.volumes.write("plain", 7, b"plain".ljust(BLOCK, b"."))
    cloud.volumes.ensure(Volume("from-plain", GIB, "plain", key=KEY))
    assert cloud.volumes.read("from-plain", 7, KEY).startswith(b"plain.")
    assert cloud.volumes.changed("", "from-plain", KEY) == [7]
    removed(cloud, "origin", "frozen-origin", "same", "other", "plain", "from-plain")


def test_a_thawed_sealed_file_is_filled_with_its_key(cloud):
    cloud.volumes.thaw("back", GIB, KEY)
    cloud.volumes.thaw("back", GIB, KEY)
    with pytest.raises(Unable):
        cloud.volumes.write("back", 3, bytes(BLOCK), OTHER)
    cloud.volumes.write("back", 3, b"three".ljust(BLOCK, b"."), KEY)
    cloud.volumes.write("back", 2_047, b"last".ljust(BLOCK, b"."), KEY)
    cloud.volumes.ensure(Volume("from-back", GIB, "back", key=KEY))
    cloud.volumes.write("back", 3, b"later".ljust(BLOCK, b"."), KEY)
    assert cloud.volumes.read("from-back", 3, KEY).startswith(b"three.")
    assert cloud.volumes.read("from-back", 2_047, KEY).startswith(b"last.")
    assert cloud.volumes.changed("", "back", KEY) == [3, 2_047]
    removed(cloud, "back", "from-back")


def test_the_pool_does_not_contain_what_a_guest_wrote_unless_the_volume_is_plain(cloud, real_machine):
    written(cloud, real_machine, "hidden", "xvdf", [3], "never to be read")
    cloud.volumes.freeze("hidden", "frozen-hidden")
    cloud.volumes.ensure(Volume("shown", GIB))
    cloud.volumes.attach("shown", real_machine, "xvdg")
    guest_writes(cloud, real_machine, "xvdg", "shown", 3, "for all to read")
    for name, words, visible in (("hidden", b"never to be read", False), ("shown", b"for all to read", True)):
        assert any(words in piece for piece in pieces(cloud.volumes.pool / "volumes" / name)) == visible
    assert not any(b"never to be read" in piece for piece in pieces(cloud.volumes.pool / "frozen" / "frozen-hidden"))
    for record in (cloud.volumes.pool / "records").iterdir():
        assert KEY not in record.read_bytes()
    removed(cloud, "hidden", "frozen-hidden", "shown")


def pieces(path):
    """All that a file has, without its holes."""
    with open(path, "rb") as file:
        at = 0
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            yield os.pread(file.fileno(), 1024**2, at)
            at += 1024**2


def test_a_machine_boots_from_a_sealed_disk_and_again_when_the_cloud_is_killed(alone):
    size = alone.volumes.ensure_image("debian-12")
    alone.volumes.ensure(Volume("root-orphan", max(size, 8 * GIB), "debian-12", key=KEY))
    alone.volumes.ensure(Volume("extra", GIB, key=OTHER))
    command = [sys.executable, "-c", STARTER, str(alone.home), alone.tag]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert starter.stdout.readline() == b"up\n"
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    again = alone.again()
    assert again.volumes.observe("root-orphan").machine == "orphan"
    assert again.volumes.observe("extra").machine == "orphan"
    again.shell("orphan", "mkfs.ext4 -q /dev/xvdf && mkdir -p /mnt/d && mount /dev/xvdf /mnt/d && echo data > /mnt/d/x")
    ready(again, "orphan")
    again.machines.execute("orphan", ["systemctl", "reboot"])
    eventually(lambda: again.machines.observe("orphan").reboots == 1)
    again.shell("orphan", "mkdir -p /mnt/d && mount /dev/xvdf /mnt/d && grep data /mnt/d/x")


def test_a_machine_boots_from_a_sealed_disk_that_was_closed_only_when_the_key_is_given_again(cloud):
    cloud.volumes.ensure_image("debian-12")
    cloud.volumes.ensure(Volume("root-closed", 8 * GIB, "debian-12", key=KEY))
    cloud.machines.ensure(cloud.machine("closed"))
    with pytest.raises(Busy):
        cloud.volumes.detach("root-closed", force=True)
    cloud.machines.stop("closed", 0)
    cloud.volumes.detach("root-closed")  # as a host that goes down closes it
    with pytest.raises(Unable):
        cloud.machines.ensure(cloud.machine("closed", boot=2))
    cloud.volumes.ensure(Volume("root-closed", 8 * GIB, key=KEY))
    cloud.machines.ensure(cloud.machine("closed", boot=3))
    assert cloud.machines.observe("closed").state == "running"
    cloud.machines.destroy("closed")
    cloud.volumes.destroy("root-closed")
