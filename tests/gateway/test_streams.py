"""Bodies that stream, both ways, in bounded memory: a toy S3 whose objects are only counted, behind the real gateway.

S3 itself comes with its own issue; what is tested here is the gateway: aws-chunked, signed chunks, trailing
checksums, backpressure.
"""

import hashlib
import resource
import socket
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus.catalog import SERVICES
from pileus.service import Call, Service
from tests.conftest import TestCloud

MIB = 1024 * 1024


def toy_s3(seen):
    s3 = Service("s3", validation=None)

    @s3.operation("PutObject", resource=lambda call, request: f"arn:aws:s3:::{request['Bucket']}/{request['Key']}")
    async def put_object(call: Call, request):
        digest, length = hashlib.sha256(), 0
        async for piece in request["Body"]:
            digest.update(piece)
            length += len(piece)
        seen[f"{request['Bucket']}/{request['Key']}"] = (length, digest.hexdigest())
        return {"ETag": f'"{length}"'}

    @s3.operation("GetObject", resource=lambda call, request: f"arn:aws:s3:::{request['Bucket']}/{request['Key']}")
    async def get_object(call: Call, request):
        count = int(request["Key"])

        async def body():
            for _ in range(count):
                yield b"x" * MIB

        return {"Body": body(), "ContentLength": count * MIB}

    return s3


@pytest.fixture
def seen():
    return {}


@pytest.fixture
def cloud(tmp_path, seen):
    cloud = TestCloud(tmp_path, {**SERVICES, "s3": toy_s3(seen)})
    yield cloud
    cloud.stop()


def s3(cloud, **config):
    return cloud.client("s3", config=Config(s3={"addressing_style": "path"}, **config))


def test_a_small_object_arrives_whole(cloud, seen):
    s3(cloud).put_object(Bucket="b", Key="k", Body=b"hello")
    assert seen == {"b/k": (5, hashlib.sha256(b"hello").hexdigest())}


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_each_checksum_is_verified_over_a_streamed_body(cloud, seen, algorithm):
    body = bytes(range(256)) * 4096
    s3(cloud).put_object(Bucket="b", Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert seen["b/k"] == (len(body), hashlib.sha256(body).hexdigest())


def test_a_trailing_checksum_over_tls_is_verified(tmp_path):
    """Over TLS, SDKs send unsigned chunks with a trailing checksum."""
    seen = {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cloud = TestCloud(tmp_path, {**SERVICES, "s3": toy_s3(seen)}, https_port=port)
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"https://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            verify=str(tmp_path / "ca.pem"),
            config=Config(s3={"addressing_style": "path"}),
        )
        body = b"z" * (3 * MIB + 17)
        client.put_object(Bucket="b", Key="k", Body=body)
        assert seen["b/k"] == (len(body), hashlib.sha256(body).hexdigest())
    finally:
        cloud.stop()


def test_a_host_style_address_puts_the_bucket_before_the_path(cloud, seen):
    import http.client

    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    host = f"my.bucket.s3.localhost.localstack.cloud:{cloud.port}"
    request = AWSRequest("PUT", f"http://{host}/a/key", data=b"hello")
    S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    connection.request("PUT", "/a/key", b"hello", {**dict(request.headers.items()), "Host": host})
    assert connection.getresponse().status == 200
    assert seen == {"my.bucket/a/key": (5, hashlib.sha256(b"hello").hexdigest())}


def test_an_object_that_looks_like_a_form_is_an_object(cloud, seen):
    body = b"Action=DeleteBucket&Version=2006-03-01"
    s3(cloud).put_object(Bucket="b", Key="k", Body=body)
    assert seen["b/k"] == (len(body), hashlib.sha256(body).hexdigest())


def test_a_wrong_checksum_is_refused(cloud, seen):
    with pytest.raises(ClientError, match="BadDigest"):
        s3(cloud).put_object(Bucket="b", Key="k", Body=b"hello", ChecksumCRC32="AAAAAA==")
    assert seen == {}


def chunked_request(cloud, body, tamper=False, chunk=64 * 1024, cut=None):
    """A PUT with signed chunks, made by the book; the raw bytes to send."""
    from pileus.gateway import sigv4
    from pileus.wire import HttpRequest

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)] + [b""]
    framed = sum(len(f"{len(p):x};chunk-signature=") + 64 + 2 + len(p) + 2 for p in pieces)
    headers = {
        "host": f"127.0.0.1:{cloud.port}",
        "x-amz-date": stamp,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(body)),
        "content-encoding": "aws-chunked",
        "content-length": str(framed),
    }
    claim = sigv4.Claim("test", stamp[:8], "us-east-1", "s3", sorted(headers), "", stamp, None)
    request = HttpRequest("PUT", "/b/k", "", headers, b"")
    signer = sigv4.SigningKey("test", stamp[:8], "us-east-1", "s3")
    seed = signer.sign(sigv4.string_to_sign(request, claim, headers["x-amz-content-sha256"]))
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=test/{claim.scope},SignedHeaders={';'.join(claim.signed)},Signature={seed}"
    )
    out = ["PUT /b/k HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    raw, previous = "\r\n".join(out).encode(), seed
    for piece in pieces:
        digest = hashlib.sha256(piece).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{claim.scope}\n{previous}\n{sigv4.EMPTY_SHA256}\n{digest}"
        previous = signer.sign(text)
        shown = piece.replace(b"a", b"b") if tamper else piece
        raw += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + shown + b"\r\n"
    return raw if cut is None else raw[:-cut]


def exchange(cloud, raw, close=False):
    with socket.create_connection(("127.0.0.1", cloud.port), 10) as connection:
        connection.sendall(raw)
        if close:
            return b""
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        return data


@pytest.mark.parametrize("size", [0, 1, 1000, 200_000, 3 * MIB])
def test_signed_chunks_are_verified_and_taken_apart(cloud, seen, size):
    body = b"a" * size
    assert exchange(cloud, chunked_request(cloud, body)).startswith(b"HTTP/1.1 200")
    assert seen["b/k"] == (size, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("size", [1000, 200_000])
def test_a_changed_chunk_is_refused(cloud, seen, size):
    answer = exchange(cloud, chunked_request(cloud, b"a" * size, tamper=True))
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"SignatureDoesNotMatch" in answer
    assert seen == {}


def test_an_upload_that_is_cut_off_leaves_nothing(cloud, seen):
    exchange(cloud, chunked_request(cloud, b"a" * 300_000, cut=50_000), close=True)
    assert cloud.client("sts").get_caller_identity()
    assert seen == {}


def test_a_large_body_passes_through_bounded_memory_both_ways(cloud, seen):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece, count = b"m" * MIB, 200

    class Endless:
        """A file-like body that is never in memory as a whole."""

        def __init__(self):
            self.left = count * MIB

        def __len__(self):
            return count * MIB

        def read(self, size=MIB):
            size = min(size if size > 0 else MIB, self.left, MIB)
            self.left -= size
            return piece[:size]

        def tell(self):
            return count * MIB - self.left

        def seek(self, to, whence=0):
            self.left = count * MIB - to if whence == 0 else 0

    s3(cloud, request_checksum_calculation="when_required").put_object(
        Bucket="b", Key="big", Body=Endless(), ContentLength=count * MIB
    )
    assert seen["b/big"][0] == count * MIB
    got = s3(cloud).get_object(Bucket="b", Key=str(count))["Body"]
    assert sum(len(part) for part in got.iter_chunks(MIB)) == count * MIB
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB for a body of {count} MiB"
