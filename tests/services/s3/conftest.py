"""What S3's tests share: a client, and a bucket of their own."""

import itertools

import pytest
from botocore.config import Config

_numbers = itertools.count(1)


@pytest.fixture
def s3(shared_cloud):
    return shared_cloud.client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3):
    """An empty bucket; the shared cloud goes with all that is in it."""
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket
