"""Images whose disks are encrypted: made of machines and snapshots, copied under a key, launched, shared."""

import json

import pytest

from tests.services.ec2.conftest import OTHER
from tests.services.ec2.volumes.test_encryption import USE, write
from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def machine(launch):
    """A function that launches a machine whose root disk is under a key."""

    def made(**ebs):
        return launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, **ebs}}])

    return made


@pytest.fixture
def imaged(cloud, ec2):
    """A function that makes an image of a machine, waits, and describes it."""

    def made(machine, **more):
        id = ec2.create_image(InstanceId=machine["InstanceId"], Name="mine", **more)["ImageId"]
        cloud.settle()
        return ec2.describe_images(ImageIds=[id])["Images"][0]

    return made


def root_volume(ec2, machine):
    held = [{"Name": "attachment.instance-id", "Values": [machine["InstanceId"]]}]
    return ec2.describe_volumes(Filters=held)["Volumes"][0]


def test_an_image_of_an_encrypted_machine_is_encrypted_and_so_are_machines_of_it(
    cloud, ec2, key, machine, imaged, launch
):
    first = machine(KmsKeyId=key)
    write(cloud, root_volume(ec2, first)["VolumeId"], 77, "kept")
    image = imaged(first)
    assert image["State"] == "available"
    assert image["BlockDeviceMappings"][0]["Ebs"]["Encrypted"]
    second = launch(ImageId=image["ImageId"])
    assert second["State"]["Name"] == "running"
    assert root_volume(ec2, second)["KmsKeyId"] == key


def test_a_copy_of_the_clouds_own_image_is_encrypted_when_it_is_asked(cloud, ec2, key, image, launch):
    copy = ec2.copy_image(Name="copied", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True, KmsKeyId=key)
    cloud.settle()
    found = ec2.describe_images(ImageIds=[copy["ImageId"]])["Images"][0]
    assert (found["State"], found["BlockDeviceMappings"][0]["Ebs"]["Encrypted"]) == ("available", True)
    assert root_volume(ec2, launch(ImageId=copy["ImageId"]))["KmsKeyId"] == key


def test_a_copy_whose_key_cannot_be_used_fails(cloud, ec2, kms, key, image):
    kms.disable_key(KeyId=key)
    copy = ec2.copy_image(Name="copied", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True, KmsKeyId=key)
    cloud.settle()
    found = ec2.describe_images(ImageIds=[copy["ImageId"]])["Images"][0]
    assert (found["State"], found["StateReason"]["Message"]) == ("failed", "Given key ID is not accessible")


def test_an_image_keeps_to_how_its_snapshots_are_encrypted(ec2, machine, launch):
    plain = launch()["InstanceId"]
    for mapping in ({"Encrypted": True}, {"Encrypted": False, "KmsKeyId": "alias/aws/ebs"}):
        with refused("InvalidBlockDeviceMapping"):
            ec2.create_image(
                InstanceId=plain, Name="mine", BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": mapping}]
            )


def test_an_image_under_the_accounts_own_key_cannot_be_shared(ec2, machine, imaged):
    image = imaged(machine())["ImageId"]
    with refused("InvalidParameter", "AWS Managed CMK"):
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": OTHER}]})


def test_a_shared_encrypted_image_is_launched_by_who_may_use_its_key(cloud, ec2, other, kms, key, machine, imaged):
    image = imaged(machine(KmsKeyId=key))["ImageId"]
    ec2.disable_image_block_public_access()
    with refused("InvalidParameter"):
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": OTHER}]})

    def launched():
        made = other.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
        cloud.settle()
        found = other.describe_instances(InstanceIds=[made["InstanceId"]])
        return found["Reservations"][0]["Instances"][0]

    assert launched()["StateReason"]["Code"] == "Client.InvalidKMSKey.InvalidState"
    own, theirs = (
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": action, "Resource": "*"}
        for account, action in ((key.split(":")[4], "kms:*"), (OTHER, USE))
    )
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, theirs]}))
    second = launched()
    assert second["State"]["Name"] == "running"
    assert root_volume(other, second)["KmsKeyId"].split(":")[4] == OTHER
