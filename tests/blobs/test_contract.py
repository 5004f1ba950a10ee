"""What every blob engine promises, held against each: files, and an object store (Pileus itself, through obstore)."""

import os

import pytest

from pileus.blobs import NoSuchBlob
from pileus.blobs.files import FileBlobs
from pileus.blobs.objectstore import ObjectStoreBlobs
from tests.conftest import TestCloud

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(params=["files", "files, synced", "objectstore"])
def opened(request, tmp_path):
    """Opens the engine; each time as a new process would."""
    if request.param != "objectstore":
        durability = "full" if "synced" in request.param else "process"
        yield lambda: FileBlobs(tmp_path / "blobs", durability)
        return
    from obstore.store import S3Store

    cloud = TestCloud(tmp_path)
    cloud.client("s3").create_bucket(Bucket="behind")
    settings = {"endpoint": cloud.endpoint, "region": "us-east-1", "allow_http": True}
    store = S3Store("behind", prefix="blobs", access_key_id="test", secret_access_key="test", **settings)
    yield lambda: ObjectStoreBlobs(store, linger_s=0.0, grace_s=-1.0)
    cloud.stop()


@pytest.fixture
def blobs(opened):
    return opened()


def written(blobs, *pieces):
    writer = blobs.create()
    for piece in pieces:
        writer.write(piece)
    writer.finish()
    return writer.id


@pytest.mark.parametrize("size", [0, 1, 100 * KIB, 20 * MIB + 3])
def test_what_was_written_is_read(blobs, size):
    body = os.urandom(size)
    blob = blobs.open(written(blobs, body[: size // 3], body[size // 3 :]))
    assert blob.size == size
    assert blob.read(0, size) == body
    blob.close()


def test_any_run_of_bytes_is_read(blobs):
    body = os.urandom(300 * KIB)
    blob = blobs.open(written(blobs, body))
    for start, size in [(0, 1), (100, 1000), (300 * KIB - 1, 1), (128 * KIB - 5, 10), (7, 0)]:
        assert blob.read(start, size) == body[start : start + size]
    blob.close()


def test_bytes_beyond_the_end_are_not_there(blobs):
    blob = blobs.open(written(blobs, b"hello"))
    with pytest.raises(NoSuchBlob):
        blob.read(3, 5)
    blob.close()


def test_a_deleted_blob_is_not_there(blobs):
    blob = written(blobs, b"hello")
    blobs.delete(blob)
    with pytest.raises(NoSuchBlob):
        blobs.open(blob)
    blobs.delete(blob)


def test_an_aborted_blob_is_not_there(blobs):
    for finish in (False, True):
        writer = blobs.create()
        writer.write(b"x" * (100 * KIB))
        if finish:
            writer.finish()
        writer.abort()
        writer.abort()
        with pytest.raises(NoSuchBlob):
            blobs.open(writer.id)


def test_blobs_outlive_the_process(opened):
    blob = written(opened(), b"hello")
    assert opened().open(blob).read(0, 5) == b"hello"


def test_what_an_earlier_process_left_is_found_and_what_this_one_writes_is_not(opened):
    earlier = opened()
    old = {written(earlier, b"one"), written(earlier, b"two" * (100 * KIB))}
    now = opened()
    mine = written(now, b"three")
    assert set(now.left_over()) == old
    assert mine in set(opened().left_over())


def test_an_open_blob_of_an_engine_that_does_not_linger_is_read_to_its_end(tmp_path):
    blobs = FileBlobs(tmp_path)
    name = written(blobs, b"x" * MIB)
    blob = blobs.open(name)
    blobs.delete(name)
    assert blob.read(MIB - 3, 3) == b"xxx"
    blob.close()
