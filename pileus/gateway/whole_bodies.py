"""Short bodies of operations that stream: all of one is there, so it is decoded and verified at once."""

from base64 import b64encode

from pileus.wire import HttpRequest

from .payload import NOT_CHECKSUMS, STREAMING, bad_checksum, known_checksum, stream_of
from .sigv4 import Signed


def whole(request: HttpRequest, signed: Signed | None) -> bytes:
    """The body of an operation that streams, when all of it is there: decoded and verified at once."""
    body = request.body
    assert isinstance(body, bytes)
    headers = request.headers
    # What covers all of a plain body, its signature, was judged with the head.
    if "x-amz-trailer" not in headers and "x-amz-decoded-content-length" not in headers:
        given = [name for name in headers if name.startswith("x-amz-checksum-") and name not in NOT_CHECKSUMS]
        encoded = "content-encoding" in headers or headers.get("x-amz-content-sha256", "").startswith(STREAMING)
        if not encoded and (not given or signed is not None):
            for name in given[:1]:
                _judge_plain(name.removeprefix("x-amz-checksum-"), headers[name], body)
            return body
    arriving = stream_of(request, signed)
    pieces: list[bytes] = []
    while True:
        # Nothing in it waits, as all of the source is there: the generator runs through without an event loop.
        try:
            anext(arriving).__await__().__next__()
        except StopIteration as step:
            pieces.append(step.value)
        except StopAsyncIteration:
            # A checksum that came behind the body counts like one that came before it.
            headers.update((name, value) for name, value in arriving.trailers.items() if name not in headers)
            return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)  # a chunk is a view of what came


def _judge_plain(algorithm: str, wanted: str, body: bytes) -> None:
    digest = known_checksum(algorithm)
    digest.update(body)
    if b64encode(digest.digest()).decode() != wanted:
        raise bad_checksum(algorithm, wanted)
