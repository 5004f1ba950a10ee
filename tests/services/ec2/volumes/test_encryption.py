"""Encrypted volumes and snapshots: which KMS key, who may use it, and what a key that is shut shuts with it."""

import hashlib
import json
from base64 import b64encode

import pytest

from pileus.drivers.api import Unable
from pileus.drivers.volumes.api import BLOCK
from pileus.services.ec2.volumes.encrypting import key_of
from pileus.services.ec2.volumes.records import blocks, by_snapshot_id, by_volume_id, snapshots, volumes
from pileus.services.ec2.volumes.storing import read_block
from tests.services.ec2.conftest import OTHER, allow
from tests.services.ec2.vpc.refusing import refused

ZONE = "us-east-1a"
USE = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def volume(cloud, ec2):
    """A function that makes a volume, waits, and describes it."""

    def made(client=None, **more):
        wanted = {"AvailabilityZone": ZONE, **({} if "SnapshotId" in more else {"Size": 1}), **more}
        id = (client or ec2).create_volume(**wanted)["VolumeId"]
        cloud.settle()
        return (client or ec2).describe_volumes(VolumeIds=[id])["Volumes"][0]

    return made


@pytest.fixture
def snapshot(cloud, ec2):
    """A function that takes a snapshot of a volume, waits, and describes it."""

    def taken(volume):
        id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        cloud.settle()
        return ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]

    return taken


def record(cloud, id):
    table, index = (volumes, by_volume_id) if id.startswith("vol-") else (snapshots, by_snapshot_id)
    return cloud.run(cloud.app.store.transact(lambda tx: list(table.find(tx, index, id, limit=1))))[0][1]


def secret(cloud, id):
    """The data key of a volume or snapshot, as EC2 itself opens it."""
    return cloud.run(key_of(cloud.app.cloud, record(cloud, id).data_key))


def text(cloud, volume, number):
    return cloud.drivers.volumes.read(volume, number, secret(cloud, volume)).rstrip(b"\0").decode()


def write(cloud, volume, number, words):
    cloud.drivers.volumes.guest_writes(volume, number, words.encode())


def managed(kms):
    return kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]


def test_a_volume_is_under_the_accounts_key_for_ebs(cloud, ec2, kms, volume):
    found = volume(Encrypted=True)
    assert (found["State"], found["Encrypted"], found["KmsKeyId"]) == ("available", True, managed(kms))
    assert kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["KeyManager"] == "AWS"
    assert len(secret(cloud, found["VolumeId"])) == 32
    with pytest.raises(Unable):
        cloud.drivers.volumes.read(found["VolumeId"], 0)
    assert "KmsKeyId" not in volume()
    held = ec2.describe_volumes(Filters=[{"Name": "encrypted", "Values": ["true"]}])["Volumes"]
    assert [one["VolumeId"] for one in held] == [found["VolumeId"]]


@pytest.mark.parametrize("name", ["arn", "id", "alias", "alias ARN"])
def test_a_key_is_named_by_id_arn_or_alias(kms, key, volume, name):
    kms.create_alias(AliasName="alias/disks", TargetKeyId=key)
    alias = key.rpartition(":")[0] + ":alias/disks"
    names = {"arn": key, "id": key.rpartition("/")[2], "alias": "alias/disks", "alias ARN": alias}
    assert volume(Encrypted=True, KmsKeyId=names[name])["KmsKeyId"] == key


def test_a_key_without_encrypted_is_refused(ec2, key):
    with refused("InvalidParameterDependency"):
        ec2.create_volume(AvailabilityZone=ZONE, Size=1, KmsKeyId=key)


def test_a_volume_whose_key_cannot_be_used_fails_after_the_answer(ec2, kms, key, volume):
    kms.disable_key(KeyId=key)
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    for bad in (key, signing, "alias/none"):
        found = volume(Encrypted=True, KmsKeyId=bad)
        assert (found["State"], found["Encrypted"]) == ("error", True)
        ec2.delete_volume(VolumeId=found["VolumeId"])


def test_whoever_makes_a_volume_must_be_allowed_to_use_its_key(jo, volume, key):
    without = allow(["ec2:CreateVolume", "ec2:DescribeVolumes"])
    own = jo(without)
    assert volume(own, Encrypted=True, KmsKeyId=key)["State"] == "error"
    assert volume(own, Encrypted=True)["State"] == "available"  # AWS's own key is for all who may use EC2


