"""EBS direct APIs: snapshots read and made block by block."""

import base64
import hashlib

import pytest
from botocore.exceptions import ClientError

from pileus.drivers.volumes.api import BLOCK
from tests.services.ec2.vpc.refusing import refused

ZONE = "us-east-1a"


@pytest.fixture
def ebs(cloud):
    return cloud.client("ebs")


@pytest.fixture
def volume(cloud, ec2):
    id = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    cloud.settle()
    return id


@pytest.fixture
def take(cloud, ec2):
    """A function that writes texts into blocks of a volume, takes a snapshot and waits for it."""

    def taken(volume, **texts):
        for name, text in texts.items():
            cloud.drivers.volumes.guest_writes(volume, int(name[1:]), text.encode())
        id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        cloud.settle()
        return id

    return taken


def content(text):
    return text.encode().ljust(BLOCK, b"\0")


def checksum(block):
    return base64.b64encode(hashlib.sha256(block).digest()).decode()


def put(ebs, snapshot, number, text, **change):
    block = content(text)
    given = {
        "SnapshotId": snapshot, "BlockIndex": number, "BlockData": block, "DataLength": BLOCK,
        "Checksum": checksum(block), "ChecksumAlgorithm": "SHA256", **change,
    }  # fmt: skip
    return ebs.put_snapshot_block(**given)


def read(ebs, snapshot, number):
    [one] = [one for one in ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"] if one["BlockIndex"] == number]
    found = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=number, BlockToken=one["BlockToken"])
    block = found["BlockData"].read()
    assert (found["DataLength"], found["Checksum"]) == (BLOCK, checksum(block))
    return block.rstrip(b"\0").decode()


def reason(code, reason, call, **asked):
    with pytest.raises(ClientError) as caught:
        call(**asked)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Reason"] == reason


def test_a_snapshot_lists_its_blocks_and_gives_them(ebs, volume, take):
    id = take(volume, b3="three", b700="seven hundred")
    listed = ebs.list_snapshot_blocks(SnapshotId=id)
    assert [one["BlockIndex"] for one in listed["Blocks"]] == [3, 700]
    assert (listed["VolumeSize"], listed["BlockSize"]) == (1, BLOCK)
    assert read(ebs, id, 700) == "seven hundred"
    later = ebs.list_snapshot_blocks(SnapshotId=id, StartingBlockIndex=4)
    assert [one["BlockIndex"] for one in later["Blocks"]] == [700]


def test_pages_hold_every_block_once(ebs, volume, take):
    id = take(volume, **{f"b{number}": str(number) for number in range(0, 500, 2)})
    found, token = [], None
    while True:
        page = ebs.list_snapshot_blocks(SnapshotId=id, MaxResults=100, **({"NextToken": token} if token else {}))
        found.append([one["BlockIndex"] for one in page["Blocks"]])
        token = page.get("NextToken")
        if not token:
            break
    assert [len(page) for page in found] == [100, 100, 50]
    assert [number for page in found for number in page] == list(range(0, 500, 2))


def test_what_changed_between_two_snapshots(ebs, volume, take):
    first = take(volume, b1="one", b2="two", b3="three")
    second = take(volume, b2="", b3="drei", b4="vier")
    found = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)["ChangedBlocks"]
    tokens = {one["BlockIndex"]: ("FirstBlockToken" in one, "SecondBlockToken" in one) for one in found}
    assert tokens == {2: (True, False), 3: (True, True), 4: (False, True)}
    changed = next(one for one in found if one["BlockIndex"] == 3)
    got = ebs.get_snapshot_block(SnapshotId=second, BlockIndex=3, BlockToken=changed["SecondBlockToken"])
    assert got["BlockData"].read().startswith(b"drei")
    every = ebs.list_changed_blocks(SecondSnapshotId=second)["ChangedBlocks"]
    assert [one["BlockIndex"] for one in every] == [1, 3, 4]


def test_snapshots_of_different_volumes_are_not_compared(cloud, ec2, ebs, volume, take):
    other = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    cloud.settle()
    asked = {"FirstSnapshotId": take(volume), "SecondSnapshotId": take(other)}
    reason("ValidationException", "UNRELATED_SNAPSHOTS", ebs.list_changed_blocks, **asked)


def test_a_token_is_of_one_block_of_one_snapshot_for_a_week(cloud, ebs, volume, take):
    one, other = take(volume, b1="one", b2="two"), take(volume, b1="uno")
    token = ebs.list_snapshot_blocks(SnapshotId=one)["Blocks"][0]["BlockToken"]
    for asked in ({"SnapshotId": one, "BlockIndex": 2}, {"SnapshotId": other, "BlockIndex": 1}):
        reason("ValidationException", "INVALID_BLOCK_TOKEN", ebs.get_snapshot_block, **asked, BlockToken=token)
    reason(
        "ValidationException", "INVALID_BLOCK_TOKEN", ebs.get_snapshot_block,
        SnapshotId=one, BlockIndex=1, BlockToken="nonsense",
    )  # fmt: skip
    cloud.advance(7 * 86_400 + 1)
    reason(
        "ValidationException", "INVALID_BLOCK_TOKEN", ebs.get_snapshot_block,
        SnapshotId=one, BlockIndex=1, BlockToken=token,
    )  # fmt: skip


