"""Snapshots: moments of volumes, kept as what changed."""

import msgspec
import pytest

from pileus.drivers.api import Unable
from pileus.drivers.volumes.api import BLOCK
from pileus.services.ec2.volumes.records import Volume, being_made_of, blocks, volumes
from tests.services.ec2.conftest import OTHER
from tests.services.ec2.vpc.refusing import refused

ZONE = "us-east-1a"


@pytest.fixture
def volume(cloud, ec2):
    id = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    cloud.settle()
    return id


@pytest.fixture
def write(cloud):
    """A function that writes a text into a block of a volume."""
    return lambda volume, block, text: cloud.drivers.volumes.guest_writes(volume, block, text.encode())


@pytest.fixture
def take(cloud, ec2):
    """A function that takes a snapshot and waits for it."""

    def taken(volume, **more):
        id = ec2.create_snapshot(VolumeId=volume, **more)["SnapshotId"]
        cloud.settle()
        return id

    return taken


@pytest.fixture
def snapshot(ec2):
    return lambda id: ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]


@pytest.fixture
def restored(cloud, ec2):
    """A function that makes a volume of a snapshot and reads some of its blocks: number -> text."""

    def read(snapshot, *numbers, client=None, zone="us-east-1b", **more):
        id = (client or ec2).create_volume(SnapshotId=snapshot, AvailabilityZone=zone, **more)["VolumeId"]
        cloud.settle()
        found = [cloud.drivers.volumes.read(id, number).rstrip(b"\0").decode() for number in numbers]
        return found[0] if len(found) == 1 else found

    return read


def rows(cloud, snapshot):
    """number -> the blob that holds the block."""
    work = lambda tx: {key[-1]: block.blob for key, block in blocks.scan(tx, snapshot, limit=1_000)}  # noqa: E731
    return cloud.run(cloud.app.store.transact(work))


def test_a_snapshot_is_pending_and_then_completed(cloud, ec2, volume, write, snapshot):
    write(volume, 3, "three")
    told = ec2.create_snapshot(VolumeId=volume, Description="first")
    assert (told["State"], told["VolumeSize"], told["Description"]) == ("pending", 1, "first")
    cloud.settle()
    found = snapshot(told["SnapshotId"])
    assert (found["State"], found["Progress"], found["VolumeId"]) == ("completed", "100%", volume)
    assert found["FullSnapshotSizeInBytes"] == BLOCK
    with refused("DryRunOperation"):
        ec2.create_snapshot(VolumeId=volume, DryRun=True)


def test_it_is_of_the_moment_when_it_was_asked_for(cloud, ec2, volume, write, restored):
    write(volume, 3, "before")
    id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    write(volume, 3, "after")
    cloud.settle()
    assert restored(id, 3) == "before"


def test_a_second_snapshot_stores_only_what_changed(cloud, volume, write, take, restored, snapshot):
    for number in range(4):
        write(volume, number, f"old {number}")
    first = take(volume)
    write(volume, 1, "new 1")
    write(volume, 9, "new 9")
    write(volume, 2, "")
    second = take(volume)
    one, two = rows(cloud, first), rows(cloud, second)
    assert set(one) == {0, 1, 2, 3}
    assert set(two) == {0, 1, 3, 9}
    assert (two[0], two[3]) == (one[0], one[3])
    assert not {two[1], two[9]} & set(one.values())
    assert restored(first, 0, 1, 2, 9) == ["old 0", "old 1", "old 2", ""]
    assert restored(second, 0, 1, 2, 9) == ["old 0", "new 1", "", "new 9"]
    assert snapshot(second)["FullSnapshotSizeInBytes"] == 4 * BLOCK


def test_any_snapshot_of_a_chain_can_be_deleted(cloud, ec2, volume, write, take, restored):
    found = []
    for number in range(3):
        write(volume, number, f"text {number}")
        found.append(take(volume))
    ec2.delete_snapshot(SnapshotId=found[1])
    cloud.settle()
    assert rows(cloud, found[1]) == {}
    assert restored(found[0], 0, 1) == ["text 0", ""]
    assert restored(found[2], 0, 1, 2) == ["text 0", "text 1", "text 2"]
    ec2.delete_snapshot(SnapshotId=found[0])
    cloud.settle()
    write(volume, 5, "text 5")
    last = take(volume)
    ec2.delete_snapshot(SnapshotId=found[2])
    cloud.settle()
    assert restored(last, 0, 1, 2, 5) == ["text 0", "text 1", "text 2", "text 5"]


def test_a_snapshot_outlives_its_volume_and_the_pool(cloud, ec2, volume, write, take, restored):
    write(volume, 3, "three")
    id = take(volume)
    ec2.delete_volume(VolumeId=volume)
    cloud.settle()
    cloud.drivers.volumes.vanish()  # the host is a new one: only the objects are left
    assert restored(id, 3) == "three"
    bigger = ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE, Size=4)["VolumeId"]
    cloud.settle()
    assert cloud.drivers.volumes.observe(bigger).size == 4 * 1024**3
    with refused("InvalidParameterValue", "smaller than snapshot"):
        ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE, Size=0)


def test_every_volume_that_is_being_made_of_a_snapshot_keeps_its_blocks(cloud):
    """One of two is made first: the snapshot is still needed."""

    def work(tx):
        two = [Volume(id, "1", "r", ZONE, 1, "gp2", "creating", 0.0, origin="snap-1") for id in ("vol-1", "vol-2")]
        for one in two:
            volumes.put(tx, "1", "r", one.id, record=one)
        volumes.put(tx, "1", "r", "vol-1", record=msgspec.structs.replace(two[0], state="available"))
        found = [one.id for _, one in volumes.find(tx, being_made_of, "snap-1")]
        for one in two:
            volumes.delete(tx, "1", "r", one.id)
        return found

    assert cloud.run(cloud.app.store.transact(work)) == ["vol-2"]


def test_a_volume_of_a_snapshot_that_is_deleted_at_once_is_made_all_the_same(cloud, ec2, volume, write, take):
    write(volume, 3, "three")
    id = take(volume)
    cloud.drivers.volumes.forget(id)
    made = ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE)["VolumeId"]
    ec2.delete_snapshot(SnapshotId=id)
    cloud.settle()
    cloud.advance(10)
    assert ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"] == "available"
    assert cloud.drivers.volumes.read(made, 3).startswith(b"three")
    assert rows(cloud, id) == {}


def test_a_volume_waits_for_a_snapshot_that_is_pending_and_fails_with_it(cloud, ec2):
    id = cloud.client("ebs").start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    made = ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE)["VolumeId"]
    cloud.settle()
    assert ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"] == "creating"
    cloud.advance(601)
    assert ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]["State"] == "error"
    assert ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"] == "error"


def test_all_disks_of_a_machine_are_taken_at_one_moment(cloud, ec2, launch, monkeypatch):
    data = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "db"}]}]
    machine = launch(BlockDeviceMappings=[data], TagSpecifications=tags)["InstanceId"]
    states, freeze = [], cloud.drivers.volumes.freeze

    def seen(volume, name):
        states.append(cloud.drivers.machines.observe(machine).state)
        freeze(volume, name)

    monkeypatch.setattr(cloud.drivers.volumes, "freeze", seen)
    told = ec2.create_snapshots(InstanceSpecification={"InstanceId": machine}, CopyTagsFromSource="volume")["Snapshots"]
    assert [one["Tags"] for one in told] == [tags[0]["Tags"]] * 2
    # Nothing is written between the two, and the guest goes on afterwards.
    assert states == ["paused", "paused"]
    assert cloud.drivers.machines.observe(machine).state == "running"
    cloud.settle()
    cloud.advance(2)
    assert {one["State"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]} == {"completed"}
    given = {"InstanceId": machine, "ExcludeBootVolume": True}
    assert [one["VolumeSize"] for one in ec2.create_snapshots(InstanceSpecification=given)["Snapshots"]] == [1]


