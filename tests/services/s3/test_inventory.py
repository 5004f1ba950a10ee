"""Inventory reports, written on the cloud's clock."""

import csv
import gzip
import hashlib
import json
import time

import pytest
from botocore.config import Config

from tests.services.s3.events_asking import put_policy
from tests.services.s3.s3_asking import read, refused

ROOT = "000000000000"
DAY = 86_400
FIELDS = [
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ChecksumAlgorithm",
]


@pytest.fixture
def s3(cloud):
    return cloud.client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def source(cloud, s3):
    for name in ("source", "reports"):
        s3.create_bucket(Bucket=name)
    let_in(s3)
    return "source"


def let_in(s3, source="source"):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::reports/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": ROOT, "s3:x-amz-acl": "bucket-owner-full-control"},
        },
    }
    put_policy(s3, "reports", statement)


def order(s3, versions="Current", frequency="Daily", fields=FIELDS, **more):
    destination = {"Bucket": "arn:aws:s3:::reports", "Format": "CSV", "Prefix": "inv", **more.pop("destination", {})}
    configuration = {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": versions,
        "Schedule": {"Frequency": frequency},
        "Destination": {"S3BucketDestination": destination},
        **({"OptionalFields": fields} if fields else {}),
        **more,
    }
    s3.put_bucket_inventory_configuration(Bucket="source", Id="all", InventoryConfiguration=configuration)


def keys(s3, suffix=""):
    listed = s3.list_objects_v2(Bucket="reports").get("Contents", [])
    return [one["Key"] for one in listed if one["Key"].endswith(suffix)]


def report(s3):
    """(the manifest, the rows) of the only report there is."""
    [place] = keys(s3, "manifest.json")
    manifest = json.loads(read(s3, "reports", place))
    names = manifest["fileSchema"].split(", ")
    rows = []
    for file in manifest["files"]:
        data = read(s3, "reports", file["key"])
        assert (len(data), hashlib.md5(data).hexdigest()) == (file["size"], file["MD5checksum"])
        rows += [dict(zip(names, row, strict=True)) for row in csv.reader(gzip.decompress(data).decode().splitlines())]
    return manifest, rows


def test_a_report_lists_what_is_there(cloud, s3, source):
    s3.put_object(Bucket=source, Key="a b/ü", Body=b"hello", StorageClass="STANDARD_IA")
    etag = s3.put_object(Bucket=source, Key="plain", Body=b"x", ChecksumAlgorithm="SHA256")["ETag"].strip('"')
    order(s3)
    cloud.settle()
    assert keys(s3) == []
    cloud.advance(DAY)
    manifest, rows = report(s3)
    assert manifest["sourceBucket"] == source
    assert manifest["destinationBucket"] == "arn:aws:s3:::reports"
    assert (manifest["version"], manifest["fileFormat"]) == ("2016-11-30", "CSV")
    assert manifest["fileSchema"].startswith("Bucket, Key, Size, LastModifiedDate, ETag, StorageClass")
    assert [(row["Key"], row["Size"], row["StorageClass"]) for row in rows] == [
        ("a%20b/%C3%BC", "5", "STANDARD_IA"),
        ("plain", "1", "STANDARD"),
    ]
    plain = rows[1]
    assert plain["LastModifiedDate"].endswith("Z")
    del plain["LastModifiedDate"]
    assert plain == {
        "Bucket": source,
        "Key": "plain",
        "Size": "1",
        "StorageClass": "STANDARD",
        "ETag": etag,
        "IsMultipartUploaded": "false",
        "ReplicationStatus": "",
        "EncryptionStatus": "SSE-S3",
        "ChecksumAlgorithm": "SHA256",
    }


