"""A streamed body, decoded and verified while it passes: `aws-chunked`, signed chunks, trailing checksums.

Source: Amazon S3 API Reference, "Signature calculations for the authorization header: transferring a payload in
multiple chunks" and "… including trailing headers"; Amazon S3 User Guide, "Checking object integrity". Memory is
bounded by the pieces that arrive: a chunk's signature can only be judged at its end, so the operation must not make
visible what it has read before the stream has ended well.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from pileus.base.checksums import Digest, checksum
from pileus.base.errors import ApiError
from pileus.base.threads import Job, begin, ended, finished
from pileus.wire import HttpRequest

from .sigv4 import EMPTY_SHA256, Signed, SigningKey

CHUNK_HEAD_BYTES_MAX = 1_024
TRAILER_BYTES_MAX = 16 * 1_024
CHUNK_BYTES_MAX = 5 * 1024**3
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = "STREAMING-"
NOT_CHECKSUMS = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"})
KINDS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)


BLOCK_BYTES = 512 * 1024
BLOCK_BYTES_LEAST = 64 * 1024
BLOCKS_BYTES = 32 * 1024 * 1024
"""What `pour` hands to worker threads at once, and what all bodies that pour may gather for it, as far as the least
allows."""
SHARED_BYTES = 256 * 1024
Step = Callable[[bytes], None]


@dataclass
class Declared:
    """What the request's head says of its body."""

    payload: str
    decoded_length: int | None
    trailers: frozenset[str]
    content_length: int | None = None
    checksum: tuple[str, str] | None = None
    """Algorithm and its value in Base64, when a header already gives it."""

    @classmethod
    def of(cls, headers: dict[str, str], payload: str) -> "Declared":
        length = headers.get("x-amz-decoded-content-length")
        if length is not None and not (length.isascii() and length.isdigit() and len(length) <= 16):
            raise ApiError("x-amz-decoded-content-length is not a number", code="InvalidRequest", status=400)
        trailers = frozenset(
            name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()
        )
        given = [
            (name.removeprefix("x-amz-checksum-"), value)
            for name, value in headers.items()
            if name.startswith("x-amz-checksum-") and name not in NOT_CHECKSUMS
        ]
        sent = headers.get("content-length")
        return cls(
            payload,
            None if length is None else int(length),
            trailers,
            None if sent is None else int(sent),
            given[0] if given else None,
        )


def stream_of(request: HttpRequest, signed: Signed | None) -> "Payload":
    """The body of an operation that streams, decoded and verified while it is read. `signed` is None for an unsigned
    request."""
    headers = request.headers
    declared = Declared.of(headers, signed.payload if signed is not None else headers.get("x-amz-content-sha256", ""))
    if declared.payload.startswith(STREAMING) and declared.payload not in KINDS:
        raise ApiError(f"{declared.payload} is not supported.", code="InvalidRequest", status=400)
    if declared.payload in KINDS and declared.decoded_length is None:
        raise ApiError("You must provide the Content-Length HTTP header.", code="MissingContentLength", status=411)
    encodings = [name.strip() for name in headers.get("content-encoding", "").split(",")]
    if "aws-chunked" in encodings:
        # It describes how the bytes travel, not the object (Amazon S3 API Reference, PutObject).
        headers["content-encoding"] = ",".join(name for name in encodings if name != "aws-chunked")
        if not headers["content-encoding"]:
            del headers["content-encoding"]
    body = request.body
    source = _once(body) if isinstance(body, bytes) else body
    if signed is None:
        return Payload(source, declared, None)
    claim = signed.claim
    return Payload(source, declared, _Chain(signed.signer, claim.stamp, claim.scope, claim.signature))


_pouring: "set[Payload]" = set()
"""The bodies that are pouring at this moment."""


def _all(steps: tuple[Step, ...], block: bytes) -> None:
    for step in steps:
        step(block)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


class _Chain:
    """Each chunk's signature covers the one before it."""

    def __init__(self, key: SigningKey, stamp: str, scope: str, seed: str):
        self._key, self._stamp, self._scope, self.previous = key, stamp, scope, seed

    def chunk(self, digest: str) -> str:
        return self._sign(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._head()}\n{EMPTY_SHA256}\n{digest}")

    def trailer(self, digest: str) -> str:
        return self._sign(f"AWS4-HMAC-SHA256-TRAILER\n{self._head()}\n{digest}")

    def _head(self) -> str:
        return f"{self._stamp}\n{self._scope}\n{self.previous}"

    def _sign(self, text: str) -> str:
        self.previous = self._key.sign(text)
        return self.previous


