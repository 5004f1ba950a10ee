"""Bytes that nobody needs go; those that somebody may still read stay a while."""

import os

from obstore.store import S3Store

from pileus.blobs.objectstore import ObjectStoreBlobs
from tests.conftest import TestCloud


def files(cloud):
    cloud.settle()
    return sum(path.is_file() for path in (cloud.settings.data_dir / "blobs").rglob("*"))


def test_what_nobody_adopted_is_swept_away_after_a_start(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="k", Body=os.urandom(100_000))
    orphan = cloud.app.cloud.blobs.create()
    orphan.write(b"half an upload")
    orphan.finish()
    assert files(cloud) == 2
    cloud.restart()
    cloud.run(cloud.app._sweep())
    assert files(cloud) == 1
    assert len(cloud.client("s3").get_object(Bucket="kept", Key="k")["Body"].read()) == 100_000


def test_a_cloud_keeps_its_objects_in_another_s3(tmp_path, monkeypatch):
    behind = TestCloud(tmp_path / "behind")
    behind.client("s3").create_bucket(Bucket="bytes")
    for name, value in {
        "AWS_ENDPOINT": behind.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    cloud = TestCloud(tmp_path / "front", blobs="s3://bytes/pileus")
    try:
        assert isinstance(cloud.app.cloud.blobs, ObjectStoreBlobs)
        s3, body = cloud.client("s3"), os.urandom(9_000_000)
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="k", Body=body)
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == body
        assert (
            s3.get_object(Bucket="kept", Key="k", Range="bytes=5000000-5000009")["Body"].read()
            == body[5_000_000:5_000_010]
        )

        def there():
            cloud.settle()
            return behind.client("s3").list_objects_v2(Bucket="bytes", Prefix="pileus/")["KeyCount"]

        assert there() == 1
        s3.delete_object(Bucket="kept", Key="k")
        assert there() == 1
        cloud.advance(3_700)
        assert there() == 0
    finally:
        cloud.stop()
        behind.stop()


def test_a_store_that_holds_other_things_too_is_left_alone(cloud):
    """Only names that are blobs' own are ever looked at."""
    cloud.client("s3").create_bucket(Bucket="shared")
    store = S3Store(
        "shared",
        endpoint=cloud.endpoint,
        region="us-east-1",
        allow_http=True,
        access_key_id="test",
        secret_access_key="test",
    )
    cloud.client("s3").put_object(Bucket="shared", Key="somebody-elses", Body=b"x")
    assert list(ObjectStoreBlobs(store, grace_s=-1.0).left_over()) == []
