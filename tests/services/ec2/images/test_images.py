"""Images that accounts make: of machines, of snapshots, of other images; shared, protected, and gone."""

import datetime
import threading

import pytest

from pileus.drivers.api import Unable
from tests.services.ec2.conftest import OTHER, allow
from tests.services.ec2.vpc.refusing import refused

MINIMAL = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def described(ec2):
    return lambda id: ec2.describe_images(ImageIds=[id])["Images"][0]


@pytest.fixture
def make(cloud, ec2, launch):
    """A function that makes an image of a new machine, and waits until it is available."""

    def made(name="mine", **more):
        machine = launch()
        cloud.drivers.volumes.guest_writes(machine["BlockDeviceMappings"][0]["Ebs"]["VolumeId"], 5, b"installed")
        id = ec2.create_image(InstanceId=machine["InstanceId"], Name=name, **more)["ImageId"]
        cloud.settle()
        return id

    return made


def root(machine):
    return next(one["Ebs"]["VolumeId"] for one in machine["BlockDeviceMappings"] if one["DeviceName"] == "/dev/xvda")


def test_an_image_is_pending_and_then_a_machine_of_it_has_what_was_installed(
    cloud, ec2, launch, described, monkeypatch
):
    machine = launch()
    go_on, changed = threading.Event(), cloud.drivers.volumes.changed
    monkeypatch.setattr(cloud.drivers.volumes, "changed", lambda *names: go_on.wait(60) and changed(*names))
    cloud.drivers.volumes.guest_writes(root(machine), 5, b"installed")
    id = ec2.create_image(InstanceId=machine["InstanceId"], Name="mine", Description="d")["ImageId"]
    found = described(id)
    assert (found["State"], found["Name"], found["Description"], found["Public"]) == ("pending", "mine", "d", False)
    with refused("InvalidAMIID.Unavailable"):
        launch(ImageId=id)
    go_on.set()
    cloud.settle()
    found = described(id)
    assert (found["State"], found["SourceInstanceId"]) == ("available", machine["InstanceId"])
    [disk] = found["BlockDeviceMappings"]
    assert (disk["DeviceName"], disk["Ebs"]["VolumeSize"], disk["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", 8, True)
    again = launch(ImageId=id)
    assert again["State"]["Name"] == "running"
    assert cloud.drivers.volumes.read(root(again), 5).startswith(b"installed")
    assert described(id)["LastLaunchedTime"]


def test_the_guest_is_shut_down_for_it_and_boots_again(cloud, ec2, launch, show, monkeypatch):
    machine = launch()
    id, states, freeze = machine["InstanceId"], [], cloud.drivers.volumes.freeze

    def seen(volume, name):
        states.append(cloud.drivers.machines.observe(id).state)
        freeze(volume, name)

    monkeypatch.setattr(cloud.drivers.volumes, "freeze", seen)
    ec2.create_image(InstanceId=id, Name="mine")
    assert show(id)["State"]["Name"] == "running"
    cloud.settle()
    assert states == ["stopped"]
    assert cloud.drivers.machines.observe(id).state == "running"
    after = show(id)
    assert after["State"]["Name"] == "running"
    assert after["PublicIpAddress"] == machine["PublicIpAddress"]
    assert after["LaunchTime"] == machine["LaunchTime"]


def test_no_reboot_is_respected_and_all_disks_are_of_one_moment(cloud, ec2, launch, described, monkeypatch):
    machine = launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])
    id, states, freeze = machine["InstanceId"], set(), cloud.drivers.volumes.freeze
    pid = cloud.drivers.machines.observe(id).pid

    def seen(volume, name):
        states.add(cloud.drivers.machines.observe(id).state)
        freeze(volume, name)

    monkeypatch.setattr(cloud.drivers.volumes, "freeze", seen)
    image = ec2.create_image(InstanceId=id, Name="mine", NoReboot=True)["ImageId"]
    cloud.advance(2)
    assert states == {"paused"}
    assert cloud.drivers.machines.observe(id).pid == pid
    found = described(image)
    assert found["State"] == "available"
    assert [one["DeviceName"] for one in found["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/sdf"]


def test_an_image_of_a_stopped_machine_leaves_it_stopped(cloud, ec2, launch, show, described):
    id = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    image = ec2.create_image(InstanceId=id, Name="mine")["ImageId"]
    cloud.settle()
    assert (described(image)["State"], show(id)["State"]["Name"]) == ("available", "stopped")


def test_a_machine_that_is_terminated_over_it_still_becomes_the_image(cloud, ec2, launch, described, show):
    machine = launch()
    cloud.drivers.volumes.guest_writes(root(machine), 5, b"installed")
    image = ec2.create_image(InstanceId=machine["InstanceId"], Name="mine")["ImageId"]
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    cloud.settle()
    assert show(machine["InstanceId"])["State"]["Name"] == "terminated"
    assert described(image)["State"] == "available"
    assert cloud.drivers.volumes.read(root(launch(ImageId=image)), 5).startswith(b"installed")


def test_a_terminated_machine_becomes_no_image(cloud, ec2, launch):
    id = launch()["InstanceId"]
    ec2.terminate_instances(InstanceIds=[id])
    with refused("IncorrectInstanceState"):
        ec2.create_image(InstanceId=id, Name="mine")


def test_mappings_leave_disks_out_and_add_others(cloud, ec2, launch, described):
    machine = launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])
    image = ec2.create_image(
        InstanceId=machine["InstanceId"],
        Name="mine",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "NoDevice": ""},
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12, "VolumeType": "gp3"}},
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 3}},
        ],
        TagSpecifications=[
            {"ResourceType": kind, "Tags": [{"Key": "is", "Value": kind}]} for kind in ("image", "snapshot")
        ],
    )["ImageId"]
    cloud.settle()
    found = described(image)
    disks = {one["DeviceName"]: one["Ebs"] for one in found["BlockDeviceMappings"]}
    assert set(disks) == {"/dev/xvda", "/dev/sdg"}
    assert (disks["/dev/xvda"]["VolumeSize"], disks["/dev/xvda"]["VolumeType"]) == (12, "gp3")
    assert "SnapshotId" not in disks["/dev/sdg"]
    assert found["Tags"] == [{"Key": "is", "Value": "image"}]
    [snapshot] = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert snapshot["Tags"] == [{"Key": "is", "Value": "snapshot"}]
    assert snapshot["Description"] == f"Created by CreateImage({machine['InstanceId']}) for {image}"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Name": "a;b"}, "InvalidAMIName.Malformed"),
        ({"Name": "a*b"}, "InvalidAMIName.Malformed"),
        ({"Name": "x" * 129}, "InvalidAMIName.Malformed"),
        ({"Description": "x" * 256}, "InvalidParameterValue"),
        ({"InstanceId": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"SnapshotLocation": "local"}, "Unsupported"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}]}, "InvalidParameterValue"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "NoDevice": ""}]}, "InvalidBlockDeviceMapping"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_an_image_that_cannot_be_is_refused_and_nothing_is_rebooted(cloud, ec2, launch, change, code):
    id = launch()["InstanceId"]
    pid = cloud.drivers.machines.observe(id).pid
    with refused(code):
        ec2.create_image(**{"InstanceId": id, "Name": "mine", **change})
    cloud.settle()
    assert cloud.drivers.machines.observe(id).pid == pid
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_a_name_is_taken_once_in_an_account_and_a_region(cloud, ec2, other, make):
    id = make("mine")
    with refused("InvalidAMIName.Duplicate", id):
        make("mine")
    far = cloud.client("ec2", region_name="eu-west-1")
    far.copy_image(Name="mine", SourceImageId=id, SourceRegion="us-east-1")
    ec2.deregister_image(ImageId=id)
    assert make("mine") != id