def test_whoever_may_use_the_key_makes_a_volume_under_it(jo, volume, key):
    own = jo(allow(["ec2:CreateVolume", "ec2:DescribeVolumes"]), allow(USE, key))
    assert volume(own, Encrypted=True, KmsKeyId=key)["State"] == "available"


def test_accounts_may_have_all_volumes_encrypted_under_a_key_of_theirs(ec2, kms, key, volume):
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert volume()["KmsKeyId"] == managed(kms)
    assert ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"] == key
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == key
    assert volume(Encrypted=False)["KmsKeyId"] == key
    with refused("InvalidParameterValue"):
        ec2.modify_ebs_default_kms_key_id(KmsKeyId="alias/none")
    assert ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert not volume()["Encrypted"]


def test_snapshots_are_under_their_volumes_key_and_volumes_under_their_snapshots(cloud, ec2, key, volume, snapshot):
    first = volume(Encrypted=True, KmsKeyId=key)["VolumeId"]
    write(cloud, first, 3, "three")
    one = snapshot(first)
    assert (one["State"], one["Encrypted"], one["KmsKeyId"]) == ("completed", True, key)
    write(cloud, first, 4, "four")
    two = snapshot(first)
    copy = volume(SnapshotId=two["SnapshotId"])
    assert (copy["Encrypted"], copy["KmsKeyId"]) == (True, key)
    assert secret(cloud, copy["VolumeId"]) == secret(cloud, first)
    assert [text(cloud, copy["VolumeId"], number) for number in (3, 4)] == ["three", "four"]
    assert record(cloud, two["SnapshotId"]).stored == BLOCK


def test_a_volume_of_an_encrypted_snapshot_may_be_under_another_key(cloud, kms, key, volume, snapshot):
    first = volume(Encrypted=True)["VolumeId"]
    write(cloud, first, 3, "three")
    copy = volume(SnapshotId=snapshot(first)["SnapshotId"], Encrypted=True, KmsKeyId=key)
    assert copy["KmsKeyId"] == key
    assert secret(cloud, copy["VolumeId"]) != secret(cloud, first)
    assert text(cloud, copy["VolumeId"], 3) == "three"
    write(cloud, copy["VolumeId"], 4, "four")
    again = volume(SnapshotId=snapshot(copy["VolumeId"])["SnapshotId"])["VolumeId"]
    assert [text(cloud, again, number) for number in (3, 4)] == ["three", "four"]


def test_a_plain_snapshot_becomes_an_encrypted_volume(cloud, key, volume, snapshot):
    first = volume()["VolumeId"]
    write(cloud, first, 3, "three")
    copy = volume(SnapshotId=snapshot(first)["SnapshotId"], Encrypted=True, KmsKeyId=key)["VolumeId"]
    assert text(cloud, copy, 3) == "three"
    write(cloud, copy, 5, "five")
    sealed = snapshot(copy)["SnapshotId"]
    assert rows(cloud, sealed) == {3: b"", 5: b""}


def rows(cloud, snapshot):
    """number -> the key of the block that is kept beside it: none where the data key opens it."""
    work = lambda tx: {key[-1]: block.key for key, block in blocks.scan(tx, snapshot, limit=1_000)}  # noqa: E731
    return cloud.run(cloud.app.store.transact(work))


def test_blocks_of_an_encrypted_snapshot_open_with_its_data_key_only(cloud, volume, snapshot):
    first = volume(Encrypted=True)["VolumeId"]
    write(cloud, first, 3, "three")
    sealed = snapshot(first)["SnapshotId"]
    world = cloud.app.cloud
    block = cloud.run(cloud.app.store.transact(lambda tx: blocks.get(tx, sealed, 3)))
    with pytest.raises(ValueError, match="data key"):
        read_block(world.blobs, world.keyring, block)
    assert read_block(world.blobs, world.keyring, block, secret(cloud, sealed)).startswith(b"three")


def test_an_encrypted_snapshot_comes_back_when_the_pool_has_it_no_more(cloud, volume, snapshot):
    first = volume(Encrypted=True)["VolumeId"]
    write(cloud, first, 3, "three")
    sealed = snapshot(first)["SnapshotId"]
    cloud.drivers.volumes.forget(sealed)
    assert text(cloud, volume(SnapshotId=sealed)["VolumeId"], 3) == "three"


