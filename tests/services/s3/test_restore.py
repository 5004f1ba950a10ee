"""Objects in the archive: asked for, there for a while, gone again; all by the cloud's clock."""

from datetime import UTC, datetime

import pytest
from botocore.config import Config

from tests.services.s3.events_asking import queue_for, rule, tell, told
from tests.services.s3.lifecycle_asking import DAY, midnight, now, to_midnight, to_noon
from tests.services.s3.s3_asking import read, refused

HOUR = 3_600
BUCKET = "cellar"


@pytest.fixture
def s3(cloud):
    to_noon(cloud)
    s3 = cloud.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket=BUCKET)
    return s3


def store(s3, storage="GLACIER", key="k"):
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"cold", StorageClass=storage)


def restore(s3, days=1, tier=None, key="k", **more):
    wanted = {} if days is None else {"Days": days}
    if tier is not None:
        wanted["GlacierJobParameters"] = {"Tier": tier}
    answer = s3.restore_object(Bucket=BUCKET, Key=key, RestoreRequest=wanted, **more)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def header(s3, key="k"):
    return s3.head_object(Bucket=BUCKET, Key=key).get("Restore")


def status(s3):
    [one] = s3.list_objects_v2(Bucket=BUCKET, OptionalObjectAttributes=["RestoreStatus"])["Contents"]
    return one.get("RestoreStatus")


@pytest.mark.parametrize(
    ("storage", "tier", "least", "most"),
    [
        ("GLACIER", "Expedited", HOUR / 60, HOUR / 12),
        ("GLACIER", None, 3 * HOUR, 5 * HOUR),
        ("GLACIER", "Standard", 3 * HOUR, 5 * HOUR),
        ("GLACIER", "Bulk", 5 * HOUR, 12 * HOUR),
        ("DEEP_ARCHIVE", "Standard", 11 * HOUR, 12 * HOUR),
        ("DEEP_ARCHIVE", "Bulk", 47 * HOUR, 48 * HOUR),
    ],
)
def test_a_retrieval_takes_its_time(cloud, s3, storage, tier, least, most):
    store(s3, storage)
    assert header(s3) is None
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="k")
    assert restore(s3, 2, tier) == 202
    cloud.advance(least - 1)
    assert header(s3) == 'ongoing-request="true"'
    assert status(s3) == {"IsRestoreInProgress": True}
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="k")
    cloud.advance(most - least + 1)
    assert read(s3, BUCKET, "k") == b"cold"
    assert s3.head_object(Bucket=BUCKET, Key="k")["StorageClass"] == storage
    assert header(s3).startswith('ongoing-request="false", expiry-date="')
    assert status(s3)["IsRestoreInProgress"] is False


def test_a_copy_goes_at_the_midnight_after_its_days(cloud, s3):
    store(s3)
    restore(s3, 3, "Expedited")
    cloud.advance(300)
    ends = midnight(cloud, 4)
    assert header(s3) == f'ongoing-request="false", expiry-date="{ends:%a, %d %b %Y %H:%M:%S} GMT"'
    assert status(s3)["RestoreExpiryDate"] == ends
    cloud.advance(ends.timestamp() - now(cloud) - 5)
    assert read(s3, BUCKET, "k") == b"cold"
    cloud.advance(6)
    assert header(s3) is None
    assert status(s3) is None
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="k")
    assert restore(s3) == 202


def test_asking_again_changes_how_long_the_copy_stays(cloud, s3):
    store(s3)
    restore(s3, 3, "Expedited")
    cloud.advance(DAY)
    assert restore(s3, 1) == 200
    assert status(s3)["RestoreExpiryDate"] == midnight(cloud, 2)
    to_midnight(cloud, 2)
    assert status(s3) is None


def test_who_asks_again_too_early_is_told_so_unless_for_a_faster_tier(cloud, s3):
    store(s3)
    restore(s3, 5, "Bulk")
    ask = {"Bucket": BUCKET, "Key": "k"}
    for wanted in (
        {"Days": 5, "GlacierJobParameters": {"Tier": "Bulk"}},
        {"Days": 6, "GlacierJobParameters": {"Tier": "Expedited"}},
    ):
        error = refused("RestoreAlreadyInProgress", s3.restore_object, 409, RestoreRequest=wanted, **ask)
        assert error["Error"]["Message"] == "Object restore is already in progress"
    assert restore(s3, None, "Expedited") == 202
    cloud.advance(300)
    assert read(s3, BUCKET, "k") == b"cold"
    assert status(s3)["RestoreExpiryDate"] == midnight(cloud, 6)


@pytest.mark.parametrize("storage", ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"])
def test_what_is_not_archived_is_not_restored(s3, storage):
    store(s3, storage)
    ask = {"Bucket": BUCKET, "Key": "k", "RestoreRequest": {"Days": 1}}
    error = refused("InvalidObjectState", s3.restore_object, 403, **ask)["Error"]
    assert error["Message"] == "Restore is not allowed for the object's current storage class"
    assert read(s3, BUCKET, "k") == b"cold"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "MalformedXML"),
        ({"Days": 0}, "InvalidArgument"),
        ({"Days": 1, "GlacierJobParameters": {"Tier": "Soon"}}, "MalformedXML"),
        ({"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}, "InvalidArgument"),
        ({"Days": 1, "Tier": "Bulk", "GlacierJobParameters": {"Tier": "Standard"}}, "MalformedXML"),
        ({"Days": 1, "Type": "SELECT"}, "NotImplemented"),
        ({"Days": 1, "Description": "d"}, "NotImplemented"),
    ],
)
def test_bad_restores_change_nothing(s3, wanted, code):
    store(s3, "DEEP_ARCHIVE")
    refused(code, s3.restore_object, Bucket=BUCKET, Key="k", RestoreRequest=wanted)
    assert header(s3) is None


