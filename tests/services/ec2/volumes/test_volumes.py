"""A volume's life: made, attached, grown, detached, deleted."""

import pytest

from pileus.drivers.api import Unable
from tests.services.ec2.conftest import allow
from tests.services.ec2.vpc.refusing import refused

ZONE = "us-east-1a"


@pytest.fixture
def make(cloud, ec2):
    """A function that makes a volume, and waits for it."""

    def made(**more):
        id = ec2.create_volume(**{"AvailabilityZone": ZONE, "Size": 1, **more})["VolumeId"]
        cloud.settle()
        return id

    return made


@pytest.fixture
def here(launch):
    """A function that launches an instance in the volumes' zone."""
    return lambda **more: launch(Placement={"AvailabilityZone": ZONE}, **more)["InstanceId"]


@pytest.fixture
def volume(ec2):
    return lambda id: ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]


def test_a_volume_is_creating_and_then_available(cloud, ec2, volume):
    made = ec2.create_volume(AvailabilityZone=ZONE, Size=3, VolumeType="gp3")
    assert (made["State"], made["Size"], made["Iops"], made["Throughput"]) == ("creating", 3, 3000, 125)
    cloud.settle()
    assert volume(made["VolumeId"])["State"] == "available"
    assert cloud.drivers.volumes.observe(made["VolumeId"]).size == 3 * 1024**3


def test_the_same_token_makes_one_volume(ec2):
    asked = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "once"}
    assert ec2.create_volume(**asked)["VolumeId"] == ec2.create_volume(**asked)["VolumeId"]
    with refused("IdempotentParameterMismatch"):
        ec2.create_volume(**{**asked, "Size": 2})
    with refused("DryRunOperation"):
        ec2.create_volume(AvailabilityZone=ZONE, Size=1, DryRun=True)
    assert len(ec2.describe_volumes()["Volumes"]) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Size": 0}, "InvalidParameterValue"),
        ({"Size": 16_385}, "InvalidParameterValue"),
        ({"Size": 1, "VolumeType": "nonsense"}, "UnknownVolumeType"),
        ({"Size": 1, "Iops": 3_000}, "InvalidParameterCombination"),
        ({"Size": 4, "VolumeType": "io1"}, "MissingParameter"),
        ({"Size": 4, "VolumeType": "io1", "Iops": 201}, "InvalidParameterCombination"),
        ({"Size": 1, "VolumeType": "gp3", "Throughput": 1_000}, "InvalidParameterCombination"),
        ({"Size": 1, "AvailabilityZone": "us-east-1z"}, "InvalidZone.NotFound"),
        ({"Size": 1, "KmsKeyId": "alias/aws/ebs"}, "InvalidParameterDependency"),
        ({"Size": 1, "MultiAttachEnabled": True}, "Unsupported"),
        ({"Size": 1, "SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({"Size": 1, "OutpostArn": "arn:aws:outposts:us-east-1:000000000000:outpost/op-1"}, "NotImplemented"),
    ],
)
def test_a_volume_that_cannot_be_is_refused(ec2, asked, code):
    with refused(code):
        ec2.create_volume(**{"AvailabilityZone": ZONE, **asked})
    assert ec2.describe_volumes()["Volumes"] == []


def test_a_volume_that_the_host_cannot_make_is_in_error_and_can_be_deleted(cloud, ec2, make, volume, monkeypatch):
    def ensure(wanted):
        raise Unable("the pool is full")

    with monkeypatch.context() as patch:
        patch.setattr(cloud.drivers.volumes, "ensure", ensure)
        id = make()
    assert volume(id)["State"] == "error"
    ec2.delete_volume(VolumeId=id)
    cloud.settle()
    assert ec2.describe_volumes()["Volumes"] == []


def test_a_volume_moves_from_one_machine_to_another_with_its_bytes(cloud, ec2, make, here, volume):
    id, one, other = make(), here(), here()
    told = ec2.attach_volume(VolumeId=id, InstanceId=one, Device="/dev/sdf")
    assert told["State"] == "attaching"
    cloud.settle()
    [attachment] = volume(id)["Attachments"]
    assert (attachment["State"], attachment["Device"], volume(id)["State"]) == ("attached", "/dev/sdf", "in-use")
    seen = cloud.drivers.volumes.observe(id)
    assert (seen.machine, seen.device) == (one, "xvdf")
    with refused("VolumeInUse"):
        ec2.attach_volume(VolumeId=id, InstanceId=other, Device="/dev/sdf")
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=id)
    cloud.drivers.volumes.guest_writes(id, 7, b"kept")
    assert ec2.detach_volume(VolumeId=id)["State"] == "detaching"
    cloud.settle()
    assert volume(id)["State"] == "available"
    ec2.attach_volume(VolumeId=id, InstanceId=other, Device="/dev/sdg")
    cloud.settle()
    seen = cloud.drivers.volumes.observe(id)
    assert (seen.machine, seen.device) == (other, "xvdg")
    assert cloud.drivers.volumes.read(id, 7).startswith(b"kept")


