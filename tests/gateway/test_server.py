"""What the server does with bytes on a socket: pipelining, limits, slow and broken clients. Raw sockets, as no SDK
would send."""

import socket
import time

import pytest


@pytest.fixture
def connection(shared_cloud):
    with socket.create_connection(("127.0.0.1", shared_cloud.port), 10) as opened:
        yield opened


def answers(connection, count=1):
    """Whole answers, as (status, headers, body)."""
    found, data = [], b""
    while len(found) < count:
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return found
            data += piece
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        status = int(lines[0].split()[1])
        if status == 100:
            found.append((status, headers, b""))
            continue
        length = int(headers["content-length"])
        while len(data) < length:
            data += connection.recv(65536)
        found.append((status, headers, data[:length]))
        data = data[length:]
    return found


HEALTH = b"GET /_pileus/health HTTP/1.1\r\nHost: x\r\n\r\n"


def test_pipelined_requests_are_answered_in_order(connection):
    connection.sendall(HEALTH * 3 + b"GET /_localstack/health HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH)
    bodies = [body for _, _, body in answers(connection, 5)]
    assert [b"edition" in body for body in bodies] == [False, False, False, True, False]


def test_more_pipelined_requests_than_the_limit_are_all_answered(connection):
    connection.sendall(HEALTH * 100)
    assert len(answers(connection, 100)) == 100


def test_a_request_may_arrive_byte_by_byte(connection):
    for octet in HEALTH:
        connection.sendall(bytes([octet]))
    assert answers(connection)[0][0] == 200


def test_a_client_that_waits_to_send_its_body_is_told_to_go_on(connection):
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    assert answers(connection)[0][0] == 100
    connection.sendall(b"a=b")
    assert answers(connection)[0][0] == 405


def test_a_chunked_body_is_read(connection):
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nActio\r\n3\r\nn=X\r\n0\r\n\r\n" + HEALTH
    )
    assert [status for status, _, _ in answers(connection, 2)] == [403, 200]


def test_an_absolute_target_is_its_path(connection):
    connection.sendall(b"GET http://x/_pileus/health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"ready" in answers(connection)[0][2]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -3\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(connection, garbage):
    connection.sendall(garbage)
    found = answers(connection, 2)
    assert [status for status, _, _ in found] == [400]
    assert found[0][1]["connection"] == "close"


def test_a_head_over_the_limit_is_refused(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n")
    assert answers(connection)[0][0] == 431


def test_too_many_headers_are_refused(connection):
    many = b"".join(b"x-%d: y\r\n" % n for n in range(300))
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")
    assert answers(connection)[0][0] == 431


def test_a_target_over_the_limit_is_refused(connection):
    connection.sendall(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answers(connection)[0][0] == 414


def test_a_body_over_the_limit_is_refused_before_it_is_sent(connection):
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    assert answers(connection)[0][0] == 413


def test_a_chunked_body_over_the_limit_is_refused(connection):
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    try:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            connection.sendall(chunk)
    except OSError:
        return  # it had been refused, and the connection closed, while we were still sending
    assert answers(connection)[0][0] == 413


def test_a_client_that_never_ends_its_head_is_shown_the_door(cloud):
    limits = cloud.app.server.limits
    cloud.app.server.limits = type(limits)(head_seconds=0.2)
    cloud.app.server.SWEEP_SECONDS = 0.1
    with socket.create_connection(("127.0.0.1", cloud.port), 10) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHo")
        begin = time.monotonic()
        assert answers(slow)[0][0] == 408
        assert time.monotonic() - begin < 8


def test_a_client_that_hangs_up_in_the_middle_of_a_body_leaves_the_server_well(shared_cloud):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", shared_cloud.port), 10) as dying:
            dying.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert shared_cloud.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_http_1_0_gets_an_answer_and_the_connection_closes(connection):
    connection.sendall(b"GET /_pileus/health HTTP/1.0\r\n\r\n")
    assert answers(connection)[0][0] == 200
    assert connection.recv(10) == b""


def test_head_has_the_length_and_no_body(connection):
    connection.sendall(b"HEAD /_pileus/health HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH)
    data = b""
    while data.count(b"HTTP/1.1 200") < 2:
        data += connection.recv(65536)
    first = data.split(b"HTTP/1.1 200")[1]
    assert b"content-length" in first
    assert first.endswith(b"\r\n\r\n")
