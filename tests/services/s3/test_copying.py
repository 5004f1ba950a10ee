"""Copies: bytes, metadata and tags, with all directives and conditions."""

import os

import pytest

from tests.services.s3.s3_asking import read, refused


@pytest.fixture
def source(s3, bucket):
    """(bucket, etag) of an object with metadata and tags under `source`."""
    etag = s3.put_object(
        Bucket=bucket, Key="source", Body=b"hello", Metadata={"m": "1"}, ContentType="text/plain", Tagging="t=1"
    )["ETag"]
    return bucket, etag


@pytest.mark.parametrize("size", [0, 10, 20_000, 3_000_000])
def test_a_copy_has_the_same_bytes_and_etag(s3, bucket, size):
    body = os.urandom(size)
    etag = s3.put_object(Bucket=bucket, Key="a", Body=body)["ETag"]
    answer = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})["CopyObjectResult"]
    assert answer["ETag"] == etag
    assert read(s3, bucket, "b") == body
    s3.delete_object(Bucket=bucket, Key="a")
    assert read(s3, bucket, "b") == body


def test_a_copy_keeps_metadata_and_tags_unless_told(s3, source):
    bucket, _ = source
    origin = f"{bucket}/source"
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=origin)
    found = s3.head_object(Bucket=bucket, Key="kept")
    assert (found["Metadata"], found["ContentType"], found["TagCount"]) == ({"m": "1"}, "text/plain", 1)
    s3.copy_object(Bucket=bucket, Key="replaced", CopySource=origin, MetadataDirective="REPLACE", Metadata={"n": "2"},
                   TaggingDirective="REPLACE", Tagging="u=2&v=3")  # fmt: skip
    found = s3.head_object(Bucket=bucket, Key="replaced")
    assert (found["Metadata"], found["ContentType"], found["TagCount"]) == ({"n": "2"}, "binary/octet-stream", 2)


def test_a_copy_does_not_keep_the_class(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", StorageClass="STANDARD_IA")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="b")


def test_copying_onto_itself_must_change_something(s3, source):
    bucket, _ = source
    origin = f"{bucket}/source"
    refused("InvalidRequest", s3.copy_object, 400, Bucket=bucket, Key="source", CopySource=origin)
    s3.copy_object(Bucket=bucket, Key="source", CopySource=origin, StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="source")["StorageClass"] == "STANDARD_IA"
    assert read(s3, bucket, "source") == b"hello"


def test_conditions_on_the_source_are_412s(s3, source):
    bucket, etag = source
    ask = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/source"}
    refused("PreconditionFailed", s3.copy_object, 412, CopySourceIfMatch='"other"', **ask)
    refused("PreconditionFailed", s3.copy_object, 412, CopySourceIfNoneMatch=etag, **ask)
    s3.copy_object(CopySourceIfMatch=etag, **ask)


def test_a_version_is_copied_by_its_id(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="a", Body=b"one")["VersionId"]
    s3.put_object(Bucket=versioned, Key="a", Body=b"two")
    answer = s3.copy_object(Bucket=versioned, Key="b", CopySource={"Bucket": versioned, "Key": "a", "VersionId": first})
    assert answer["CopySourceVersionId"] == first
    assert read(s3, versioned, "b") == b"one"


@pytest.mark.parametrize("key", ["a b", "a+b", "ä", "a%2Fb", "what?x=1", "dir/sub/"])
def test_odd_keys_are_copied(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert read(s3, bucket, "copy") == b"x"


def test_a_source_that_is_none_is_refused(s3, bucket):
    ask = {"Bucket": bucket, "Key": "k"}
    refused("NoSuchKey", s3.copy_object, 404, CopySource=f"{bucket}/nothing", **ask)
    refused("NoSuchBucket", s3.copy_object, 404, CopySource="no-such-bucket/k", **ask)
    refused("InvalidArgument", s3.copy_object, 400, CopySource="only-a-bucket", **ask)
