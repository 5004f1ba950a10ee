"""What every driver of volumes promises, asked of volumes in memory and of a real pool."""

import pytest

from pileus.drivers import Unable
from pileus.drivers.api import Busy
from pileus.drivers.volumes.api import BLOCK, Volume
from tests.drivers.real import GIB, host


@pytest.fixture(scope="module", params=["fake", "real"])
def cloud(request, tmp_path_factory):
    with host(request.param, tmp_path_factory.mktemp("volumes")) as made:
        yield made


@pytest.fixture(scope="module")
def machine(cloud):
    cloud.started("m")
    yield "m"
    cloud.machines.destroy("m")


@pytest.fixture(scope="module")
def other(cloud):
    cloud.started("n")
    yield "n"
    cloud.machines.destroy("n")


def guest_writes(cloud, machine, device, volume, block, text):
    if cloud.real:
        line = f"printf %s '{text}' | dd of=/dev/{device} bs={BLOCK} seek={block} conv=notrunc,fsync 2>&1"
        cloud.shell(machine, line)
    else:
        cloud.volumes.guest_writes(volume, block, text.encode())


def test_a_new_volume_is_all_zeros(cloud):
    cloud.volumes.ensure(Volume("new", GIB))
    cloud.volumes.ensure(Volume("new", GIB))
    seen = cloud.volumes.observe("new")
    assert (seen.size, seen.machine, seen.device, seen.mounted) == (GIB, "", "", False)
    assert cloud.volumes.read("new", 0) == bytes(BLOCK)
    assert cloud.volumes.read("new", 10**6) == bytes(BLOCK)
    assert cloud.volumes.changed("", "new") == []
    assert "new" in cloud.volumes.ids()
    cloud.volumes.destroy("new")
    cloud.volumes.destroy("new")
    assert cloud.volumes.observe("new") is None


def test_a_volume_grows_and_never_shrinks(cloud):
    cloud.volumes.ensure(Volume("grows", GIB))
    cloud.volumes.ensure(Volume("grows", 2 * GIB))
    cloud.volumes.ensure(Volume("grows", GIB))
    assert cloud.volumes.observe("grows").size == 2 * GIB
    cloud.volumes.destroy("grows")


def test_a_source_must_be_in_the_pool(cloud):
    with pytest.raises(Unable):
        cloud.volumes.ensure(Volume("orphan", GIB, "no-such-snapshot"))
    assert "orphan" not in cloud.volumes.ids()
    with pytest.raises(Unable):
        cloud.volumes.ensure_image("no-such-image")
    with pytest.raises(Unable):
        cloud.volumes.freeze("no-such-volume", "frozen-nothing")


def test_an_image_is_frozen_and_volumes_begin_as_it(cloud):
    lines = []
    size = cloud.volumes.ensure_image("debian-12", lines.append)
    assert cloud.volumes.ensure_image("debian-12") == size
    assert "debian-12" in cloud.volumes.frozen()
    cloud.volumes.ensure(Volume("copy", size, "debian-12"))
    assert cloud.volumes.changed("debian-12", "copy") == []
    assert cloud.volumes.changed("", "copy") != []
    assert cloud.volumes.read("copy", 0) == cloud.volumes.read("debian-12", 0)
    with pytest.raises(Unable):
        cloud.volumes.write("debian-12", 0, bytes(BLOCK))
    cloud.volumes.destroy("copy")


def test_a_thawed_file_is_filled_block_by_block(cloud):
    cloud.volumes.thaw("back", GIB)
    cloud.volumes.thaw("back", GIB)
    cloud.volumes.write("back", 3, b"three".ljust(BLOCK, b"."))
    cloud.volumes.write("back", 3, b"again".ljust(BLOCK, b"."))
    assert cloud.volumes.read("back", 3).startswith(b"again.")
    assert cloud.volumes.read("back", 2) == bytes(BLOCK)
    assert cloud.volumes.changed("", "back") == [3]
    cloud.volumes.ensure(Volume("from-back", GIB, "back"))
    cloud.volumes.forget("back")
    cloud.volumes.forget("back")
    assert "back" not in cloud.volumes.frozen()
    assert cloud.volumes.read("from-back", 3).startswith(b"again.")
    cloud.volumes.destroy("from-back")
    with pytest.raises(Unable):
        cloud.volumes.read("from-back", 3)


