"""Trailing headers after signed chunks: their signature is verified like each chunk's."""

import asyncio
import hashlib
import zlib
from base64 import b64encode

import pytest

from pileus.base.errors import ApiError
from pileus.gateway.payload import SIGNED_TRAILER, Declared, Payload, _Chain
from pileus.gateway.sigv4 import SigningKey

NAME = "x-amz-checksum-crc32"
STAMP, SCOPE = "20260101T000000Z", "20260101/us-east-1/s3/aws4_request"


def chain():
    return _Chain(SigningKey("secret", "20260101", "us-east-1", "s3"), STAMP, SCOPE, "0" * 64)


def upload(body, trailer_signature=None):
    """The bytes of an upload of one chunk, as a client signs them."""
    signer = chain()
    chunk = signer.chunk(hashlib.sha256(body).hexdigest())
    end = signer.chunk(hashlib.sha256(b"").hexdigest())
    checksum = b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    trailer = signer.trailer(hashlib.sha256(f"{NAME}:{checksum}\n".encode()).hexdigest())
    head = f"{len(body):x};chunk-signature={chunk}\r\n".encode()
    tail = f"0;chunk-signature={end}\r\n{NAME}:{checksum}\r\nx-amz-trailer-signature:{trailer_signature or trailer}\r\n"
    return head + body + b"\r\n" + tail.encode() + b"\r\n"


def read(sent, size=7):
    async def pieces():
        for at in range(0, len(sent), size):
            yield sent[at : at + size]

    async def main():
        payload = Payload(pieces(), Declared(SIGNED_TRAILER, None, frozenset({NAME})), chain())
        return b"".join([piece async for piece in payload])

    return asyncio.run(main())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_signed_trailer_is_taken(size):
    assert read(upload(b"hello"), size) == b"hello"


@pytest.mark.parametrize("signature", ["0" * 64, "", "é"])
def test_a_trailer_of_another_signature_is_refused(signature):
    with pytest.raises(ApiError) as refused:
        read(upload(b"hello", signature or " "))
    assert refused.value.code == "SignatureDoesNotMatch"