def test_an_image_is_registered_of_a_snapshot(cloud, ec2, make, described, launch):
    first = described(make())
    snapshot = first["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    given = {"Architecture": "x86_64", "VirtualizationType": "hvm", "RootDeviceName": "/dev/xvda"}
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}]
    id = ec2.register_image(Name="other", **given, BlockDeviceMappings=mapping, ImdsSupport="v2.0")["ImageId"]
    found = described(id)
    assert (found["State"], found["ImdsSupport"], found["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]) == (
        "available", "v2.0", 8,
    )  # fmt: skip
    assert launch(ImageId=id)["MetadataOptions"]["HttpTokens"] == "required"
    for change, code in (
        ({"Architecture": "arm64"}, "Unsupported"),
        ({"VirtualizationType": "paravirtual"}, "Unsupported"),
        ({"BootMode": "uefi"}, "Unsupported"),
        ({"RootDeviceName": "/dev/sdb"}, "InvalidBlockDeviceMapping"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}]}, "InvalidBlockDeviceMapping"),
        ({"KernelId": "aki-12345678"}, "NotImplemented"),
    ):
        with refused(code):
            ec2.register_image(**{"Name": "third", **given, "BlockDeviceMappings": mapping, **change})


def test_a_snapshot_of_two_images_is_in_use_until_both_are_gone(ec2, make, described):
    first = make()
    snapshot = described(first)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}]
    given = {"Architecture": "x86_64", "VirtualizationType": "hvm", "RootDeviceName": "/dev/xvda"}
    second = ec2.register_image(Name="second", **given, BlockDeviceMappings=mapping)["ImageId"]
    ec2.deregister_image(ImageId=second)
    with refused("InvalidSnapshot.InUse"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.deregister_image(ImageId=first)
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_copy_is_independent_of_its_source(cloud, ec2, make, launch):
    tags = [{"ResourceType": "image", "Tags": [{"Key": "of", "Value": "web"}]}]
    id = make(TagSpecifications=tags)
    far = cloud.client("ec2", region_name="eu-west-1")
    asked = {"Name": "far", "SourceImageId": id, "SourceRegion": "us-east-1", "ClientToken": "once"}
    copy = far.copy_image(**asked, CopyImageTags=True)["ImageId"]
    assert far.copy_image(**asked, CopyImageTags=True)["ImageId"] == copy
    cloud.settle()
    ec2.deregister_image(ImageId=id, DeleteAssociatedSnapshots=True)
    cloud.settle()
    [found] = far.describe_images(ImageIds=[copy])["Images"]
    assert (found["State"], found["SourceImageId"], found["SourceImageRegion"]) == ("available", id, "us-east-1")
    assert found["Tags"] == [{"Key": "of", "Value": "web"}]
    made = far.run_instances(ImageId=copy, **MINIMAL)["Instances"][0]["InstanceId"]
    cloud.settle()
    [machine] = far.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert machine["State"]["Name"] == "running"
    assert cloud.drivers.volumes.read(root(machine), 5).startswith(b"installed")


def test_an_image_of_amazons_is_copied_with_its_bytes(cloud, ec2, image, launch, described):
    copy = ec2.copy_image(Name="ours", SourceImageId=image, SourceRegion="us-east-1")["ImageId"]
    cloud.settle()
    assert described(copy)["State"] == "available"
    machine = launch(ImageId=copy)
    assert cloud.drivers.volumes.read(root(machine), 0).startswith(b"a boot block")
    assert machine["State"]["Name"] == "running"


def test_a_shared_image_is_launched_by_the_other_account_only_while_it_is_shared(cloud, ec2, other, make):
    id = make()
    with refused("InvalidAMIID.NotFound"):
        other.run_instances(ImageId=id, **MINIMAL)
    ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"UserId": OTHER}]})
    permissions = ec2.describe_image_attribute(ImageId=id, Attribute="launchPermission")["LaunchPermissions"]
    assert permissions == [{"UserId": OTHER}]
    assert [one["ImageId"] for one in other.describe_images(ExecutableUsers=["self"])["Images"]] == [id]
    made = other.run_instances(ImageId=id, **MINIMAL)["Instances"][0]["InstanceId"]
    cloud.settle()
    [machine] = other.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert cloud.drivers.volumes.read(root(machine), 5).startswith(b"installed")
    # Launching is all that was allowed.
    with refused("InvalidRequest"):
        other.copy_image(Name="theirs", SourceImageId=id, SourceRegion="us-east-1")
    with refused("AuthFailure"):
        other.deregister_image(ImageId=id)
    ec2.reset_image_attribute(ImageId=id, Attribute="launchPermission")
    with refused("InvalidAMIID.NotFound"):
        other.run_instances(ImageId=id, **MINIMAL)