def test_snapshots_keep_the_moment_and_know_what_changed_between_them(cloud, machine):
    cloud.volumes.ensure(Volume("seen", GIB))
    cloud.volumes.attach("seen", machine, "xvdk")
    guest_writes(cloud, machine, "xvdk", "seen", 5, "before")
    cloud.volumes.freeze("seen", "first")
    guest_writes(cloud, machine, "xvdk", "seen", 5, "after")
    guest_writes(cloud, machine, "xvdk", "seen", 9, "new")
    cloud.volumes.freeze("seen", "first")
    cloud.volumes.freeze("seen", "second")
    assert cloud.volumes.read("first", 5).startswith(b"before")
    assert cloud.volumes.read("second", 5).startswith(b"after")
    assert cloud.volumes.read("seen", 9).startswith(b"new")
    assert {5, 9} <= set(cloud.volumes.changed("first", "second"))
    assert len(cloud.volumes.changed("first", "second")) < 12
    assert cloud.volumes.changed("second", "second") == []
    cloud.volumes.detach("seen")
    cloud.volumes.destroy("seen")
    assert cloud.volumes.read("first", 5).startswith(b"before")
    for name in ("first", "second"):
        cloud.volumes.forget(name)


def test_a_volume_is_attached_to_one_machine_at_a_time(cloud, machine, other):
    cloud.volumes.ensure(Volume("one-at-a-time", GIB))
    cloud.volumes.attach("one-at-a-time", machine, "xvdf")
    cloud.volumes.attach("one-at-a-time", machine, "xvdf")
    seen = cloud.volumes.observe("one-at-a-time")
    assert (seen.machine, seen.device, seen.mounted) == (machine, "xvdf", False)
    with pytest.raises(Busy):
        cloud.volumes.attach("one-at-a-time", other, "xvdf")
    with pytest.raises(Busy):
        cloud.volumes.destroy("one-at-a-time")
    cloud.volumes.ensure(Volume("same-name", GIB))
    with pytest.raises(Unable):
        cloud.volumes.attach("same-name", machine, "xvdf")
    assert cloud.volumes.observe("same-name").machine == ""
    guest_writes(cloud, machine, "xvdf", "one-at-a-time", 0, "travels along")
    cloud.volumes.detach("one-at-a-time")
    cloud.volumes.detach("one-at-a-time")
    cloud.volumes.attach("one-at-a-time", other, "xvdg")
    assert cloud.volumes.observe("one-at-a-time").machine == other
    assert cloud.volumes.read("one-at-a-time", 0).startswith(b"travels along")
    cloud.volumes.detach("one-at-a-time")
    for name in ("one-at-a-time", "same-name"):
        cloud.volumes.destroy(name)


def test_only_a_running_machine_is_given_a_volume(cloud):
    cloud.volumes.ensure(Volume("nowhere", GIB))
    with pytest.raises(Unable):
        cloud.volumes.attach("nowhere", "no-such-machine", "xvdf")
    with pytest.raises(Unable):
        cloud.volumes.attach("no-such-volume", "no-such-machine", "xvdf")
    cloud.volumes.detach("no-such-volume")
    cloud.volumes.destroy("nowhere")


def test_a_mounted_volume_is_taken_away_only_by_force(cloud, machine):
    cloud.volumes.ensure(Volume("mounted", GIB))
    cloud.volumes.attach("mounted", machine, "xvdh")
    if cloud.real:
        cloud.shell(machine, "mkfs.ext4 -q /dev/xvdh && mkdir -p /mnt/h && mount /dev/xvdh /mnt/h && echo x > /mnt/h/x")
    else:
        cloud.volumes.guest_mounts("mounted")
    assert cloud.volumes.observe("mounted").mounted
    with pytest.raises(Busy):
        cloud.volumes.detach("mounted")
    assert cloud.volumes.observe("mounted").machine == machine
    cloud.volumes.detach("mounted", force=True)
    seen = cloud.volumes.observe("mounted")
    assert (seen.machine, seen.mounted) == ("", False)
    cloud.volumes.destroy("mounted")


def test_the_root_disk_is_in_use_while_its_machine_runs(cloud, machine):
    seen = cloud.volumes.observe(f"root-{machine}")
    assert (seen.machine, seen.mounted) == (machine, True)
    with pytest.raises(Busy):
        cloud.volumes.destroy(f"root-{machine}")
    with pytest.raises(Busy):
        cloud.volumes.detach(f"root-{machine}", force=True)


def test_what_is_attached_comes_back_with_the_next_boot(cloud):
    machine = cloud.started("returns")
    cloud.volumes.ensure(Volume("stays", GIB))
    cloud.volumes.attach("stays", "returns", "xvdf")
    cloud.machines.stop("returns", 0)
    assert cloud.volumes.observe("stays").machine == "returns"
    assert cloud.volumes.observe("root-returns").machine == ""
    cloud.machines.ensure(cloud.machine("returns", boot=2))
    if cloud.real:
        assert "xvdf" in cloud.shell("returns", "lsblk -n -o NAME")
    cloud.machines.stop("returns", 0)
    cloud.volumes.detach("stays")
    assert cloud.volumes.observe("stays").machine == ""
    cloud.machines.destroy(machine.id)
    for name in ("stays", "root-returns"):
        cloud.volumes.destroy(name)
