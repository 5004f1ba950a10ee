"""What breaks off leaves nothing: clients that hang up in the middle of uploads and downloads."""

import contextlib
import os
import socket
import threading
import time

import pytest

from bench import signing

MIB = 1024 * 1024


def blobs(cloud):
    cloud.settle()
    return sum(path.is_file() for path in (cloud.settings.data_dir / "blobs").rglob("*"))


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not (came := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return came


def all_gone(cloud):
    """Every client that hung up has been noticed; the one that asks stays."""
    return until(lambda: len(cloud.app.server.connections) <= 1)


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="broken")
    return client


@pytest.mark.parametrize("sent", [1, 600_000, 3 * MIB])
def test_an_upload_that_breaks_off_leaves_nothing(cloud, s3, sent):
    raw = signing.s3(cloud.port, "PUT", "/broken/k", body=os.urandom(4 * MIB))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
            connection.sendall(raw[: raw.index(b"\r\n\r\n") + 4 + sent])
            assert until(lambda: len(cloud.app.server.connections) > 1)
    assert all_gone(cloud)
    assert until(lambda: blobs(cloud) == 0)
    assert s3.list_objects_v2(Bucket="broken")["KeyCount"] == 0
    assert "k" not in [entry["Key"] for entry in s3.list_objects_v2(Bucket="broken").get("Contents", [])]


def test_clients_that_hang_up_at_any_moment_tear_nothing(cloud, s3):
    """The whole body is sent, and the line cut while the answer is being made."""
    body = os.urandom(300_000)
    raw = signing.s3(cloud.port, "PUT", "/broken/k", body=body)
    for turn in range(40):
        connection = socket.create_connection(("127.0.0.1", cloud.port))
        connection.sendall(raw)
        time.sleep(turn * 0.0005)
        connection.close()
    assert all_gone(cloud)
    cloud.settle()
    there = s3.list_objects_v2(Bucket="broken").get("Contents", [])
    if there:
        assert s3.get_object(Bucket="broken", Key="k")["Body"].read() == body
    assert until(lambda: blobs(cloud) == len(there))


def test_a_download_that_breaks_off_holds_nothing_open(cloud, s3):
    s3.put_object(Bucket="broken", Key="k", Body=os.urandom(30 * MIB))
    before = len(os.listdir("/proc/self/fd"))
    raw = signing.s3(cloud.port, "GET", "/broken/k")
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
            connection.sendall(raw)
            connection.recv(100_000)
    assert all_gone(cloud)
    assert until(lambda: len(os.listdir("/proc/self/fd")) <= before)
    s3.delete_object(Bucket="broken", Key="k")
    assert until(lambda: blobs(cloud) == 0)


def test_what_is_being_read_is_read_to_its_end_though_it_is_replaced(cloud, s3):
    body = os.urandom(20 * MIB)
    s3.put_object(Bucket="broken", Key="k", Body=body)
    arriving = s3.get_object(Bucket="broken", Key="k")["Body"]
    first = arriving.read(1000)
    s3.put_object(Bucket="broken", Key="k", Body=b"new" * 10_000)
    s3.delete_object(Bucket="broken", Key="k")
    cloud.settle()
    assert first + arriving.read() == body
    cloud.advance(10)
    assert until(lambda: blobs(cloud) == 0)


def test_many_writers_of_one_key_leave_one_whole_object(cloud, s3):
    bodies = [bytes([number]) * (50_000 + number) for number in range(8)]

    def write(body):
        client = cloud.client("s3")
        for _ in range(5):
            client.put_object(Bucket="broken", Key="k", Body=body)
            with contextlib.suppress(client.exceptions.ClientError):
                client.get_object(Bucket="broken", Key="k")["Body"].read()

    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert s3.get_object(Bucket="broken", Key="k")["Body"].read() in bodies
    cloud.advance(10)
    assert until(lambda: blobs(cloud) == 1)


def test_a_bucket_deleted_while_bytes_come_in_takes_none(cloud, s3):
    raw = signing.s3(cloud.port, "PUT", "/broken/k", body=os.urandom(MIB))
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        connection.sendall(raw[:300_000])
        time.sleep(0.1)
        s3.delete_bucket(Bucket="broken")
        s3.create_bucket(Bucket="broken")
        connection.sendall(raw[300_000:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 404")
    assert until(lambda: blobs(cloud) == 0)
