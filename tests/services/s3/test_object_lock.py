"""Object lock: what is locked stays, until its day by the cloud's clock."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.services.s3.s3_asking import read, refused

DAY = 86_400


def at(cloud, days):
    return datetime.fromtimestamp(cloud.app.clock.now(), UTC) + timedelta(days=days)


@pytest.fixture
def locked(cloud):
    """A client and a bucket with object lock."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    return s3, "locked"


def put(cloud, s3, bucket, mode="GOVERNANCE", days=1.0):
    return s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=at(cloud, days)
    )["VersionId"]


def default(s3, bucket, mode, **period):
    rule = {"DefaultRetention": {"Mode": mode, **period}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_locked_version_stays_until_its_day(cloud, locked, mode):
    s3, bucket = locked
    version = put(cloud, s3, bucket, mode)
    refused("AccessDenied", s3.delete_object, 403, Bucket=bucket, Key="k", VersionId=version)
    s3.delete_object(Bucket=bucket, Key="k")  # a delete marker harms nothing
    assert read(s3, bucket, "k", VersionId=version) == b"x"
    cloud.advance(DAY + 1)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    refused("NoSuchVersion", s3.get_object, 404, Bucket=bucket, Key="k", VersionId=version)


def test_governance_can_be_bypassed_by_who_may_and_says_so(cloud, locked):
    s3, bucket = locked
    version = put(cloud, s3, bucket)
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    rule = {"Effect": "Allow", "Action": ["s3:DeleteObject*"], "Resource": "*"}
    iam.put_user_policy(
        UserName="bob", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rule})
    )
    bob = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    ask = {"Bucket": bucket, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    refused("AccessDenied", bob.delete_object, 403, **ask)
    rule["Action"].append("s3:BypassGovernanceRetention")
    iam.put_user_policy(
        UserName="bob", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rule})
    )
    bob.delete_object(**ask)


def test_compliance_can_not_be_bypassed_or_shortened(cloud, locked):
    s3, bucket = locked
    version = put(cloud, s3, bucket, "COMPLIANCE", 2)
    ask = {"Bucket": bucket, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    refused("AccessDenied", s3.delete_object, 403, **ask)
    for weaker in (
        {"Mode": "COMPLIANCE", "RetainUntilDate": at(cloud, 1)},
        {"Mode": "GOVERNANCE", "RetainUntilDate": at(cloud, 3)},
    ):
        refused("AccessDenied", s3.put_object_retention, 403, Retention=weaker, **ask)
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": at(cloud, 3)})
    cloud.advance(2.5 * DAY)
    refused("AccessDenied", s3.delete_object, 403, Bucket=bucket, Key="k", VersionId=version)


def test_governance_is_shortened_only_by_bypass(cloud, locked):
    s3, bucket = locked
    put(cloud, s3, bucket, "GOVERNANCE", 5)
    less = {"Mode": "GOVERNANCE", "RetainUntilDate": at(cloud, 1)}
    refused("AccessDenied", s3.put_object_retention, 403, Bucket=bucket, Key="k", Retention=less)
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=less, BypassGovernanceRetention=True)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]["Mode"] == "GOVERNANCE"


def test_a_legal_hold_has_no_day(cloud, locked):
    s3, bucket = locked
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    cloud.advance(1000 * DAY)
    ask = {"Bucket": bucket, "Key": "k", "VersionId": version}
    refused("AccessDenied", s3.delete_object, 403, BypassGovernanceRetention=True, **ask)
    assert s3.get_object_legal_hold(**ask)["LegalHold"]["Status"] == "ON"
    assert s3.head_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **ask)
    s3.delete_object(**ask)


def test_many_deletes_spare_what_is_locked(cloud, locked):
    s3, bucket = locked
    version = put(cloud, s3, bucket)
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    ask = {"Delete": {"Objects": [{"Key": "k", "VersionId": version}]}, "BypassGovernanceRetention": True}
    assert "Errors" not in s3.delete_objects(Bucket=bucket, **ask)


def test_a_bucket_gives_a_default(cloud, locked):
    s3, bucket = locked
    default(s3, bucket, "COMPLIANCE", Days=2)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["Rule"] == {
        "DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}
    }
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    found = s3.head_object(Bucket=bucket, Key="k")
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert abs((found["ObjectLockRetainUntilDate"] - at(cloud, 2)).total_seconds()) < 60
    refused("AccessDenied", s3.delete_object, 403, Bucket=bucket, Key="k", VersionId=version)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert s3.head_object(Bucket=bucket, Key="m")["ObjectLockMode"] == "COMPLIANCE"


def test_a_bucket_without_lock_takes_none(cloud, locked):
    s3, bucket = locked
    s3.create_bucket(Bucket="plain")
    later = at(cloud, 1)
    refused(
        "InvalidRequest",
        s3.put_object,
        400,
        Bucket="plain",
        Key="k",
        Body=b"",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=later,
    )
    refused("InvalidRequest", s3.put_object, 400, Bucket="plain", Key="k", Body=b"", ObjectLockLegalHoldStatus="ON")
    refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, 404, Bucket="plain")
    refused(
        "InvalidBucketState",
        s3.put_object_lock_configuration,
        409,
        Bucket="plain",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
    )
    refused("NoSuchKey", s3.get_object_retention, 404, Bucket=bucket, Key="none")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("NoSuchObjectLockConfiguration", s3.get_object_retention, 404, Bucket=bucket, Key="k")


def test_bad_locks_are_refused(cloud, locked):
    s3, bucket = locked
    past = at(cloud, -1)
    refused(
        "InvalidArgument",
        s3.put_object,
        400,
        Bucket=bucket,
        Key="k",
        Body=b"",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=past,
    )
    refused("InvalidArgument", s3.put_object, 400, Bucket=bucket, Key="k", Body=b"", ObjectLockMode="GOVERNANCE")
    for period in ({"Days": 0}, {"Days": 36_501}, {"Years": 101}):
        with pytest.raises(s3.exceptions.ClientError, match="InvalidArgument"):
            default(s3, bucket, "GOVERNANCE", **period)
    with pytest.raises(s3.exceptions.ClientError, match="MalformedXML"):
        default(s3, bucket, "GOVERNANCE", Days=1, Years=1)