def test_a_copy_is_encrypted_as_it_is_asked(cloud, ec2, kms, key, volume, snapshot):
    plain, sealed = volume()["VolumeId"], volume(Encrypted=True)["VolumeId"]
    for one in (plain, sealed):
        write(cloud, one, 3, "three")
    wanted = [(plain, {"Encrypted": True}, managed(kms)), (plain, {"Encrypted": True, "KmsKeyId": key}, key)]
    wanted += [(sealed, {}, managed(kms)), (sealed, {"Encrypted": True, "KmsKeyId": key}, key)]
    for source, how, under in wanted:
        id = ec2.copy_snapshot(SourceSnapshotId=snapshot(source)["SnapshotId"], SourceRegion="us-east-1", **how)[
            "SnapshotId"
        ]
        cloud.settle()
        found = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]
        assert (found["State"], found["Encrypted"], found["KmsKeyId"]) == ("completed", True, under)
        assert text(cloud, volume(SnapshotId=id)["VolumeId"], 3) == "three"


def test_a_copy_in_another_region_is_under_a_key_of_that_region(cloud, volume, snapshot):
    first = volume(Encrypted=True)["VolumeId"]
    write(cloud, first, 3, "three")
    source = snapshot(first)["SnapshotId"]
    west = cloud.client("ec2", region_name="us-west-2")
    id = west.copy_snapshot(SourceSnapshotId=source, SourceRegion="us-east-1")["SnapshotId"]
    cloud.settle()
    found = west.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]
    assert found["State"] == "completed"
    assert found["KmsKeyId"].startswith("arn:aws:kms:us-west-2:")


def test_a_copy_whose_key_cannot_be_used_fails_and_says_so(cloud, ec2, kms, key, volume, snapshot):
    source = snapshot(volume(Encrypted=True, KmsKeyId=key)["VolumeId"])["SnapshotId"]
    kms.disable_key(KeyId=key)
    id = ec2.copy_snapshot(SourceSnapshotId=source, SourceRegion="us-east-1")["SnapshotId"]
    cloud.settle()
    found = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]
    assert (found["State"], found["StateMessage"]) == ("error", "Given key ID is not accessible")


def test_what_is_under_the_accounts_own_key_cannot_be_shared(ec2, volume, snapshot):
    sealed = snapshot(volume(Encrypted=True)["VolumeId"])["SnapshotId"]
    for whom in ({"UserIds": [OTHER]}, {"GroupNames": ["all"]}):
        wanted = {"SnapshotId": sealed, "Attribute": "createVolumePermission", "OperationType": "add", **whom}
        with refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"):
            ec2.modify_snapshot_attribute(**wanted)


def test_a_shared_encrypted_snapshot_is_of_use_to_who_may_use_its_key(cloud, ec2, other, kms, key, volume, snapshot):
    first = volume(Encrypted=True, KmsKeyId=key)["VolumeId"]
    write(cloud, first, 3, "three")
    sealed = snapshot(first)["SnapshotId"]
    share = {"SnapshotId": sealed, "Attribute": "createVolumePermission", "OperationType": "add"}
    with refused("OperationNotPermitted"):
        ec2.modify_snapshot_attribute(**share, GroupNames=["all"])
    ec2.modify_snapshot_attribute(**share, UserIds=[OTHER])
    assert volume(other, SnapshotId=sealed)["State"] == "error"
    own, theirs = (
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": action, "Resource": "*"}
        for account, action in ((key.split(":")[4], "kms:*"), (OTHER, USE))
    )
    policy = {"Version": "2012-10-17", "Statement": [own, theirs]}
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    found = volume(other, SnapshotId=sealed)
    assert found["State"] == "available"
    assert found["KmsKeyId"].split(":")[4] == OTHER
    assert text(cloud, found["VolumeId"], 3) == "three"