def test_public_sharing_is_blocked_until_that_is_lifted(cloud, ec2, other, make):
    id = make()
    public = {"ImageId": id, "LaunchPermission": {"Add": [{"Group": "all"}]}}
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    with refused("OperationNotPermitted"):
        ec2.modify_image_attribute(**public)
    assert ec2.disable_image_block_public_access()["ImageBlockPublicAccessState"] == "unblocked"
    ec2.modify_image_attribute(**public)
    ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    found = other.describe_images(Filters=[{"Name": "is-public", "Values": ["true"]}], Owners=["000000000000"])
    assert id in [one["ImageId"] for one in found["Images"]]


def test_a_snapshot_of_an_image_cannot_be_deleted_before_it(cloud, ec2, make, described):
    id = make()
    snapshot = described(id)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with refused("InvalidSnapshot.InUse", id):
        ec2.delete_snapshot(SnapshotId=snapshot)
    answer = ec2.deregister_image(ImageId=id, DeleteAssociatedSnapshots=True)
    assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    with refused("InvalidSnapshot.NotFound"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    with refused("InvalidAMIID.NotFound"):
        described(id)


def test_machines_of_a_deregistered_image_run_on(cloud, ec2, make, launch, show):
    id = make()
    machine = launch(ImageId=id)["InstanceId"]
    ec2.deregister_image(ImageId=id, DeleteAssociatedSnapshots=True)
    ec2.stop_instances(InstanceIds=[machine])
    cloud.settle()
    ec2.start_instances(InstanceIds=[machine])
    cloud.settle()
    assert (show(machine)["State"]["Name"], show(machine)["ImageId"]) == ("running", id)


def test_protection_outlasts_its_end_by_a_day_if_so_wanted(cloud, ec2, make, described):
    id = make()
    ec2.enable_image_deregistration_protection(ImageId=id, WithCooldown=True)
    assert described(id)["DeregistrationProtection"] == "enabled-with-cooldown"
    with refused("OperationNotPermitted"):
        ec2.deregister_image(ImageId=id)
    ec2.disable_image_deregistration_protection(ImageId=id)
    with refused("OperationNotPermitted"):
        ec2.deregister_image(ImageId=id)
    cloud.advance(86_401)
    ec2.deregister_image(ImageId=id)


def test_a_disabled_image_is_launched_by_nobody_and_shared_with_nobody(cloud, ec2, other, make, launch):
    id = make()
    ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"UserId": OTHER}]})
    ec2.disable_image(ImageId=id)
    with refused("InvalidAMIID.Unavailable"):
        launch(ImageId=id)
    assert other.describe_images(ExecutableUsers=["self"])["Images"] == []
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert [one["State"] for one in ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]] == [
        "disabled"
    ]
    ec2.enable_image(ImageId=id)
    assert launch(ImageId=id)["State"]["Name"] == "running"


