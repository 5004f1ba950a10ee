"""Files of blobs that are gone are written over, and nobody can tell."""

import os

import pytest

from pileus.blobs.files import FileBlobs
from pileus.blobs.spares import FILE_BYTES_MAX, SPARES_MOST


def written(blobs, data):
    writer = blobs.create()
    writer.write(data)
    writer.finish()
    return writer.id


def read(blobs, blob):
    opened = blobs.open(blob)
    data = opened.read(0, opened.size)
    opened.close()
    return data


def inode(blobs, blob):
    return os.stat(blobs._place(blob)[1]).st_ino


def spares(tmp_path):
    return len(os.listdir(tmp_path / "blobs.spare"))


@pytest.fixture(params=["process", "full"])
def blobs(request, tmp_path):
    return FileBlobs(tmp_path / "blobs", request.param)


@pytest.mark.parametrize("size", [0, 1, 9_999, 10_000, 100_000])
def test_a_file_that_is_written_over_holds_the_new_bytes_alone(blobs, size):
    old = written(blobs, b"old" * 3_333)
    place = inode(blobs, old)
    blobs.delete(old)
    new = os.urandom(size)
    name = written(blobs, new)
    assert inode(blobs, name) == place
    assert read(blobs, name) == new


def test_a_blob_that_is_open_is_not_written_over(blobs):
    name = written(blobs, b"old" * 3_333)
    opened, again = blobs.open(name), blobs.open(name)
    blobs.delete(name)
    opened.close()
    for _ in range(3):
        written(blobs, os.urandom(100_000))
    assert again.read(0, 9_999) == b"old" * 3_333
    again.close()


def test_a_few_files_stay_and_no_large_ones(blobs, tmp_path):
    names = [written(blobs, b"x" * 1_000) for _ in range(SPARES_MOST + 10)]
    large = written(blobs, bytes(FILE_BYTES_MAX + 1))
    blobs.delete(large)
    assert spares(tmp_path) == 0
    for name in names:
        blobs.delete(name)
        blobs.delete(name)
    assert spares(tmp_path) == SPARES_MOST
    assert not [file for _, _, files in os.walk(tmp_path / "blobs") for file in files]


def test_a_file_under_two_names_is_never_written_over(blobs, tmp_path):
    """As a process leaves it that is killed while it gives a spare file its new name."""
    name = written(blobs, b"kept" * 1_000)
    os.link(blobs._place(name)[1], tmp_path / "blobs.spare" / "left")
    assert read(FileBlobs(tmp_path / "blobs"), name) == b"kept" * 1_000
    second = blobs._place(name)[1] + "0"
    os.link(blobs._place(name)[1], second)
    blobs.delete(name)
    written(blobs, b"new" * 1_000)
    with open(second, "rb") as file:
        assert file.read() == b"kept" * 1_000


def test_spare_files_that_somebody_cleared_away_are_not_missed(blobs, tmp_path):
    first, second = written(blobs, b"1"), written(blobs, b"2")
    blobs.delete(first)
    FileBlobs(tmp_path / "blobs")  # as another start does
    assert read(blobs, written(blobs, b"3")) == b"3"
    os.rmdir(tmp_path / "blobs.spare")
    blobs.delete(second)
    assert not [file for _, _, files in os.walk(tmp_path / "blobs") for file in files if file == f"{second:016x}"]


def test_a_writer_that_gives_up_leaves_a_file_for_the_next(blobs):
    writer = blobs.create()
    writer.write(b"half")
    writer.abort()
    assert read(blobs, written(blobs, b"whole")) == b"whole"
    assert list(blobs.left_over()) == []
