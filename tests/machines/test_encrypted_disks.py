"""Encrypted disks of real machines: what the guest writes is nowhere in the pool, and all comes back with the key."""

import pytest

from tests.drivers.real import eventually
from tests.drivers.volumes.test_sealed import pieces

from .real_cloud import soon

WORDS = "words-that-nobody-else-is-to-read"


@pytest.fixture(scope="module")
def key(cloud):
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def machine(cloud, ssh_from_anywhere, key):
    mappings = [
        {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True}},
    ]
    made = cloud.launch([ssh_from_anywhere], BlockDeviceMappings=mappings)
    yield made.reached()
    made.terminate()
    made.becomes("terminated")


def volume_at(machine, device):
    mapped = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in machine.shown()["BlockDeviceMappings"]}
    return mapped[device]


def in_the_pool(cloud, volume):
    path = cloud.data / "host" / "volumes" / "pool" / "volumes" / volume
    return any(WORDS.encode() in piece for piece in pieces(path))


def test_what_it_writes_is_nowhere_in_the_pool(cloud, machine):
    machine.run(f"echo {WORDS} > /home/admin/kept && sync")
    machine.run("sudo mkfs.ext4 -q /dev/xvdf && sudo mkdir -p /mnt/d && sudo mount /dev/xvdf /mnt/d")
    machine.run(f"echo {WORDS} | sudo tee /mnt/d/kept && sync")
    for device in ("/dev/xvda", "/dev/sdf"):
        assert not in_the_pool(cloud, volume_at(machine, device))


def test_it_reboots_while_the_cloud_is_down(cloud, machine):
    booted, address = "systemctl show -P UserspaceTimestampMonotonic", machine.public
    before = machine.run(booted)
    cloud.kill()
    try:
        machine.ssh("sudo systemctl reboot", address)
        eventually(lambda: machine.ssh(booted, address).stdout.strip() not in ("", before))
        assert machine.ssh("cat /home/admin/kept", address).stdout.strip() == WORDS
    finally:
        cloud.up()
    assert machine.state == "running"


def test_a_snapshot_of_it_is_encrypted_and_becomes_a_volume_again(cloud, machine):
    snapshot = cloud.ec2.create_snapshot(VolumeId=volume_at(machine, "/dev/sdf"))["SnapshotId"]
    eventually(lambda: cloud.ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed")
    zone = machine.shown()["Placement"]["AvailabilityZone"]
    volume = cloud.ec2.create_volume(SnapshotId=snapshot, AvailabilityZone=zone)
    assert volume["Encrypted"]
    id = volume["VolumeId"]
    soon(lambda: cloud.ec2.attach_volume(VolumeId=id, InstanceId=machine.id, Device="/dev/sdg"))
    eventually(lambda: machine.ssh("test -b /dev/xvdg").returncode == 0)
    assert machine.run("sudo mkdir -p /mnt/g && sudo mount /dev/xvdg /mnt/g && cat /mnt/g/kept") == WORDS
    assert not in_the_pool(cloud, id)
    machine.run("sudo umount /mnt/g")
    cloud.ec2.detach_volume(VolumeId=id)
    eventually(lambda: cloud.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]["State"] == "available")
    cloud.ec2.delete_volume(VolumeId=id)
    cloud.ec2.delete_snapshot(SnapshotId=snapshot)


def test_it_does_not_start_while_its_key_is_disabled(cloud, machine, key):
    cloud.ec2.stop_instances(InstanceIds=[machine.id])
    machine.becomes("stopped")
    cloud.client("kms").disable_key(KeyId=key)
    cloud.ec2.start_instances(InstanceIds=[machine.id])
    eventually(lambda: machine.shown().get("StateReason", {}).get("Code") == "Client.InvalidKMSKey.InvalidState")
    machine.becomes("stopped")
    cloud.client("kms").enable_key(KeyId=key)
    cloud.ec2.start_instances(InstanceIds=[machine.id])
    assert machine.reached().run("cat /home/admin/kept") == WORDS
