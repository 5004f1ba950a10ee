"""Objects: put, read whole and in ranges, described, deleted."""

import hashlib
import os
import socket
import threading
from datetime import UTC, datetime

import pytest

from bench import signing
from pileus.blobs.files import FileBlob
from tests.services.s3.s3_asking import read, refused

KIB, MIB = 1024, 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, 16 * KIB, 16 * KIB + 1, 64 * KIB, 64 * KIB + 1, 128 * KIB, MIB, 5 * MIB + 17])
def test_what_was_put_is_what_is_got(s3, bucket, size):
    body = os.urandom(size)
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert answer["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == body
    assert (found["ContentLength"], found["ETag"]) == (size, answer["ETag"])
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


def test_a_put_replaces_the_object_and_its_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", Metadata={"colour": "red"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["Metadata"]) == (b"two", {})


def test_headers_and_metadata_come_back(s3, bucket):
    given = {
        "CacheControl": "max-age=3",
        "ContentDisposition": 'attachment; filename="a b.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de, en",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"colour": "red", "size": "large"},
        "WebsiteRedirectLocation": "/elsewhere",
        "StorageClass": "STANDARD_IA",
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires=datetime(2030, 1, 2, tzinfo=UTC), **given)
    found = s3.head_object(Bucket=bucket, Key="k")
    assert {name: found[name] for name in given} == given
    assert found["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"


def test_an_object_without_a_type_is_binary(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


@pytest.mark.parametrize("size", [100, 300 * KIB])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=90-", 90, None),
        ("bytes=-7", -7, None),
        ("bytes=50-999999", 50, None),
    ],
)
def test_a_range_is_what_it_says(s3, bucket, size, asked, start, stop):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    found = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    part = body[start:stop]
    assert found["Body"].read() == part
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    first = start if start >= 0 else size + start
    assert found["ContentRange"] == f"bytes {first}-{first + len(part) - 1}/{size}"


def test_ranges_cross_segments_and_blocks(s3, bucket):
    body = os.urandom(3 * MIB + 5)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for start, stop in [
        (128 * KIB - 1, 128 * KIB + 1),
        (MIB - 3, 2 * MIB + 3),
        (3 * MIB, 3 * MIB + 4),
        (0, 3 * MIB + 4),
    ]:
        assert read(s3, bucket, "k", Range=f"bytes={start}-{stop}") == body[start : stop + 1]


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=-0", "bytes=200-300"])
def test_a_range_beyond_the_end_is_not_satisfiable(s3, bucket, asked):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100)
    error = refused("InvalidRange", s3.get_object, 416, Bucket=bucket, Key="k", Range=asked)
    assert error["ResponseMetadata"]["HTTPHeaders"]["content-range"] == "bytes */100"


@pytest.mark.parametrize("asked", ["bytes=9-5", "lines=1-2", "bytes=a-b", "bytes=1-2,4-5"])
def test_what_is_no_range_is_as_if_it_were_not_there(s3, bucket, asked):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100)
    assert read(s3, bucket, "k", Range=asked) == b"x" * 100


@pytest.mark.parametrize("size", [100, 300 * KIB])
def test_a_resumed_download_of_a_changed_object_gets_all_of_it(s3, bucket, size):
    """If-Range: browsers and download managers ask for the rest only if it still is the rest of what they have."""

    def resumed(validator):
        def add(request, **_):
            request.headers["If-Range"] = validator

        s3.meta.events.register("before-sign.s3.GetObject", add, unique_id="if-range")
        try:
            return s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
        finally:
            s3.meta.events.unregister("before-sign.s3.GetObject", unique_id="if-range")

    body = os.urandom(size)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=body)["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]["last-modified"]
    for validator in (etag, modified):
        found = resumed(validator)
        assert found["ContentRange"] == f"bytes 10-{size - 1}/{size}"
        assert found["Body"].read() == body[10:]
    for validator in ('"another"', f"W/{etag}", "Mon, 01 Jan 2001 00:00:00 GMT", "nonsense"):
        found = resumed(validator)
        assert "ContentRange" not in found, validator
        assert found["Body"].read() == body


def test_what_is_not_there_is_said_so(s3, bucket):
    assert refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="nothing")["Error"]["Key"] == "nothing"
    refused("404", s3.head_object, 404, Bucket=bucket, Key="nothing")
    assert refused("NoSuchBucket", s3.get_object, 404, Bucket="no-such", Key="k")["Error"]["BucketName"] == "no-such"


