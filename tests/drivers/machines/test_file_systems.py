"""A guest makes file systems on its disks with the tools it has."""

import pytest

from pileus.drivers.volumes.api import Volume
from tests.drivers.machines.test_contract import ready
from tests.drivers.real import GIB, host, left_on_the_host


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with host("real", tmp_path_factory.mktemp("file-systems") / "home") as made:
        made.started("maker")
        ready(made, "maker")
        made.volumes.ensure(Volume("data", GIB))
        made.volumes.attach("data", "maker", "xvdf")
        made.shell("maker", "mkdir -p /mnt/d")
        yield made
    assert left_on_the_host(made.home, made.tag) == []


@pytest.mark.parametrize("kind", ["xfs", "ext4"])
def test_a_file_system_that_a_guest_makes_keeps_what_is_written(cloud, kind):
    check = {"xfs": "xfs_repair -n /dev/xvdf", "ext4": "e2fsck -fn /dev/xvdf"}[kind]
    cloud.shell("maker", f"wipefs -qa /dev/xvdf && mkfs -t {kind} /dev/xvdf && mount /dev/xvdf /mnt/d")
    before = cloud.shell("maker", "head -c 20M /dev/urandom > /mnt/d/x && sha256sum /mnt/d/x && umount /mnt/d")
    cloud.shell("maker", check)
    assert cloud.shell("maker", "mount /dev/xvdf /mnt/d && sha256sum /mnt/d/x && umount /mnt/d") == before


def test_what_was_written_to_a_disk_through_the_cache_is_there_when_it_is_mounted(cloud):
    """Though nobody flushed that cache, and somebody has the disk open."""
    cloud.shell("maker", "truncate -s 400M /tmp/x && mkfs.xfs -q /tmp/x")
    cloud.shell(
        "maker",
        "exec 9<>/dev/xvdf; dd if=/tmp/x of=/dev/xvdf bs=1M conv=notrunc 2>/dev/null && blockdev --flushbufs /dev/xvdf"
        " && mount /dev/xvdf /mnt/d && echo x > /mnt/d/x && umount /mnt/d && xfs_repair -n /dev/xvdf",
    )


def test_a_guest_still_sets_nothing_of_the_hosts_about_a_disk(cloud):
    for option in ("--setro", "--setra 8192", "--rereadpt"):
        done = cloud.machines.execute("maker", ["sh", "-c", f"blockdev {option} /dev/xvdf"])
        assert done.status != 0, option
        assert b"Permission denied" in done.errors, (option, done.errors)