def test_files_lie_where_the_guide_says(cloud, s3, source):
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    order(s3)
    cloud.advance(DAY)
    [manifest] = keys(s3, "manifest.json")
    stamp = time.strftime("%Y-%m-%d", time.gmtime(cloud.app.clock.now()))
    assert manifest.startswith(f"inv/source/all/{stamp}T")
    checksum = read(s3, "reports", manifest.replace("manifest.json", "manifest.checksum")).decode()
    assert checksum == hashlib.md5(read(s3, "reports", manifest)).hexdigest()
    [file] = report(s3)[0]["files"]
    assert file["key"].startswith("inv/source/all/data/")
    [link] = keys(s3, "symlink.txt")
    assert link.startswith(f"inv/source/all/hive/dt={stamp}-")
    assert read(s3, "reports", link).decode() == f"s3://reports/{file['key']}"


def test_all_versions_with_their_markers(cloud, s3, source):
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=source, Key="k", Body=b"22")["VersionId"]
    marker = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    order(s3, versions="All", fields=["Size"])
    cloud.advance(DAY)
    rows = report(s3)[1]
    shown = [(row["VersionId"], row["IsLatest"], row["IsDeleteMarker"], row["Size"]) for row in rows]
    assert shown == [(marker, "true", "true", ""), (second, "false", "false", "2"), (first, "false", "false", "1")]


def test_only_what_is_under_the_prefix(cloud, s3, source):
    for key in ("in/a", "in/b", "out/a"):
        s3.put_object(Bucket=source, Key=key, Body=b"x")
    order(s3, fields=None, Filter={"Prefix": "in/"})
    cloud.advance(DAY)
    manifest, rows = report(s3)
    assert manifest["fileSchema"] == "Bucket, Key"
    assert [row["Key"] for row in rows] == ["in/a", "in/b"]


def test_more_keys_than_one_batch(cloud, s3, source):
    async def fill():
        from pileus.services.s3.tables import buckets, current

        def work(tx):
            bucket = buckets.get(tx, "aws", source)
            version = current.get(tx, bucket.id, "first")
            for number in range(2_500):
                current.put(tx, bucket.id, f"k{number:05}", record=version)

        await cloud.app.store.transact(work)

    s3.put_object(Bucket=source, Key="first", Body=b"x")
    cloud.run(fill())
    order(s3, fields=["Size"])
    cloud.advance(DAY)
    assert len(report(s3)[1]) == 2_501


def test_a_daily_report_comes_every_day_and_a_weekly_one_on_sundays(cloud, s3, source):
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    order(s3)
    for _ in range(3):
        cloud.advance(DAY)
    assert len(keys(s3, "manifest.json")) == 3
    order(s3, frequency="Weekly")
    for _ in range(8):
        cloud.advance(DAY)
    assert 4 <= len(keys(s3, "manifest.json")) <= 6


def test_an_inventory_that_is_switched_off_or_deleted_writes_no_more(cloud, s3, source):
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    order(s3, IsEnabled=False)
    cloud.advance(2 * DAY)
    assert keys(s3) == []
    order(s3)
    s3.delete_bucket_inventory_configuration(Bucket=source, Id="all")
    cloud.advance(2 * DAY)
    assert keys(s3) == []


def test_without_leave_it_is_tried_again(cloud, s3, source):
    let_in(s3, "another")
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    order(s3)
    cloud.advance(DAY)
    assert keys(s3) == []
    let_in(s3)
    cloud.advance(3_601)
    assert len(keys(s3, "manifest.json")) == 1


def test_reports_are_encrypted_as_asked(cloud, s3, source):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "kms:GenerateDataKey",
        "Resource": "*",
    }
    kms = cloud.client("kms")
    mine = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ROOT}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [mine, statement]})
    key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    order(s3, destination={"Encryption": {"SSEKMS": {"KeyId": key}}})
    cloud.advance(DAY)
    [manifest] = keys(s3, "manifest.json")
    assert s3.head_object(Bucket="reports", Key=manifest)["SSEKMSKeyId"] == key
    assert len(report(s3)[1]) == 1


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"destination": {"Format": "ORC"}}, "ORC"),
        ({"destination": {"Format": "Parquet"}}, "Parquet"),
        ({"fields": ["LifecycleExpirationDate"]}, "LifecycleExpirationDate"),
    ],
)
def test_what_reports_do_not_have_is_refused_by_name(s3, source, more, text):
    error = refused("NotImplemented", order, s3=s3, **more)
    assert text in error["Error"]["Message"]
