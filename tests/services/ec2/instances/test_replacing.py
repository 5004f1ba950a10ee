"""Another root disk for a machine that runs."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def root(show):
    """A function that gives the id of an instance's root disk."""
    return lambda id: show(id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]


@pytest.fixture
def task(ec2):
    def one(id):
        told = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=[id])
        return told["ReplaceRootVolumeTasks"][0]

    return one


@pytest.fixture
def exchange(cloud, ec2):
    """A function that replaces, waits, and gives the task's id."""

    def run(id, **more):
        made = ec2.create_replace_root_volume_task(InstanceId=id, **more)["ReplaceRootVolumeTask"]
        assert (made["TaskState"], made["InstanceId"]) == ("pending", id)
        cloud.settle()
        return made["ReplaceRootVolumeTaskId"]

    return run


def volume(ec2, id):
    return ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]


def test_a_machine_runs_on_from_a_disk_like_the_one_that_it_was_launched_with(
    cloud, ec2, launch, show, root, task, exchange
):
    id = launch()["InstanceId"]
    before, old = show(id), root(id)
    cloud.drivers.volumes.guest_writes(old, 5, b"broken")
    done = task(exchange(id))
    assert (done["TaskState"], "CompleteTime" in done) == ("succeeded", True)
    new = root(id)
    assert new != old
    after = show(id)
    assert after["State"]["Name"] == "running"
    for kept in ("PrivateIpAddress", "PublicIpAddress", "NetworkInterfaces", "LaunchTime"):
        assert after[kept] == before[kept]
    assert cloud.drivers.machines._guests[id].machine.root == new
    assert cloud.drivers.volumes.read(new, 5).rstrip(b"\0") != b"broken"
    assert volume(ec2, old)["State"] == "available"
    made = volume(ec2, new)
    assert (made["State"], made["Attachments"][0]["DeleteOnTermination"]) == ("in-use", True)
    assert (made["Size"], made["VolumeType"]) == (8, volume(ec2, old)["VolumeType"])


def test_a_snapshot_of_the_root_disk_brings_its_moment_back(cloud, ec2, launch, root, exchange):
    id = launch()["InstanceId"]
    old = root(id)
    cloud.drivers.volumes.guest_writes(old, 5, b"good")
    snapshot = ec2.create_snapshot(VolumeId=old)["SnapshotId"]
    cloud.settle()
    cloud.drivers.volumes.guest_writes(old, 5, b"broken")
    exchange(id, SnapshotId=snapshot, DeleteReplacedRootVolume=True)
    assert cloud.drivers.volumes.read(root(id), 5).rstrip(b"\0") == b"good"
    with refused("InvalidVolume.NotFound"):
        volume(ec2, old)


def test_an_image_or_a_volume_may_take_its_place(cloud, ec2, image, launch, root, exchange):
    machine = launch()
    id, zone = machine["InstanceId"], machine["Placement"]["AvailabilityZone"]
    exchange(id, ImageId=image)
    snapshot = volume(ec2, root(id))["SnapshotId"]
    given = ec2.create_volume(AvailabilityZone=zone, SnapshotId=snapshot)["VolumeId"]
    cloud.settle()
    exchange(id, VolumeId=given)
    assert root(id) == given


def test_a_machine_that_stops_before_keeps_its_disk(cloud, ec2, launch, root, task):
    id = launch()["InstanceId"]
    old = root(id)
    made = ec2.create_replace_root_volume_task(InstanceId=id)["ReplaceRootVolumeTask"]["ReplaceRootVolumeTaskId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    state = task(made)["TaskState"]
    # Whichever was first: the machine has one root disk, and no disk is left over.
    assert state in ("failed", "succeeded")
    assert (root(id) == old) == (state == "failed")
    cloud.settle()
    left = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    assert left == ({old} if state == "failed" else {old, root(id)})


def test_a_task_is_asked_for_once_and_of_one_source(cloud, ec2, launch, root, task):
    id, other = launch()["InstanceId"], launch()["InstanceId"]
    wanted = {"InstanceId": id, "ClientToken": "once"}
    first = ec2.create_replace_root_volume_task(**wanted)["ReplaceRootVolumeTask"]
    again = ec2.create_replace_root_volume_task(**wanted)["ReplaceRootVolumeTask"]
    assert first["ReplaceRootVolumeTaskId"] == again["ReplaceRootVolumeTaskId"]
    cloud.settle()
    foreign = ec2.create_snapshot(VolumeId=root(other))["SnapshotId"]
    with refused("InvalidParameterValue"):
        ec2.create_replace_root_volume_task(InstanceId=id, SnapshotId=foreign)
    with refused("InvalidParameterCombination"):
        ec2.create_replace_root_volume_task(InstanceId=id, SnapshotId=foreign, ImageId="ami-12345678")
    ec2.stop_instances(InstanceIds=[other])
    cloud.settle()
    with refused("IncorrectInstanceState"):
        ec2.create_replace_root_volume_task(InstanceId=other)


def test_tasks_are_forgotten_with_their_instance(cloud, ec2, launch, exchange):
    id = launch()["InstanceId"]
    exchange(id)
    ec2.terminate_instances(InstanceIds=[id])
    cloud.settle()
    filters = [{"Name": "instance-id", "Values": [id]}]
    assert ec2.describe_replace_root_volume_tasks(Filters=filters)["ReplaceRootVolumeTasks"]
    cloud.advance(3_700)
    assert ec2.describe_replace_root_volume_tasks(Filters=filters)["ReplaceRootVolumeTasks"] == []
