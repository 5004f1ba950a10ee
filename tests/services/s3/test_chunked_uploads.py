"""Uploads in `aws-chunked`, as the SDKs of Java, Go and .NET send them: every way to frame and sign a body, of every
length at which the cloud treats bodies differently."""

import base64
import hashlib
import http.client
import os
import zlib

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus.gateway.payload import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, _Chain
from pileus.gateway.sigv4 import SigningKey
from tests.services.s3.s3_asking import read

KIB = 1024
TRAILER = "x-amz-checksum-crc32"


def head(cloud, path, kind, length):
    """The signed headers of an upload."""
    headers = {
        "x-amz-content-sha256": kind,
        "x-amz-decoded-content-length": str(length),
        "content-encoding": "aws-chunked",
    }
    if kind != SIGNED:
        headers["x-amz-trailer"] = TRAILER
    request = AWSRequest("PUT", cloud.endpoint + path, data=b"", headers=headers)
    auth = SigV4Auth(Credentials("test", "test"), "s3", "us-east-1")
    auth.payload = lambda request: kind
    auth._normalize_url_path = lambda path: path
    auth.add_auth(request)
    return dict(request.headers)


def framed(headers, body, kind, chunk_bytes):
    stamp = headers["X-Amz-Date"]
    key = SigningKey("test", stamp[:8], "us-east-1", "s3")
    seed = headers["Authorization"].rpartition("Signature=")[2]
    chain = _Chain(key, stamp, f"{stamp[:8]}/us-east-1/s3/aws4_request", seed)
    sent = []
    for chunk in [*(body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)), b""]:
        signature = "" if kind == UNSIGNED_TRAILER else chain.chunk(hashlib.sha256(chunk).hexdigest())
        extension = f";chunk-signature={signature}" if signature else ""
        sent.append(f"{len(chunk):x}{extension}\r\n".encode() + chunk + (b"\r\n" if chunk else b""))
    if kind != SIGNED:
        checksum = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        sent.append(f"{TRAILER}:{checksum}\r\n".encode())
        if kind == SIGNED_TRAILER:
            digest = hashlib.sha256(f"{TRAILER}:{checksum}\n".encode()).hexdigest()
            sent.append(f"x-amz-trailer-signature:{chain.trailer(digest)}\r\n".encode())
    return b"".join([*sent, b"\r\n"])


def put(cloud, path, body, kind, chunk_bytes, pieces):
    """`pieces`: HTTP's own chunks, in place of a length."""
    headers = head(cloud, path, kind, len(body))
    data = framed(headers, body, kind, chunk_bytes)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    try:
        sent = (data[at : at + 7_000] for at in range(0, len(data), 7_000)) if pieces else data
        connection.request("PUT", path, sent, headers, encode_chunked=pieces)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("size", [0, 1, 16 * KIB, 16 * KIB + 1, 64 * KIB - 300, 64 * KIB, 64 * KIB + 1, 300 * KIB])
def test_what_was_put_in_chunks_is_what_is_got(shared_cloud, s3, bucket, kind, size):
    body = os.urandom(size)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for chunk_bytes in (8 * KIB, 10_000_000):
        for pieces in (False, True):
            assert put(shared_cloud, f"/{bucket}/k", body, kind, chunk_bytes, pieces) == (200, b"")
            assert read(s3, bucket, "k") == body
            assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="k")
    part = f"/{bucket}/m?partNumber=1&uploadId={upload}"
    assert put(shared_cloud, part, body, kind, 10_000_000, False) == (200, b"")
    found = s3.list_parts(Bucket=bucket, Key="m", UploadId=upload)["Parts"]
    assert [one["ETag"] for one in found] == [f'"{hashlib.md5(body).hexdigest()}"']