def test_a_mounted_volume_stays_busy_until_the_guest_lets_go(cloud, ec2, make, here, volume):
    id, machine = make(), here()
    ec2.attach_volume(VolumeId=id, InstanceId=machine, Device="/dev/sdf")
    cloud.settle()
    cloud.drivers.volumes.guest_mounts(id)
    ec2.detach_volume(VolumeId=id)
    cloud.settle()
    assert volume(id)["Attachments"][0]["State"] == "busy"
    cloud.drivers.volumes.guest_mounts(id, False)
    cloud.advance(10)
    assert volume(id)["State"] == "available"


def test_force_takes_a_mounted_volume_away(cloud, ec2, make, here, volume):
    id, machine = make(), here()
    ec2.attach_volume(VolumeId=id, InstanceId=machine, Device="/dev/sdf")
    cloud.settle()
    cloud.drivers.volumes.guest_mounts(id)
    ec2.detach_volume(VolumeId=id)
    cloud.settle()
    ec2.detach_volume(VolumeId=id, Force=True)
    cloud.settle()
    assert volume(id)["State"] == "available"


def test_a_volume_is_attached_again_when_its_machine_starts_again(cloud, ec2, make, here, volume):
    id, machine = make(), here()
    ec2.attach_volume(VolumeId=id, InstanceId=machine, Device="/dev/sdf")
    cloud.settle()
    ec2.stop_instances(InstanceIds=[machine])
    cloud.settle()
    assert volume(id)["Attachments"][0]["State"] == "attached"
    ec2.start_instances(InstanceIds=[machine])
    cloud.settle()
    assert cloud.drivers.volumes.observe(id).machine == machine


def test_a_volume_attached_to_a_stopped_machine_is_there_when_it_starts(cloud, ec2, make, here):
    id, machine = make(), here()
    ec2.stop_instances(InstanceIds=[machine])
    cloud.settle()
    ec2.attach_volume(VolumeId=id, InstanceId=machine, Device="/dev/sdf")
    cloud.settle()
    ec2.start_instances(InstanceIds=[machine])
    cloud.settle()
    assert cloud.drivers.volumes.observe(id).machine == machine


def test_an_attached_volume_outlives_its_machine_unless_it_is_told_not_to(cloud, ec2, make, here, volume):
    stays, goes, machine = make(), make(), here()
    for id, device in ((stays, "/dev/sdf"), (goes, "/dev/sdg")):
        ec2.attach_volume(VolumeId=id, InstanceId=machine, Device=device)
    delete = [{"DeviceName": "/dev/sdg", "Ebs": {"DeleteOnTermination": True}}]
    ec2.modify_instance_attribute(InstanceId=machine, BlockDeviceMappings=delete)
    cloud.settle()
    ec2.terminate_instances(InstanceIds=[machine])
    cloud.settle()
    assert volume(stays)["State"] == "available"
    with refused("InvalidVolume.NotFound"):
        volume(goes)


def test_a_disk_that_was_only_just_ordered_outlives_its_machine(cloud, ec2, image, volume, monkeypatch):
    kept = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2, "DeleteOnTermination": False}}]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, BlockDeviceMappings=kept)
    ec2.terminate_instances(InstanceIds=[made["Instances"][0]["InstanceId"]])
    cloud.settle()
    [left] = ec2.describe_volumes()["Volumes"]
    assert (left["State"], left["Size"]) == ("available", 2)
    assert cloud.drivers.volumes.observe(left["VolumeId"]).size == 2 * 1024**3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Device": "/dev/xvda"}, "InvalidParameterValue"),
        ({"Device": "nonsense"}, "InvalidParameterValue"),
        ({"InstanceId": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"VolumeId": "vol-0123456789abcdef0"}, "InvalidVolume.NotFound"),
    ],
)
def test_an_attachment_that_cannot_be_is_refused(ec2, make, here, change, code):
    asked = {"VolumeId": make(), "InstanceId": here(), "Device": "/dev/sdf", **change}
    with refused(code):
        ec2.attach_volume(**asked)