def test_a_deprecated_image_is_hidden_from_others_but_can_be_launched(cloud, ec2, other, make):
    id = make()
    ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"UserId": OTHER}]})
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    ec2.enable_image_deprecation(ImageId=id, DeprecateAt=soon)
    mine = {"Owners": ["000000000000"]}
    assert len(other.describe_images(**mine)["Images"]) == 1
    cloud.advance(2 * 3_600)
    assert other.describe_images(**mine)["Images"] == []
    assert len(other.describe_images(**mine, IncludeDeprecated=True)["Images"]) == 1
    assert len(ec2.describe_images(Owners=["self"])["Images"]) == 1
    other.run_instances(ImageId=id, **MINIMAL)
    ec2.disable_image_deprecation(ImageId=id)
    assert len(other.describe_images(**mine)["Images"]) == 1
    with refused("InvalidParameterValue"):
        ec2.enable_image_deprecation(ImageId=id, DeprecateAt=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))


@pytest.mark.parametrize(
    "name",
    ["description", "kernel", "ramdisk", "launchPermission", "productCodes", "blockDeviceMapping", "sriovNetSupport",
     "bootMode", "tpmSupport", "uefiData", "lastLaunchedTime", "imdsSupport", "deregistrationProtection"],
)  # fmt: skip
def test_every_attribute_can_be_asked_for(ec2, make, name):
    id = make()
    found = ec2.describe_image_attribute(ImageId=id, Attribute=name)
    assert len(set(found) - {"ResponseMetadata", "ImageId"}) == 1