class Payload:
    """An async iterator of the body's own bytes. Raises ApiError (S3's codes) at the end, or sooner, when they are
    not what was signed.

    `trailers` holds the trailing headers after the end; `length` counts the bytes so far.
    """

    def __init__(self, source: AsyncIterator[bytes], declared: Declared, chain: _Chain | None):
        self.declared, self.length = declared, 0
        self.trailers: dict[str, str] = {}
        self._source, self._chain = source, chain
        self._buffer, self._at = b"", 0
        chunked = declared.payload in KINDS
        self._pieces = self._chunks() if chunked else source
        named = next((name for name in declared.trailers if name.startswith("x-amz-checksum-")), None)
        algorithm = declared.checksum[0] if declared.checksum else (named or "").removeprefix("x-amz-checksum-")
        self._trailing = named
        self._checksum = known_checksum(algorithm) if algorithm else None
        self._digest = hashlib.sha256() if len(declared.payload) == 64 and not chunked else None
        self._pouring = False
        self._out = self._checked()

    @property
    def declared_length(self) -> int | None:
        declared = self.declared
        if declared.decoded_length is not None or declared.payload.startswith(STREAMING):
            return declared.decoded_length
        return declared.content_length

    @property
    def trailing_checksum(self) -> str | None:
        if self.declared.checksum is not None:
            return self.declared.checksum[0].upper()
        return self._trailing.removeprefix("x-amz-checksum-").upper() if self._trailing is not None else None

    @property
    def checksum(self) -> str | None:
        return None if self._checksum is None else b64encode(self._checksum.digest()).decode()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._out)

    async def _checked(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.length += len(piece)
            expected = self.declared.decoded_length
            if expected is not None and self.length > expected:
                raise _incomplete()
            if not self._pouring:
                for update in self._updates():
                    update(piece)
            yield piece
        if self.declared.decoded_length is not None and self.length != self.declared.decoded_length:
            raise _incomplete()
        if not self._pouring:
            self._judge()

    async def pour(self, sink: Step, *beside: Step) -> None:
        """Reads to the end: each block passes in order through `sink` and each function of `beside`, in worker
        threads, while the next one arrives."""
        self._pouring = True
        steps = (sink, *beside, *self._updates())
        working: list[Job[None]] = []
        pieces: list[bytes] = []
        worn: list[bytes] = []
        size = 0
        # Of chunks, what is left of the source's pieces is yet to be read.
        give_back = getattr(self._source, "recycle", None) if self._pieces is self._source else None

        def recycle(pieces: list[bytes]) -> None:
            if give_back is not None:
                for piece in pieces:
                    give_back(piece)

        def worked() -> list[Job[None]]:
            block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if len(block) < SHARED_BYTES or len(_pouring) > 1:
                # Handing a block to several threads costs more than they save, when it is short, or others are at it.
                return [begin(_all, steps, block)]
            return [begin(step, block) for step in steps]

        _pouring.add(self)
        try:
            async for piece in self._out:
                pieces.append(piece)
                size += len(piece)
                if size >= BLOCK_BYTES or size >= max(BLOCK_BYTES_LEAST, BLOCKS_BYTES // len(_pouring)):
                    await finished(working)
                    recycle(worn)
                    worn, working = pieces, worked()
                    pieces, size = [], 0
            await finished(working)
            recycle(worn)
            if pieces:
                working = worked()
                await finished(working)
                recycle(pieces)
        finally:
            _pouring.discard(self)
            # No thread may still be at work on what the caller is about to give up.
            await ended(working)
        self._judge()

    def _updates(self) -> list[Step]:
        return [digest.update for digest in (self._digest, self._checksum) if digest is not None]

    def _judge(self) -> None:
        """Whether all that has passed is what was signed and promised."""
        if self._digest is not None and self._digest.hexdigest() != self.declared.payload:
            raise ApiError(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                code="XAmzContentSHA256Mismatch",
                status=400,
            )
        if self._checksum is None:
            return
        found = self.checksum
        if self.declared.checksum is not None:
            algorithm, wanted = self.declared.checksum
        else:
            assert self._trailing is not None
            algorithm = self._trailing.removeprefix("x-amz-checksum-")
            wanted = self.trailers.get(self._trailing, "")
        if found != wanted:
            raise bad_checksum(algorithm, wanted, self.declared.checksum is None)

    async def _chunks(self) -> AsyncIterator[bytes]:
        signed = self.declared.payload != UNSIGNED_TRAILER
        while True:
            size, signature = _chunk_head(await self._line(CHUNK_HEAD_BYTES_MAX), signed)
            digest = hashlib.sha256()
            left = size
            while left:
                piece = await self._some(left)
                digest.update(piece)
                left -= len(piece)
                yield piece
            if signed:
                self._verify(signature, self._chain_of().chunk(digest.hexdigest()))
            if size == 0:
                break
            if await self._line(2) != b"":
                raise _malformed()
        if self.declared.payload == SIGNED or not self.declared.trailers:
            return
        await self._read_trailers(signed)

    async def _read_trailers(self, signed: bool) -> None:
        """`name:value` lines; then, when chunks are signed, the signature over them."""
        canonical, signature, room = "", "", TRAILER_BYTES_MAX
        while line := await self._line(room):
            room -= len(line)
            name, colon, value = line.decode("latin-1").partition(":")
            name = name.strip().lower()
            if not colon:
                raise _malformed()
            if name == "x-amz-trailer-signature":
                signature = value.strip()
                continue
            self.trailers[name] = value.strip()
            canonical += f"{name}:{value.strip()}\n"
        if self.trailers.keys() - self.declared.trailers:
            raise _malformed()
        if signed:
            self._verify(signature, self._chain_of().trailer(hashlib.sha256(canonical.encode()).hexdigest()))

    def _chain_of(self) -> _Chain:
        if self._chain is None:
            raise ApiError("Anonymous requests cannot sign their chunks.", code="AccessDenied", status=403)
        return self._chain

    @staticmethod
    def _verify(given: str, wanted: str) -> None:
        if not hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode()):
            raise ApiError(
                "The request signature we calculated does not match the signature you provided."
                " Check your key and signing method.",
                code="SignatureDoesNotMatch",
                status=403,
            )

    async def _more(self) -> bool:
        """Adds what comes next to what is left of the pieces before."""
        try:
            piece = await anext(self._source)
        except StopAsyncIteration:
            return False
        rest = self._buffer[self._at :]
        self._buffer = bytes(rest) + piece if len(rest) else piece
        self._at = 0
        return True

    async def _some(self, at_most: int) -> bytes:
        """A run of what came, without a copy."""
        if self._at == len(self._buffer) and not await self._more():
            raise _incomplete()
        piece = memoryview(self._buffer)[self._at : self._at + at_most]
        self._at += len(piece)
        return piece  # type: ignore[return-value]

    async def _line(self, at_most: int) -> bytes:
        """The next line without its end; the end of the body counts as one."""
        while True:
            start = self._at
            head = bytes(self._buffer[start : start + at_most + 2])
            end = head.find(b"\r\n")
            if end >= 0:
                self._at = start + end + 2
                return head[:end]
            if len(head) == at_most + 2:
                raise _malformed()
            if not await self._more():
                self._at = len(self._buffer)
                return head


def _chunk_head(line: bytes, signed: bool) -> tuple[int, str]:
    """`1000;chunk-signature=…` as (size, signature)."""
    if not line:
        raise _incomplete()
    text, _, extension = line.decode("latin-1").partition(";")
    digits = text.strip()
    if not digits or len(digits) > 16 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise _malformed()
    size = int(digits, 16)
    if size > CHUNK_BYTES_MAX:
        raise _malformed()
    name, _, signature = extension.strip().partition("=")
    if signed and name != "chunk-signature":
        raise _malformed()
    return size, signature


def known_checksum(algorithm: str) -> Digest:
    try:
        return checksum(algorithm)
    except (KeyError, ValueError):
        message = "The algorithm type you specified in x-amz-checksum- header is invalid."
        raise ApiError(message, code="InvalidRequest", status=400) from None


def bad_checksum(algorithm: str, wanted: str, trailing: bool = False) -> ApiError:
    """`wanted` is not what was found, and perhaps no checksum at all."""
    try:
        size = len(b64decode(wanted, validate=True))
    except ValueError:
        size = -1
    if size != len(checksum(algorithm).digest()):
        where = "trailing header" if trailing else "header"
        message = f"Value for x-amz-checksum-{algorithm} {where} is invalid."
        return ApiError(message, code="InvalidRequest", status=400)
    message = f"The {algorithm.upper()} you specified did not match the calculated checksum."
    return ApiError(message, code="BadDigest", status=400)


def _incomplete() -> ApiError:
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return ApiError(message, code="IncompleteBody", status=400)


def _malformed() -> ApiError:
    return ApiError("The request body is not valid aws-chunked data.", code="InvalidRequest", status=400)