def test_a_volume_of_another_zone_is_not_attached(ec2, make, here):
    with refused("InvalidVolume.ZoneMismatch"):
        ec2.attach_volume(VolumeId=make(AvailabilityZone="us-east-1b"), InstanceId=here(), Device="/dev/sdf")


def test_a_detachment_names_what_is_attached(ec2, make, here):
    id = make()
    with refused("IncorrectState"):
        ec2.detach_volume(VolumeId=id)
    ec2.attach_volume(VolumeId=id, InstanceId=here(), Device="/dev/sdf")
    with refused("InvalidAttachment.NotFound"):
        ec2.detach_volume(VolumeId=id, InstanceId="i-0123456789abcdef0")
    with refused("InvalidAttachment.NotFound"):
        ec2.detach_volume(VolumeId=id, Device="/dev/sdz")


def test_a_volume_grows_and_changes_its_type_once_in_six_hours(cloud, ec2, make, volume):
    id = make()
    changed = ec2.modify_volume(VolumeId=id, Size=8, VolumeType="gp3", Iops=4_000)["VolumeModification"]
    assert (changed["ModificationState"], changed["OriginalSize"], changed["TargetSize"]) == ("modifying", 1, 8)
    cloud.settle()
    found = volume(id)
    assert (found["Size"], found["VolumeType"], found["Iops"]) == (8, "gp3", 4_000)
    assert cloud.drivers.volumes.observe(id).size == 8 * 1024**3
    [done] = ec2.describe_volumes_modifications(
        Filters=[{"Name": "modification-state", "Values": ["completed"]}, {"Name": "target-size", "Values": ["8"]}]
    )["VolumesModifications"]
    assert (done["VolumeId"], done["Progress"]) == (id, 100)
    with refused("VolumeModificationRateExceeded"):
        ec2.modify_volume(VolumeId=id, Size=9)
    cloud.advance(6 * 3_600)
    with refused("InvalidParameterValue", "smaller"):
        ec2.modify_volume(VolumeId=id, Size=7)
    ec2.modify_volume(VolumeId=id, Size=9)
    with refused("InvalidVolumeModification.NotFound"):
        ec2.describe_volumes_modifications(VolumeIds=[make()])


def test_volumes_are_found_by_what_they_are(ec2, make, here, volume):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "use", "Value": "data"}]}]
    id = make(TagSpecifications=tags)
    make(AvailabilityZone="us-east-1b")
    for name, value in {
        "availability-zone": ZONE,
        "tag:use": "data",
        "volume-id": id,
        "create-time": volume(id)["CreateTime"].strftime("%Y-%m-%dT%H:%M:%S*"),
    }.items():
        found = ec2.describe_volumes(Filters=[{"Name": name, "Values": [value]}])["Volumes"]
        assert id in [one["VolumeId"] for one in found], name
    assert len(ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])["Volumes"]) == 2
    assert ec2.describe_volumes(Filters=[{"Name": "attachment.status", "Values": ["attached"]}])["Volumes"] == []


def test_the_status_and_attributes_of_a_volume(ec2, make):
    id = make()
    [status] = ec2.describe_volume_status(Filters=[{"Name": "volume-status.status", "Values": ["ok"]}])[
        "VolumeStatuses"
    ]
    assert (status["VolumeId"], status["VolumeStatus"]["Status"]) == (id, "ok")
    ec2.modify_volume_attribute(VolumeId=id, AutoEnableIO={"Value": True})
    assert ec2.describe_volume_attribute(VolumeId=id, Attribute="autoEnableIO")["AutoEnableIO"]["Value"] is True
    assert ec2.describe_volume_attribute(VolumeId=id, Attribute="productCodes")["ProductCodes"] == []


def test_volumes_are_made_by_who_may_make_such(jo):
    client = jo(allow("ec2:CreateVolume", ec2__VolumeType="gp3"))
    with refused("DryRunOperation"):
        client.create_volume(AvailabilityZone=ZONE, Size=1, VolumeType="gp3", DryRun=True)
    with refused("UnauthorizedOperation"):
        client.create_volume(AvailabilityZone=ZONE, Size=1, DryRun=True)


def test_a_restart_keeps_volumes_and_attachments(cloud, ec2, make, here):
    id, machine = make(), here()
    ec2.attach_volume(VolumeId=id, InstanceId=machine, Device="/dev/sdf")
    cloud.settle()
    cloud.restart()
    cloud.settle()
    [found] = cloud.client("ec2").describe_volumes(VolumeIds=[id])["Volumes"]
    assert (found["State"], found["Attachments"][0]["State"]) == ("in-use", "attached")
    assert cloud.drivers.volumes.observe(id).machine == machine
