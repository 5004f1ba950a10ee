"""aws-chunked bodies cut anywhere: what is read is what was sent, and what was changed is noticed."""

import asyncio
import hashlib
import zlib
from base64 import b64encode
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.gateway.payload import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Declared, Payload, _Chain
from pileus.gateway.sigv4 import SigningKey

NAME = "x-amz-checksum-crc32"
STAMP, SCOPE = "20260101T000000Z", "20260101/us-east-1/s3/aws4_request"
KINDS = st.sampled_from([SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])


def chain():
    return _Chain(SigningKey("secret", "20260101", "us-east-1", "s3"), STAMP, SCOPE, "0" * 64)


def sent(chunks, kind):
    """The bytes a client sends, and the body in them."""
    signer, lines = chain(), []
    for chunk in [*chunks, b""]:
        signature = (
            "" if kind == UNSIGNED_TRAILER else f";chunk-signature={signer.chunk(hashlib.sha256(chunk).hexdigest())}"
        )
        lines.append(f"{len(chunk):x}{signature}\r\n".encode() + chunk + (b"\r\n" if chunk else b""))
    body = b"".join(chunks)
    if kind != SIGNED:
        checksum = b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        lines.append(f"{NAME}:{checksum}\r\n".encode())
        if kind == SIGNED_TRAILER:
            digest = hashlib.sha256(f"{NAME}:{checksum}\n".encode()).hexdigest()
            lines.append(f"x-amz-trailer-signature:{signer.trailer(digest)}\r\n".encode())
    return b"".join([*lines, b"\r\n"]), body


def read(data, kind, cuts, length=None):
    """As the gateway reads it: pieces are bytes, or views of a block."""

    async def pieces():
        borders = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
        for number, (start, stop) in enumerate(pairwise(borders)):
            if start < stop:
                yield data[start:stop] if number % 2 else memoryview(bytearray(data[start:stop]))

    async def main():
        trailers = frozenset() if kind == SIGNED else frozenset({NAME})
        payload = Payload(pieces(), Declared(kind, length, trailers), chain())
        return b"".join([bytes(piece) async for piece in payload])

    return asyncio.run(main())


CHUNKS = st.lists(st.binary(min_size=1, max_size=40) | st.integers(1, 9_000).map(lambda n: b"z" * n), max_size=5)
CUTS = st.lists(st.integers(0, 40_000), max_size=12)


@settings(max_examples=200, deadline=None)
@given(CHUNKS, KINDS, CUTS)
def test_chunks_cut_anywhere_are_the_body(chunks, kind, cuts):
    data, body = sent(chunks, kind)
    assert read(data, kind, cuts, len(body)) == body


@pytest.mark.parametrize("kind", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_a_cut_at_every_offset_loses_nothing(kind):
    data, body = sent([b"hello", b"\r\n", b"0\r\n\r\n"], kind)
    for cut in range(len(data)):
        assert read(data, kind, [cut, cut + 1], len(body)) == body


@settings(max_examples=200, deadline=None)
@given(CHUNKS.filter(bool), KINDS, CUTS, st.integers(0, 40_000))
def test_a_body_that_ends_early_is_never_taken(chunks, kind, cuts, end):
    """But for the very last line break, which says nothing."""
    data, body = sent(chunks, kind)
    end %= len(data) - 4
    with pytest.raises(ApiError):
        read(data[:end], kind, cuts, len(body))


@settings(max_examples=200, deadline=None)
@given(CHUNKS.filter(bool), KINDS, CUTS, st.integers(0, 40_000), st.integers(1, 255))
def test_a_changed_byte_changes_no_object(chunks, kind, cuts, at, change):
    """It is refused, or it was a byte that says nothing (the case of a digit, a space)."""
    data, body = sent(chunks, kind)
    at %= len(data)
    data = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
    with suppress(ApiError):
        assert read(data, kind, cuts, len(body)) == body


@pytest.mark.parametrize("length", [0, 4, 6, 10_000])
def test_a_length_that_is_not_the_body_s_is_refused(length):
    data, _ = sent([b"hello"], UNSIGNED_TRAILER)
    with pytest.raises(ApiError) as refused:
        read(data, UNSIGNED_TRAILER, [], length)
    assert refused.value.code == "IncompleteBody"