def test_a_disabled_key_keeps_a_volume_from_being_attached(cloud, ec2, kms, key, volume, launch):
    instance, first = launch()["InstanceId"], volume(Encrypted=True, KmsKeyId=key)["VolumeId"]
    kms.disable_key(KeyId=key)
    with refused("CustomerKeyHasBeenRevoked"):
        ec2.attach_volume(VolumeId=first, InstanceId=instance, Device="/dev/sdf")
    kms.enable_key(KeyId=key)
    ec2.attach_volume(VolumeId=first, InstanceId=instance, Device="/dev/sdf")
    cloud.settle()
    assert cloud.drivers.volumes.observe(first).machine == instance
    kms.disable_key(KeyId=key)  # what is attached stays so
    ec2.create_tags(Resources=[first], Tags=[{"Key": "a", "Value": "b"}])
    cloud.settle()
    assert ec2.describe_volumes(VolumeIds=[first])["Volumes"][0]["State"] == "in-use"
    kms.enable_key(KeyId=key)
    ec2.modify_volume(VolumeId=first, Size=2)
    cloud.settle()
    assert cloud.drivers.volumes.observe(first).size == 2 * 1024**3


def test_a_machine_has_encrypted_disks_its_root_among_them(cloud, ec2, kms, key, launch):
    mappings = [
        {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True}},
    ]
    instance = launch(BlockDeviceMappings=mappings)
    assert instance["State"]["Name"] == "running"
    found = {
        one["Attachments"][0]["Device"]: one["KmsKeyId"]
        for one in ec2.describe_volumes()["Volumes"]
        if one["State"] == "in-use"
    }
    assert found == {"/dev/xvda": key, "/dev/sdf": managed(kms)}
    taken = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance["InstanceId"]})["Snapshots"]
    assert [one["Encrypted"] for one in taken] == [True, True]
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    cloud.settle()
    kms.disable_key(KeyId=key)
    ec2.start_instances(InstanceIds=[instance["InstanceId"]])
    cloud.settle()
    stopped = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    assert stopped["State"]["Name"] == "stopped"
    assert stopped["StateReason"]["Code"] == "Client.InvalidKMSKey.InvalidState"
    kms.enable_key(KeyId=key)
    ec2.start_instances(InstanceIds=[instance["InstanceId"]])
    cloud.settle()
    assert ec2.describe_instances()["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"


def test_a_launch_whose_key_cannot_be_used_fails(kms, key, launch):
    kms.disable_key(KeyId=key)
    found = launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}])
    assert found["State"]["Name"] == "terminated"
    assert found["StateReason"]["Code"] == "Client.InvalidKMSKey.InvalidState"


def test_the_direct_api_opens_blocks_for_who_may_use_the_key(cloud, jo, kms, key, volume, snapshot):
    first = volume(Encrypted=True, KmsKeyId=key)["VolumeId"]
    write(cloud, first, 3, "three")
    sealed = snapshot(first)["SnapshotId"]
    ebs = cloud.client("ebs")
    token = ebs.list_snapshot_blocks(SnapshotId=sealed)["Blocks"][0]["BlockToken"]
    read = ebs.get_snapshot_block(SnapshotId=sealed, BlockIndex=3, BlockToken=token)
    content = read["BlockData"].read()
    assert content.startswith(b"three")
    assert read["Checksum"] == b64encode(hashlib.sha256(content).digest()).decode()
    kms.disable_key(KeyId=key)
    with refused("AccessDeniedException"):
        ebs.get_snapshot_block(SnapshotId=sealed, BlockIndex=3, BlockToken=token)


@pytest.mark.parametrize("named", [True, False])
def test_the_direct_api_makes_encrypted_snapshots(cloud, kms, key, volume, named):
    ebs = cloud.client("ebs")
    started = ebs.start_snapshot(VolumeSize=1, Encrypted=True, **({"KmsKeyArn": key} if named else {}))
    sealed, content = started["SnapshotId"], b"seven".ljust(BLOCK, b"\0")
    assert started["KmsKeyArn"] == (key if named else managed(kms))
    checksum = b64encode(hashlib.sha256(content).digest()).decode()
    told = {"DataLength": BLOCK, "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
    ebs.put_snapshot_block(SnapshotId=sealed, BlockIndex=7, BlockData=content, **told)
    ebs.complete_snapshot(SnapshotId=sealed, ChangedBlocksCount=1)
    child = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=sealed)["SnapshotId"]
    ebs.put_snapshot_block(SnapshotId=child, BlockIndex=8, BlockData=content, **told)
    ebs.complete_snapshot(SnapshotId=child, ChangedBlocksCount=1)
    cloud.settle()
    assert rows(cloud, child) == {7: b"", 8: b""}
    made = volume(SnapshotId=child)["VolumeId"]
    assert [text(cloud, made, number) for number in (7, 8)] == ["seven", "seven"]
