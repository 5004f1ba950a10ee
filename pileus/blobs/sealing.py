"""Blobs at rest: sealed in segments, so that a range opens only those it needs.

AES-256 in Galois/Counter mode; the segment's number is the nonce, so every blob needs a key of its own (decision 0006).
"""

import threading
from collections.abc import Callable

from pileus.keyring import Cipher

from .api import Blob, Blobs, BlobWriter

SEGMENT_BYTES = 256 * 1024
TAG_BYTES = 16
SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES
SEGMENTS_AT_ONCE = 4


_kept = threading.local()


def _at_hand() -> list[bytearray]:
    """Buffers for sealed segments, some for each thread: memory that is new each time costs more than the cipher."""
    found: list[bytearray] | None = getattr(_kept, "segments", None)
    if found is None:
        found = _kept.segments = [bytearray(SEALED_BYTES) for _ in range(SEGMENTS_AT_ONCE)]
    return found


def seal(cipher: Cipher, segment: int, data: bytes) -> bytes:
    return cipher.encrypt(segment.to_bytes(12, "big"), data, None)


def unseal(cipher: Cipher, segment: int, data: bytes) -> bytes:
    return cipher.decrypt(segment.to_bytes(12, "big"), data, None)


def sealed_size(size: int) -> int:
    return size + TAG_BYTES * max(1, -(-size // SEGMENT_BYTES))


def segments_of(size: int, start: int, stop: int) -> tuple[int, int, int]:
    """(first segment, offset in the sealed blob, sealed bytes) that hold the bytes from `start` to `stop` of `size`."""
    first, last = start // SEGMENT_BYTES, (stop - 1) // SEGMENT_BYTES
    offset = first * SEALED_BYTES
    end = min((last + 1) * SEALED_BYTES, sealed_size(size))
    return first, offset, end - offset


def open_segments(cipher: Cipher, first: int, sealed: bytes) -> list[bytes]:
    """A run of whole segments, each opened."""
    view = memoryview(sealed)
    return [
        unseal(cipher, first + number, view[at : at + SEALED_BYTES])  # type: ignore[arg-type]
        for number, at in enumerate(range(0, len(sealed), SEALED_BYTES))
    ]


def read_range(blob: Blob, cipher: Cipher, size: int, start: int, stop: int) -> list[bytes]:
    """The bytes from `start` to `stop` of a sealed blob that holds `size`, segment by segment. Blocks."""
    first, offset, sealed = segments_of(size, start, stop)
    parts = open_segments(cipher, first, blob.read(offset, sealed))
    skip = start - first * SEGMENT_BYTES
    left = stop - start - sum(len(part) for part in parts) + skip
    if left:
        parts[-1] = parts[-1][:left]
    if skip:
        parts[0] = parts[0][skip:]
    return parts


def read_segment_now(blob: Blob, cipher: Cipher, size: int, start: int, stop: int) -> bytes | None:
    """As `read_range` within one segment, on the event loop: None unless the bytes are in memory already."""
    first, offset, sealed = segments_of(size, start, stop)
    held = blob.read_now(offset, sealed)
    if held is None:
        return None
    data = unseal(cipher, first, held)  # type: ignore[arg-type]
    skip = start - first * SEGMENT_BYTES
    return data if len(data) == stop - start else data[skip : skip + stop - start]


class SegmentWriter:
    """Seals what passes, segment by segment, into a new blob, which is made when the first bytes come. `cipher_of`
    gives the cipher of a blob. `expected`: the bytes that will come, if that is known: the last of them finishes the
    blob. Used in worker threads, one call after another."""

    def __init__(self, blobs: Blobs, cipher_of: Callable[[int], Cipher], expected: int | None = None):
        self._blobs, self._cipher_of, self._expected = blobs, cipher_of, expected
        self.finished = False
        self._made: tuple[BlobWriter, Cipher] | None = None
        self._rest = b""
        self._segment = 0
        self.size = 0

    def _writing(self) -> tuple[BlobWriter, Cipher]:
        if self._made is None:
            writer = self._blobs.create()
            self._made = writer, self._cipher_of(writer.id)
        return self._made

    def write(self, block: bytes) -> None:
        """`block` may be any run of bytes that holds still until this returns."""
        writer, cipher = self._writing()
        self.size += len(block)
        data = memoryview(self._rest + block if self._rest else block)
        whole = len(data) // SEGMENT_BYTES * SEGMENT_BYTES
        held = _at_hand()
        sealed: list[bytearray] = []
        for at in range(0, whole, SEGMENT_BYTES):
            into = held[len(sealed)]
            cipher.encrypt_into(self._segment.to_bytes(12, "big"), data[at : at + SEGMENT_BYTES], None, into)
            sealed.append(into)
            self._segment += 1
            if len(sealed) == len(held):
                writer.write(*sealed)
                sealed = []
        if sealed:
            writer.write(*sealed)
        self._rest = bytes(data[whole:])
        if self.size == self._expected:
            self.finish()

    def finish(self) -> int:
        """The blob's id."""
        writer, cipher = self._writing()
        if not self.finished:
            if self._rest or not self._segment:
                writer.write(seal(cipher, self._segment, self._rest))
            writer.finish()
            self.finished = True
        return writer.id

    def abort(self) -> None:
        """Takes away what was written, finished or not."""
        if self._made is not None:
            self._made[0].abort()