def test_a_moment_that_the_cloud_died_over_is_taken_anew_for_all_disks(cloud, ec2, launch, monkeypatch):
    data = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    machine = launch(BlockDeviceMappings=[data])
    root, disk = (one["Ebs"]["VolumeId"] for one in machine["BlockDeviceMappings"])
    freeze = cloud.drivers.volumes.freeze

    def dies(volume, name):
        if volume == disk:
            raise Unable("this disk does not answer")
        freeze(volume, name)

    with monkeypatch.context() as patch:
        patch.setattr(cloud.drivers.volumes, "freeze", dies)
        with refused("IncorrectState"):
            ec2.create_snapshots(InstanceSpecification={"InstanceId": machine["InstanceId"]})
    assert cloud.drivers.machines.observe(machine["InstanceId"]).state == "running"
    cloud.drivers.volumes.guest_writes(root, 5, b"later")
    cloud.advance(31)
    found = {one["VolumeId"]: one for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert {one["State"] for one in found.values()} == {"completed"}
    assert cloud.drivers.volumes.read(found[root]["SnapshotId"], 5).startswith(b"later")
    assert disk in found


def test_a_machine_that_was_paused_for_a_snapshot_when_the_cloud_died_goes_on(cloud, launch):
    machine = launch()["InstanceId"]
    cloud.drivers.machines.pause(machine)
    cloud.restart()
    cloud.settle()
    assert cloud.drivers.machines.observe(machine).state == "running"


def test_a_snapshot_is_shared_with_an_account_and_taken_back(cloud, ec2, other, volume, write, take, restored):
    write(volume, 3, "three")
    id = take(volume)
    with refused("InvalidSnapshot.NotFound"):
        other.create_volume(SnapshotId=id, AvailabilityZone=ZONE)
    ec2.modify_snapshot_attribute(SnapshotId=id, CreateVolumePermission={"Add": [{"UserId": OTHER}]})
    permissions = ec2.describe_snapshot_attribute(SnapshotId=id, Attribute="createVolumePermission")
    assert permissions["CreateVolumePermissions"] == [{"UserId": OTHER}]
    assert restored(id, 3, client=other) == "three"
    assert [one["SnapshotId"] for one in other.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]] == [id]
    with refused("InvalidSnapshot.NotFound"):
        other.delete_snapshot(SnapshotId=id)
    ec2.reset_snapshot_attribute(SnapshotId=id, Attribute="createVolumePermission")
    with refused("InvalidSnapshot.NotFound"):
        other.describe_snapshots(SnapshotIds=[id])
    ec2.modify_snapshot_attribute(
        SnapshotId=id, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    assert id in [one["SnapshotId"] for one in other.describe_snapshots(RestorableByUserIds=["all"])["Snapshots"]]
    with refused("InvalidUserID.Malformed"):
        ec2.modify_snapshot_attribute(
            SnapshotId=id, Attribute="createVolumePermission", OperationType="add", UserIds=["nobody"]
        )


def test_a_copy_is_the_callers_own_in_any_region(cloud, ec2, volume, write, take):
    write(volume, 3, "three")
    id = take(volume)
    far = cloud.client("ec2", region_name="eu-west-1")
    copy = far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id, Description="far")["SnapshotId"]
    cloud.settle()
    [found] = far.describe_snapshots(SnapshotIds=[copy])["Snapshots"]
    assert (found["State"], found["Description"], found["VolumeId"]) == ("completed", "far", "vol-ffffffff")
    ec2.delete_snapshot(SnapshotId=id)
    cloud.settle()
    made = far.create_volume(SnapshotId=copy, AvailabilityZone="eu-west-1a")["VolumeId"]
    cloud.settle()
    assert cloud.drivers.volumes.read(made, 3).startswith(b"three")
    for region, snapshot, code in (
        ("nowhere-1", copy, "InvalidParameterValue"),
        ("us-east-1", id, "InvalidSnapshot.NotFound"),
        ("eu-west-1", "arn:nonsense", "InvalidSnapshotID.Malformed"),
    ):
        with refused(code):
            ec2.copy_snapshot(SourceRegion=region, SourceSnapshotId=snapshot)


def test_snapshots_are_found_by_what_they_are(ec2, volume, take, snapshot):
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "of", "Value": "db"}]}]
    id = take(volume, TagSpecifications=tags)
    for name, value in {
        "volume-id": volume,
        "status": "completed",
        "tag:of": "db",
        "snapshot-id": id,
        "start-time": snapshot(id)["StartTime"].strftime("%Y-%m-%dT%H:%M:%S*"),
    }.items():
        found = ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": name, "Values": [value]}])["Snapshots"]
        assert [one["SnapshotId"] for one in found] == [id], name
    public = ec2.describe_snapshots(Filters=[{"Name": "owner-alias", "Values": ["amazon"]}])["Snapshots"]
    assert public
    assert id not in [one["SnapshotId"] for one in public]


def test_the_snapshot_of_an_image_of_amazons_becomes_a_volume(cloud, ec2):
    [image] = ec2.describe_images(Owners=["amazon"])["Images"][:1]
    id = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    made = ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE)
    cloud.settle()
    assert (made["Size"], ec2.describe_volumes(VolumeIds=[made["VolumeId"]])["Volumes"][0]["State"]) == (8, "available")