def test_a_snapshot_is_made_block_by_block_and_becomes_a_volume(cloud, ec2, ebs):
    tags = [{"Key": "from", "Value": "backup"}]
    begun = ebs.start_snapshot(VolumeSize=1, Description="mine", Tags=tags, ClientToken="once")
    assert begun["Status"] == "pending"
    id = begun["SnapshotId"]
    assert ebs.start_snapshot(VolumeSize=1, Description="mine", Tags=tags, ClientToken="once")["SnapshotId"] == id
    with refused("ConflictException"):
        ebs.start_snapshot(VolumeSize=2, ClientToken="once")
    put(ebs, id, 0, "zero")
    put(ebs, id, 9, "wrong")
    put(ebs, id, 9, "nine")
    digests = b"".join(hashlib.sha256(content(text)).digest() for text in ("zero", "nine"))
    whole = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    done = ebs.complete_snapshot(
        SnapshotId=id, ChangedBlocksCount=2, Checksum=whole, ChecksumAlgorithm="SHA256",
        ChecksumAggregationMethod="LINEAR",
    )  # fmt: skip
    assert done["Status"] == "completed"
    [shown] = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    assert (shown["State"], shown["Description"], shown["Tags"]) == ("completed", "mine", tags)
    made = ec2.create_volume(SnapshotId=id, AvailabilityZone=ZONE)["VolumeId"]
    cloud.settle()
    assert cloud.drivers.volumes.read(made, 9).startswith(b"nine")
    with refused("ConflictException"):
        put(ebs, id, 1, "late")


def test_a_child_has_its_parents_other_blocks(cloud, ebs, ec2, volume, take):
    parent = take(volume, b1="one", b2="two")
    id = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=parent)["SnapshotId"]
    put(ebs, id, 2, "zwei")
    assert ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=1)["Status"] == "pending"
    cloud.settle()
    assert (read(ebs, id, 1), read(ebs, id, 2)) == ("one", "zwei")
    ec2.delete_snapshot(SnapshotId=parent)
    cloud.settle()
    assert read(ebs, id, 1) == "one"


def test_a_snapshot_that_is_left_alone_fails(cloud, ec2, ebs):
    id = ebs.start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    cloud.advance(300)
    put(ebs, id, 0, "alive")
    cloud.advance(400)
    assert ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]["State"] == "pending"
    cloud.advance(300)
    assert ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]["State"] == "error"
    with refused("ConflictException"):
        put(ebs, id, 1, "late")


def test_bad_blocks_are_refused(ebs):
    id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    for change, why in (
        ({"BlockIndex": 2_048}, "INVALID_BLOCK"),
        ({"Checksum": checksum(b"other")}, "INVALID_PARAMETER_VALUE"),
        ({"BlockData": b"short", "DataLength": BLOCK}, "INVALID_PARAMETER_VALUE"),
    ):
        with pytest.raises(ClientError) as caught:
            put(ebs, id, 0, "zero", **change)
        assert caught.value.response["Reason"] == why, change
    reason("ValidationException", "INVALID_PARAMETER_VALUE", ebs.complete_snapshot, SnapshotId=id, ChangedBlocksCount=1)


def test_strangers_read_nothing_unless_it_is_shared(cloud, ec2, volume, take):
    id = take(volume, b1="one")
    stranger = cloud.client("ebs", "111111111111")
    reason("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", stranger.list_snapshot_blocks, SnapshotId=id)
    ec2.modify_snapshot_attribute(SnapshotId=id, CreateVolumePermission={"Add": [{"UserId": "111111111111"}]})
    assert read(stranger, id, 1) == "one"


def test_reading_needs_permission(cloud, jo, volume, take):
    id = take(volume, b1="one")
    iam, here = cloud.client("iam"), f"arn:aws:ec2:us-east-1::snapshot/{id}"
    jo({"Effect": "Allow", "Action": "ebs:ListSnapshotBlocks", "Resource": here})
    key = iam.create_access_key(UserName="jo")["AccessKey"]
    client = cloud.client("ebs", key["AccessKeyId"], key["SecretAccessKey"])
    [one] = client.list_snapshot_blocks(SnapshotId=id)["Blocks"]
    with refused("AccessDeniedException"):
        client.get_snapshot_block(SnapshotId=id, BlockIndex=1, BlockToken=one["BlockToken"])
