"""Many clients at once: long answers that leave at the end of a turn, kept bytes, blocks that are used again."""

import os
import socket
import threading
import time

import pytest

from bench import signing
from pileus.gateway.server import CROWD

MIB = 1024 * 1024
CLIENTS = 4 * CROWD


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="crowd")
    return client


@pytest.fixture
def crowd(cloud):
    """Clients enough for answers to be gathered."""
    opened = [socket.create_connection(("127.0.0.1", cloud.port), 20) for _ in range(CLIENTS)]
    yield opened
    for connection in opened:
        connection.close()


def get(cloud, key):
    return signing.s3(cloud.port, "GET", f"/crowd/{key}")


def answer(connection):
    """(status, body)"""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or pytest.fail("the connection was closed")
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    )
    while len(body) < length:
        body += connection.recv(1 << 20) or pytest.fail("the answer was cut short")
    return int(head.split()[1]), body


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not (came := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return came


def test_every_client_of_a_crowd_gets_its_own_object(cloud, s3, crowd):
    bodies = [os.urandom(MIB + number) for number in range(CLIENTS)]
    for number, body in enumerate(bodies):
        s3.put_object(Bucket="crowd", Key=f"{number}", Body=body)
    for _ in range(3):
        for number, connection in enumerate(crowd):
            connection.sendall(get(cloud, number))
        for number, connection in enumerate(crowd):
            assert answer(connection) == (200, bodies[number])


def test_short_and_long_answers_to_pipelined_requests_leave_in_order(cloud, s3, crowd):
    long, short = os.urandom(MIB), b"short"
    s3.put_object(Bucket="crowd", Key="long", Body=long)
    s3.put_object(Bucket="crowd", Key="short", Body=short)
    one = crowd[0]
    one.sendall(b"".join(get(cloud, key) for key in ("short", "long", "short", "short", "long")))
    raw = b""
    while len(raw) < 2 * MIB + 3 * len(short) or raw.count(b"HTTP/1.1 200") < 5 or not raw.endswith(long[-100:]):
        raw += one.recv(1 << 20) or pytest.fail("the connection was closed")
    found = [part.partition(b"\r\n\r\n")[2] for part in raw.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert found == [short, long, short, short, long]


def test_a_client_that_hangs_up_at_once_holds_nothing(cloud, s3, crowd):
    s3.put_object(Bucket="crowd", Key="k", Body=os.urandom(2 * MIB))
    for connection in crowd:
        connection.sendall(get(cloud, "k"))
        connection.close()
    assert until(lambda: len(cloud.app.server.connections) <= 1)
    assert until(lambda: not cloud.app.cloud.blobs.readers._counts)


def test_a_range_of_kept_bytes_is_the_range(cloud, s3):
    body = os.urandom(MIB)
    s3.put_object(Bucket="crowd", Key="k", Body=body)
    assert s3.get_object(Bucket="crowd", Key="k")["Body"].read() == body
    for start, stop in [(0, 1), (5, 300_000), (262_143, 262_145), (262_144, 524_288), (MIB - 1, MIB)]:
        found = s3.get_object(Bucket="crowd", Key="k", Range=f"bytes={start}-{stop - 1}")["Body"].read()
        assert found == body[start:stop]


def test_a_slow_reader_gets_all_of_what_was_forgotten_and_replaced_meanwhile(cloud, s3):
    """Neither the bytes that were kept nor the blob's file serve others before it has read them."""
    old = os.urandom(2 * MIB - 5)
    s3.put_object(Bucket="crowd", Key="k", Body=old)
    assert s3.get_object(Bucket="crowd", Key="k")["Body"].read() == old
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        slow.connect(("127.0.0.1", cloud.port))
        slow.settimeout(20)
        slow.sendall(get(cloud, "k"))
        start = slow.recv(1_000)
        kept = cloud.app.cloud.blobs.kept
        for turn in range(20):
            s3.put_object(Bucket="crowd", Key="k", Body=os.urandom(2 * MIB - 5))
            s3.get_object(Bucket="crowd", Key="k")["Body"].read()
            cloud.settle()
            if turn == 3:
                for blob in list(kept._blobs):
                    kept.forget(blob)
        found = start.partition(b"\r\n\r\n")[2]
        while len(found) < len(old):
            found += slow.recv(1 << 20) or pytest.fail("the answer was cut short")
        assert found == old


def test_what_was_replaced_or_deleted_is_never_served(cloud, s3):
    for _ in range(10):
        body = os.urandom(MIB)
        s3.put_object(Bucket="crowd", Key="k", Body=body)
        for _ in range(2):
            assert s3.get_object(Bucket="crowd", Key="k")["Body"].read() == body
    s3.delete_object(Bucket="crowd", Key="k")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="crowd", Key="k")


def test_blocks_that_are_used_again_hold_one_body_only(cloud, s3, crowd):
    """More bodies at once than there are spare blocks, over and over, of lengths that fill none, one and some."""
    sizes = [200_000, MIB, MIB + 1, 2 * MIB, 3 * MIB - 7]
    right = []

    def upload(number):
        for turn in range(4):
            body = os.urandom(sizes[(number + turn) % len(sizes)])
            crowd[number].sendall(signing.s3(cloud.port, "PUT", f"/crowd/{number}", body=body))
            status, _ = answer(crowd[number])
            crowd[number].sendall(get(cloud, number))
            if status == 200 and answer(crowd[number]) == (200, body):
                right.append((number, turn))

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(right) == 4 * CLIENTS