def test_descriptions_are_changed_in_both_forms(ec2, make, described):
    id = make()
    ec2.modify_image_attribute(ImageId=id, Description={"Value": "first"})
    assert described(id)["Description"] == "first"
    ec2.modify_image_attribute(ImageId=id, Attribute="description", Value="second")
    assert described(id)["Description"] == "second"
    ec2.modify_image_attribute(ImageId=id, Attribute="launchPermission", OperationType="add", UserIds=[OTHER])
    with refused("InvalidParameterCombination"):
        ec2.modify_image_attribute(ImageId=id)
    with refused("InvalidUserID.Malformed"):
        ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"UserId": "nobody"}]})


def test_an_image_whose_snapshot_fails_says_why(cloud, ec2, launch, described, monkeypatch):
    def changed(old, new, key=b""):
        raise Unable("the pool cannot be read")

    monkeypatch.setattr(cloud.drivers.volumes, "changed", changed)
    id = ec2.create_image(InstanceId=launch()["InstanceId"], Name="mine", NoReboot=True)["ImageId"]
    cloud.settle()
    assert described(id)["State"] == "failed"
    assert described(id)["StateReason"]["Message"] == "the pool cannot be read"


def test_a_public_parameter_names_an_image_of_a_launch(cloud, image, launch):
    found = launch(ImageId="resolve:ssm:/aws/service/debian/release/12/latest/amd64")
    assert found["ImageId"] == image
    with refused("InvalidParameterValue"):
        launch(ImageId="resolve:ssm:/aws/service/debian/release/99/latest/amd64")


def test_images_are_made_by_who_may(jo, launch):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    ours, theirs = launch(TagSpecifications=tags)["InstanceId"], launch()["InstanceId"]
    here = "arn:aws:ec2:us-east-1:"
    client = jo(
        allow("ec2:CreateImage", [f"{here}:image/*", f"{here}:snapshot/*"]),
        allow("ec2:CreateImage", f"{here}000000000000:instance/*", **{"aws__ResourceTag/team": "blue"}),
    )
    with refused("DryRunOperation"):
        client.create_image(InstanceId=ours, Name="mine", DryRun=True)
    with refused("UnauthorizedOperation"):
        client.create_image(InstanceId=theirs, Name="mine", DryRun=True)


def test_a_restart_in_the_middle_makes_the_image_all_the_same(cloud, ec2, launch, monkeypatch):
    machine = launch()

    def fails(id, grace):
        raise Unable("not just now")

    monkeypatch.setattr(cloud.drivers.machines, "stop", fails)
    image = ec2.create_image(InstanceId=machine["InstanceId"], Name="mine")["ImageId"]
    cloud.stop()
    monkeypatch.undo()
    cloud._start()
    cloud.advance(60)
    client = cloud.client("ec2")
    assert client.describe_images(ImageIds=[image])["Images"][0]["State"] == "available"
    assert cloud.drivers.machines.observe(machine["InstanceId"]).state == "running"