def test_what_is_not_there_is_not_restored(s3):
    ask = {"RestoreRequest": {"Days": 1}}
    refused("NoSuchKey", s3.restore_object, 404, Bucket=BUCKET, Key="none", **ask)
    store(s3)
    refused("MissingRequestBodyError", s3.restore_object, 400, Bucket=BUCKET, Key="k")


def test_one_version_is_restored_and_a_marker_is_not(cloud, s3):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key="k", Body=b"1", StorageClass="GLACIER")["VersionId"]
    restore(s3, 1, "Expedited")
    other = s3.put_object(Bucket=BUCKET, Key="k", Body=b"2", StorageClass="GLACIER")["VersionId"]
    marker = s3.delete_object(Bucket=BUCKET, Key="k")["VersionId"]
    cloud.advance(300)  # it is noncurrent by now
    assert read(s3, BUCKET, "k", VersionId=version) == b"1"
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="k", VersionId=other)
    ask = {"Bucket": BUCKET, "Key": "k", "RestoreRequest": {"Days": 1}}
    refused("MethodNotAllowed", s3.restore_object, 405, VersionId=marker, **ask)
    shown = s3.list_object_versions(Bucket=BUCKET, OptionalObjectAttributes=["RestoreStatus"])["Versions"]
    assert {one["VersionId"]: "RestoreStatus" in one for one in shown} == {version: True, other: False}


def test_copies_are_made_of_what_is_at_hand_only(cloud, s3):
    store(s3)
    copy = {"Bucket": BUCKET, "CopySource": f"{BUCKET}/k"}
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
    for ask, more in (
        (s3.copy_object, {"Key": "c"}),
        (s3.upload_part_copy, {"Key": "m", "UploadId": upload, "PartNumber": 1}),
    ):
        error = refused("InvalidObjectState", ask, 403, **copy, **more)["Error"]
        assert error["Message"] == "Operation is not valid for the source object's storage class"
    restore(s3, 1, "Expedited")
    cloud.advance(300)
    s3.copy_object(Key="c", **copy)
    assert s3.upload_part_copy(Key="m", UploadId=upload, PartNumber=1, **copy)["CopyPartResult"]["ETag"]
    found = s3.head_object(Bucket=BUCKET, Key="c")
    assert "StorageClass" not in found
    assert "Restore" not in found
    to_midnight(cloud, 3)
    assert read(s3, BUCKET, "c") == b"cold"
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="k")


def test_a_restored_object_is_copied_onto_itself_to_stay(cloud, s3):
    store(s3)
    restore(s3, 1, "Expedited")
    cloud.advance(300)
    s3.copy_object(Bucket=BUCKET, Key="k", CopySource=f"{BUCKET}/k", StorageClass="STANDARD")
    to_midnight(cloud, 5)
    assert read(s3, BUCKET, "k") == b"cold"
    assert header(s3) is None


def test_an_upload_in_parts_goes_straight_into_the_archive(cloud, s3):
    ask = {"Bucket": BUCKET, "Key": "m"}
    ask["UploadId"] = s3.create_multipart_upload(StorageClass="DEEP_ARCHIVE", **ask)["UploadId"]
    etag = s3.upload_part(PartNumber=1, Body=b"x" * 30_000, **ask)["ETag"]
    assert s3.list_parts(**ask)["StorageClass"] == "DEEP_ARCHIVE"
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **ask)
    refused("InvalidObjectState", s3.get_object, 403, Bucket=BUCKET, Key="m")
    restore(s3, 1, key="m")
    cloud.advance(12 * HOUR)
    assert read(s3, BUCKET, "m") == b"x" * 30_000


def test_an_object_that_is_replaced_is_restored_no_more(cloud, s3):
    store(s3)
    restore(s3, 1, "Expedited")
    store(s3)
    cloud.advance(DAY)
    assert header(s3) is None
    s3.delete_object(Bucket=BUCKET, Key="k")
    store(s3)
    restore(s3, 1, "Expedited")
    s3.delete_object(Bucket=BUCKET, Key="k")
    s3.delete_bucket(Bucket=BUCKET)
    cloud.advance(DAY)


def test_restores_survive_a_restart(cloud, s3):
    store(s3)
    restore(s3, 1)
    cloud.restart()
    s3 = cloud.client("s3", config=Config(s3={"addressing_style": "path"}))
    cloud.advance(5 * HOUR)
    assert read(s3, BUCKET, "k") == b"cold"


def test_queues_are_told_of_restores(cloud, s3):
    sqs = cloud.client("sqs")
    url, arn = queue_for(sqs, "q", BUCKET)
    tell(s3, BUCKET, rule(arn, "s3:ObjectRestore:*"))
    store(s3)
    restore(s3, 1)
    [begun] = told(cloud, sqs, url)
    assert (begun["eventName"], begun["s3"]["object"]["key"]) == ("ObjectRestore:Post", "k")
    cloud.advance(10 * DAY)  # all of it at once
    done, gone = told(cloud, sqs, url)
    assert (done["eventName"], gone["eventName"]) == ("ObjectRestore:Completed", "ObjectRestore:Delete")
    moment = datetime.fromisoformat(begun["eventTime"])
    assert (datetime.fromisoformat(done["eventTime"]) - moment).total_seconds() == pytest.approx(4 * HOUR, abs=2)
    data = done["glacierEventData"]["restoreEventData"]
    assert data["lifecycleRestoreStorageClass"] == "GLACIER"
    ends = datetime.fromisoformat(data["lifecycleRestorationExpiryTime"])
    assert ends == datetime.fromisoformat(gone["eventTime"])
    assert ends.astimezone(UTC).hour == 0
