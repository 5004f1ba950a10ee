"""Clients that mean harm: they do not read, never end, invent names, or come from a web page of somebody else."""

import http.client
import json
import select
import socket
import time
from contextlib import ExitStack

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pileus.base.clock import monotonic
from pileus.base.errors import ApiError
from pileus.gateway.payload import Declared
from pileus.gateway.serving import Limits
from pileus.service import records
from pileus.wire import HttpResponse
from tests.conftest import TestCloud

HEALTH = b"GET /_pileus/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
DENY_NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}


def connect(cloud):
    return socket.create_connection(("127.0.0.1", cloud.port), 10)


def signed(cloud, target, body, service="sqs", path="/", headers=()):
    """The bytes of a signed JSON request."""
    text = json.dumps(body)
    kinds = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0", **dict(headers)}
    request = AWSRequest("POST", cloud.endpoint + path, data=text, headers=kinds)
    SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{cloud.port}", *lines, f"Content-Length: {len(text)}"]
    return ("\r\n".join(head) + "\r\n\r\n" + text).encode()


def read_all(connection):
    """Everything until the server closes."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def test_a_client_that_does_not_read_its_answers_gets_no_further_ones(shared_cloud):
    """The answers of 120,000 requests are not kept in memory for somebody who only sends."""
    asked = memoryview(HEALTH * 120_000)
    with connect(shared_cloud) as greedy:
        greedy.setblocking(False)
        sent = 0
        while sent < len(asked) and select.select([], [greedy], [], 0.5)[1]:
            sent += greedy.send(asked[sent : sent + 65536])
        waiting = max(c._transport.get_write_buffer_size() for c in list(shared_cloud.app.server.connections))
        assert waiting < 1024 * 1024
        greedy.setblocking(True)
        answered = 0
        whole = sent // len(HEALTH)
        tail = b""
        while answered < whole:
            piece = greedy.recv(1024 * 1024)
            assert piece, "the server hung up on a client that was only slow"
            answered += (tail + piece).count(b"HTTP/1.1 200") - tail.count(b"HTTP/1.1 200")
            tail = piece[-11:]


def test_a_client_that_never_reads_is_let_go_in_the_end(cloud):
    with connect(cloud) as greedy:
        greedy.setblocking(False)
        asked = memoryview(HEALTH * 120_000)
        sent = 0
        while sent < len(asked) and select.select([], [greedy], [], 0.3)[1]:
            sent += greedy.send(asked[sent : sent + 65536])
        (connection,) = cloud.app.server.connections

        async def sweep(seconds):
            connection.sweep(monotonic() + seconds)

        cloud.run(sweep(Limits().unread_seconds - 5))
        assert cloud.app.server.connections
        cloud.run(sweep(Limits().unread_seconds + 1))
        until(lambda: not cloud.app.server.connections)


def test_the_head_after_a_long_poll_is_bounded_too(cloud):
    url = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    poll = signed(cloud, "AmazonSQS.ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20})
    with connect(cloud) as patient:
        patient.sendall(poll + b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        until(lambda: len(cloud.app.cloud.waiting) == 1)
        patient.sendall(b"a" * 100_000)
        until(lambda: all(connection._last for connection in cloud.app.server.connections))
        cloud.advance(21)
        said = read_all(patient)
        assert said.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in said


def test_noise_after_a_request_does_not_cost_its_answer_and_the_connection_closes(cloud):
    url = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    with connect(cloud) as odd:
        odd.sendall(signed(cloud, "AmazonSQS.ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 1}))
        until(lambda: len(cloud.app.cloud.waiting) == 1)
        odd.sendall(b"\x00\x01 this is not HTTP\r\n\r\n")
        odd.settimeout(8)
        said = read_all(odd)
        assert said.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in said


def test_a_wish_to_upgrade_is_ignored_and_the_request_answered(shared_cloud):
    with connect(shared_cloud) as modern:
        upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        modern.sendall(HEALTH[:-2] + upgrade + b"\r\n")
        assert read_all(modern).startswith(b"HTTP/1.1 200")


def test_a_client_that_sends_all_of_a_body_that_is_too_large_still_reads_the_refusal(shared_cloud):
    with connect(shared_cloud) as large:
        large.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
        for _ in range(20):
            large.sendall(b"a" * 1_000_000)
        assert read_all(large).startswith(b"HTTP/1.1 413")


def test_beyond_the_limit_of_connections_a_client_is_told_so(cloud):
    cloud.app.server.limits = Limits(connections=3)
    held = [connect(cloud) for _ in range(3)]
    until(lambda: len(cloud.app.server.connections) == 3)
    with connect(cloud) as further:
        assert read_all(further).startswith(b"HTTP/1.1 503")
    held.pop().close()
    until(lambda: len(cloud.app.server.connections) == 2)
    assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    for one in held:
        one.close()


def test_names_that_mean_nothing_are_not_kept(shared_cloud):
    router = shared_cloud.app.cloud.router
    before = len(router._kept)
    with connect(shared_cloud) as inventive:
        for n in range(50):
            inventive.sendall(signed(shared_cloud, f"AmazonSQS.Nonsense{n}", {}))
            assert inventive.recv(65536).startswith(b"HTTP/1.1 400")
    assert len(router._kept) == before


@pytest.mark.parametrize("expires", ["%C2%B2", "%D9%A3", "9" * 5000, "1e3", "-1", ""])
def test_a_presigned_life_that_is_no_number_is_the_callers_error(shared_cloud, expires):
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/us-east-1/sts/aws4_request"
        f"&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Expires={expires}"
    )
    with connect(shared_cloud) as odd:
        odd.sendall(f"GET /?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert read_all(odd).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("length", ["²", "-1", "1" * 5000, "0x10"])
def test_a_decoded_length_that_is_no_number_is_the_callers_error(length):
    with pytest.raises(ApiError) as refused:
        Declared.of({"x-amz-decoded-content-length": length}, "")
    assert refused.value.status == 400


def test_a_scope_of_many_pages_is_refused(shared_cloud):
    with connect(shared_cloud) as odd:
        scope = f"test/20260101/{'r' * 5000}/sts/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
        odd.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Date: 20260101T000000Z\r\nConnection: close\r\n"
            b"Authorization: " + authorization.encode() + b"\r\n\r\n"
        )
        assert read_all(odd).startswith(b"HTTP/1.1 400")


def test_key_ids_of_many_pages_cannot_crowd_out_the_records_of_others(cloud):
    """Records share rows, and a row has a limit."""
    key = "A" * 20_000
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/{stamp[:8]}/us-east-1/sts/aws4_request, SignedHeaders=host"
    request = (
        f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Date: {stamp}\r\nUser-Agent: {'ü' * 300}\r\n"
        f"Authorization: {authorization}, Signature=00\r\nContent-Length: 24\r\n\r\nAction=GetCallerIdentity"
    ).encode("latin-1")
    with connect(cloud) as odd:
        for _ in range(300):
            odd.sendall(request)
            assert odd.recv(65536).startswith(b"HTTP/1.1 403")
    cloud.client("sts").get_caller_identity()
    cloud.run(flush(cloud))
    found = cloud.run(cloud.app.store.transact(lambda tx: records.latest(tx, 400)))
    assert len(found) == 301
    assert max(len(record.key_id) for _, record in found) <= 128


async def flush(cloud):
    cloud.app.cloud.recorder.flush()


def test_a_denied_name_of_a_megabyte_is_denied_and_nothing_worse(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(DENY_NOTHING))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sqs = cloud.client("sqs", key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName="a" * 1_500_000)
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4566", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_a_name_of_somebody_else_that_leads_here_is_refused(shared_cloud, host):
    """DNS rebinding: a web page's own name is made to point at 127.0.0.1, and its script signs with test/test."""
    with connect(shared_cloud) as page:
        page.sendall(f"GET /_pileus/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert read_all(page).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "host",
    [
        "localhost:4566", "127.0.0.1:4566", "[::1]:4566", "10.0.0.7:4566", "pileus:4566", "sqs.localhost:4566",
        "sqs.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud:4566", "host.docker.internal:4566",
        "LOCALHOST", "",
    ],
)  # fmt: skip
def test_the_names_of_this_machine_are_taken(shared_cloud, host):
    with connect(shared_cloud) as client:
        client.sendall(f"GET /_pileus/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert read_all(client).startswith(b"HTTP/1.1 200")


def test_a_secure_cloud_may_have_any_name(tmp_path):
    """There are no keys that a page could know."""
    cloud = TestCloud(tmp_path, secure=True)
    try:
        with connect(cloud) as client:
            client.sendall(b"GET /_pileus/health HTTP/1.1\r\nHost: cloud.example\r\nConnection: close\r\n\r\n")
            assert read_all(client).startswith(b"HTTP/1.1 200")
    finally:
        cloud.stop()


def test_a_header_value_cannot_break_out_of_its_line():
    from pileus.gateway.heads import head_of

    with pytest.raises(ValueError, match="break out"):
        head_of(HttpResponse(200, [("x-a", "b\r\nset-cookie: c")], b""), 0, True)


def administer(cloud, key, secret):
    request = AWSRequest("POST", cloud.endpoint + "/_pileus/calls", data="{}", headers={})
    SigV4Auth(Credentials(key, secret), "pileus", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    connection.request("POST", "/_pileus/calls", "{}", dict(request.headers.items()))
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_the_root_of_the_first_account_administers(cloud):
    """Neither another account's root, who may do everything there, nor a user of the first account who may."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert administer(cloud, "test", "test") == 200
    assert administer(cloud, "123456789012", "test") == 403
    assert administer(cloud, key["AccessKeyId"], key["SecretAccessKey"]) == 403


def test_answers_leave_in_order_though_a_long_one_follows_short_ones(shared_cloud):
    """Among many clients short answers are gathered; a streamed one must not pass them."""
    s3 = shared_cloud.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket="in-order")
    s3.put_object(Bucket="in-order", Key="large", Body=b"x" * 200_000)
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "in-order", "Key": "large"})
    target = link.partition(str(shared_cloud.port))[2]
    large = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{shared_cloud.port}\r\n\r\n".encode()
    with ExitStack() as crowd:
        for _ in range(6):
            crowd.enter_context(connect(shared_cloud))
        one = crowd.enter_context(connect(shared_cloud))
        one.sendall(HEALTH + large + HEALTH[:-2] + b"Connection: close\r\n\r\n")
        said = read_all(one)
        lengths = [int(line.split()[1]) for line in said.split(b"\r\n") if line.lower().startswith(b"content-length")]
        assert [length == 200_000 for length in lengths] == [False, True, False]
