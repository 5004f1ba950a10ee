"""What only a raw request can show: missing headers, bodies that break off, downloads that nobody ends."""

import hashlib
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import TestCloud

from .vault_asking import MIB, blobs_of, output, retrieval, some_bytes, tree_hash, upload


@pytest.fixture
def client(cloud: TestCloud) -> Any:
    client = cloud.client("glacier")
    client.create_vault(vaultName="attic")
    return client


def raw(cloud: TestCloud, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    request = AWSRequest(method, f"{cloud.endpoint}{path}", data=body)
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    SigV4Auth(Credentials("test", "test"), "glacier", "us-east-1").add_auth(request)
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{cloud.port}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def send(cloud: TestCloud, message: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        connection.sendall(message)
        return connection.recv(65_536)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def upload_of(cloud: TestCloud, body: bytes) -> bytes:
    return raw(
        cloud,
        "POST",
        "/-/vaults/attic/archives",
        body,
        x_amz_glacier_version="2012-06-01",
        x_amz_sha256_tree_hash=tree_hash(body),
        x_amz_content_sha256=hashlib.sha256(body).hexdigest(),
    )


def test_a_request_without_the_api_version_is_refused(cloud: TestCloud, client: Any) -> None:
    answer = send(cloud, raw(cloud, "GET", "/-/vaults/attic"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"MissingParameterValueException" in answer
    assert b"Required parameter missing: API version" in answer


def test_an_upload_without_its_tree_hash_is_refused(cloud: TestCloud, client: Any) -> None:
    message = raw(cloud, "POST", "/-/vaults/attic/archives", b"wool", x_amz_glacier_version="2012-06-01")
    answer = send(cloud, message)
    assert b"MissingParameterValueException" in answer
    assert b"x-amz-sha256-tree-hash" in answer


@pytest.mark.parametrize("size", [1_000, 8 * MIB])
def test_a_body_that_is_not_what_was_signed_stores_nothing(cloud: TestCloud, client: Any, size: int) -> None:
    body = os.urandom(size)
    message = upload_of(cloud, body)
    answer = send(cloud, message[:-1] + bytes([message[-1] ^ 1]))
    assert answer.startswith(b"HTTP/1.1 4")
    assert until(lambda: blobs_of(cloud) == 0)


def test_an_upload_that_breaks_off_leaves_nothing(cloud: TestCloud, client: Any) -> None:
    message = upload_of(cloud, os.urandom(4 * MIB))
    for sent in (1_500, 600_000, 3 * MIB):
        with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
            connection.sendall(message[:sent])
            if sent > MIB:
                assert until(lambda: blobs_of(cloud) > 0)
    assert until(lambda: blobs_of(cloud) == 0)
    client.delete_vault(vaultName="attic")


def test_a_vault_deleted_while_bytes_come_in_takes_none(cloud: TestCloud, client: Any) -> None:
    message = upload_of(cloud, os.urandom(4 * MIB))
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        connection.sendall(message[: 2 * MIB])
        assert until(lambda: blobs_of(cloud) == 1)
        client.delete_vault(vaultName="attic")
        client.create_vault(vaultName="attic")
        connection.sendall(message[2 * MIB :])
        assert connection.recv(1_000).startswith(b"HTTP/1.1 404")
    assert until(lambda: blobs_of(cloud) == 0)


def test_what_is_being_downloaded_is_read_to_its_end_though_its_day_is_over(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(20 * MIB)
    archive = upload(client, "attic", data)
    job = retrieval(client, "attic", archive, Tier="Expedited")
    cloud.advance(300)
    arriving = client.get_job_output(vaultName="attic", jobId=job)["body"]
    first = arriving.read(1_000)
    client.delete_archive(vaultName="attic", archiveId=archive)
    cloud.advance(25 * 3_600)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        output(client, "attic", job)
    assert first + arriving.read() == data
    cloud.advance(10)
    assert until(lambda: blobs_of(cloud) == 0)


@pytest.mark.parametrize("name", ["x" * 3_000, "%00", "%C3%A9", "a%2Fb", "%FF"])
def test_names_that_no_vault_can_have_are_not_found_and_not_made(cloud: TestCloud, client: Any, name: str) -> None:
    version = {"x_amz_glacier_version": "2012-06-01"}
    assert send(cloud, raw(cloud, "GET", f"/-/vaults/{name}", **version)).startswith(b"HTTP/1.1 4")
    assert send(cloud, raw(cloud, "PUT", f"/-/vaults/{name}", **version)).startswith(b"HTTP/1.1 4")
    assert [vault["VaultName"] for vault in client.list_vaults()["VaultList"]] == ["attic"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"no json", b'{"Type": 5}', b'{"Type": "archive-retrieval"}'])
def test_jobs_that_make_no_sense_are_refused(cloud: TestCloud, client: Any, body: bytes) -> None:
    message = raw(cloud, "POST", "/-/vaults/attic/jobs", body, x_amz_glacier_version="2012-06-01")
    assert send(cloud, message).startswith(b"HTTP/1.1 400")
    assert client.list_jobs(vaultName="attic")["JobList"] == []