def test_deleting_what_is_not_there_succeeds(s3, bucket):
    assert s3.delete_object(Bucket=bucket, Key="nothing")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_many_objects_are_deleted_at_once(s3, bucket):
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k0"}, {"Key": "k1"}, {"Key": "not-there"}]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == ["k0", "k1", "not-there"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k2"}], "Quiet": True})
    assert "Deleted" not in quiet
    left = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == ["k3", "k4"]


def test_a_list_of_too_many_to_delete_is_malformed(s3, bucket):
    many = [{"Key": f"k{number}"} for number in range(1001)]
    refused("MalformedXML", s3.delete_objects, 400, Bucket=bucket, Delete={"Objects": many})


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "ä/ö/ü", "a%2Fb", "//", "a//b/", "..", "./a", "?x=1", "a#b", "'\"<>&", "☁", "a\nb"]
)
def test_a_key_is_kept_byte_for_byte(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_reads_can_want_something_newer(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert read(s3, bucket, "k", IfMatch=etag) == b"x"
    assert read(s3, bucket, "k", IfNoneMatch='"other"') == b"x"
    assert read(s3, bucket, "k", IfUnmodifiedSince=modified) == b"x"
    refused("PreconditionFailed", s3.get_object, 412, Bucket=bucket, Key="k", IfMatch='"other"')
    refused("304", s3.get_object, 304, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused("304", s3.get_object, 304, Bucket=bucket, Key="k", IfModifiedSince=modified)
    # If-Match that holds silences If-Unmodified-Since; If-None-Match that fails wins over If-Modified-Since.
    early = datetime(2000, 1, 1, tzinfo=UTC)
    assert read(s3, bucket, "k", IfMatch=etag, IfUnmodifiedSince=early) == b"x"
    refused("304", s3.get_object, 304, Bucket=bucket, Key="k", IfNoneMatch=etag, IfModifiedSince=early)


def test_a_write_can_insist_that_nothing_is_there(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, 412, Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")
    large = b"y" * (200 * KIB)
    refused("PreconditionFailed", s3.put_object, 412, Bucket=bucket, Key="k", Body=large, IfNoneMatch="*")
    assert read(s3, bucket, "k") == b"one"


def test_a_write_can_insist_on_what_it_replaces(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    refused("PreconditionFailed", s3.put_object, 412, Bucket=bucket, Key="k", Body=b"three", IfMatch=etag)
    refused("NoSuchKey", s3.put_object, 404, Bucket=bucket, Key="other", Body=b"three", IfMatch=etag)
    assert read(s3, bucket, "k") == b"two"


def test_a_delete_can_insist_on_what_it_deletes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    refused("PreconditionFailed", s3.delete_object, 412, Bucket=bucket, Key="k", IfMatch='"other"')
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)


def test_answers_can_come_under_other_headers(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    found = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="image/png", ResponseCacheControl="no-cache")
    assert (found["ContentType"], found["CacheControl"]) == ("image/png", "no-cache")


def test_tags_are_put_read_and_removed(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="colour=red&size=a%20b")
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "colour", "Value": "red"},
        {"Key": "size", "Value": "a b"},
    ]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "n", "Value": "1"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "n", "Value": "1"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_bad_tags_are_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def tags(*pairs):
        return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}

    put = s3.put_object_tagging
    refused("InvalidTag", put, 400, Bucket=bucket, Key="k", Tagging=tags(("a", "1"), ("a", "2")))
    refused("InvalidTag", put, 400, Bucket=bucket, Key="k", Tagging=tags(("k" * 129, "1")))
    refused("InvalidTag", put, 400, Bucket=bucket, Key="k", Tagging=tags(("k", "v" * 257)))
    refused("InvalidTag", put, 400, Bucket=bucket, Key="k", Tagging=tags(("aws:k", "v")))
    refused("BadRequest", put, 400, Bucket=bucket, Key="k", Tagging=tags(*((str(n), "v") for n in range(11))))
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_attributes_are_told_as_asked(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256")["ETag"]
    found = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    )
    assert (found["ETag"], found["ObjectSize"], found["StorageClass"]) == (etag.strip('"'), 5, "STANDARD")
    assert found["Checksum"]["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    assert "ObjectParts" not in found


def test_an_object_is_renamed_without_its_bytes_being_touched(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 100_000)
    s3.rename_object(Bucket=bucket, Key="b", RenameSource="a")
    assert read(s3, bucket, "b") == b"x" * 100_000
    refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="a")


def test_replaced_and_deleted_bytes_are_reaped(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")

    def blobs():
        return [path for path in (cloud.settings.data_dir / "blobs").rglob("*") if path.is_file()]

    for _ in range(3):
        s3.put_object(Bucket="kept", Key="k", Body=os.urandom(100_000))
    cloud.settle()
    assert len(blobs()) == 1
    s3.delete_object(Bucket="kept", Key="k")
    cloud.settle()
    assert blobs() == []


def test_objects_survive_a_restart(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    large = os.urandom(300_000)
    s3.put_object(Bucket="kept", Key="small", Body=b"small")
    s3.put_object(Bucket="kept", Key="large", Body=large)
    cloud.restart()
    s3 = cloud.client("s3")
    assert (read(s3, "kept", "small"), read(s3, "kept", "large")) == (b"small", large)


def test_nothing_lies_in_plain_at_rest(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    secret = b"attack at dawn, " * 20_000
    s3.put_object(Bucket="kept", Key="large", Body=secret)
    s3.put_object(Bucket="kept", Key="small", Body=secret[:1_000])
    cloud.stop()
    files = [path for path in cloud.settings.data_dir.rglob("*") if path.is_file()]
    assert any("blobs" in str(path) for path in files)
    assert not [path for path in files if b"attack at dawn" in path.read_bytes()]
    cloud._start()


def test_a_reader_that_hangs_up_closes_nothing_that_is_being_read(shared_cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(3_000_000))
    began, go_on, errors = threading.Event(), threading.Event(), []
    plain, now = FileBlob.read, FileBlob.read_now

    def slowly(blob, offset, size):
        began.set()
        go_on.wait(10)
        try:
            return plain(blob, offset, size)
        except OSError as error:
            errors.append(error)
            raise

    FileBlob.read, FileBlob.read_now = slowly, lambda blob, offset, size: None
    try:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        asked = f"GET {url.removeprefix(shared_cloud.endpoint)} HTTP/1.1\r\nHost: 127.0.0.1:{shared_cloud.port}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", shared_cloud.port)) as reader:
            reader.sendall(asked.encode())
            assert began.wait(10)
        s3.list_buckets()  # by then the cloud knows that the reader is gone
        go_on.set()
        assert read(s3, bucket, "k") == bytes(3_000_000)
    finally:
        FileBlob.read, FileBlob.read_now = plain, now
    assert errors == []


def test_a_short_body_that_comes_in_pieces_takes_no_file(cloud):
    """From clients that wait for leave to send, or that frame what they read from a pipe."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")

    head, _, body = signing.s3(cloud.port, "PUT", "/kept/k", body=b"hello").partition(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", cloud.port)) as client:
        client.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 100")
        client.sendall(body)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert read(s3, "kept", "k") == b"hello"
    assert not [path for path in (cloud.settings.data_dir / "blobs").rglob("*") if path.is_file()]
