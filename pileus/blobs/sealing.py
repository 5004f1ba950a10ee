"""Blobs at rest: sealed in segments, so that a range opens only those it needs.

AES-256 in Galois/Counter mode; the segment's number is the nonce, so every blob needs a key of its own (decision 0006).
"""

from pileus.keyring import Cipher

from .api import Blob, BlobWriter

SEGMENT_BYTES = 128 * 1024
TAG_BYTES = 16
SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES


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


class SegmentWriter:
    """Seals what passes, segment by segment, into a blob. Used in worker threads, one call after another."""

    def __init__(self, writer: BlobWriter, cipher: Cipher):
        self._writer, self._cipher = writer, cipher
        self._rest = b""
        self._segment = 0
        self.size = 0

    @property
    def id(self) -> int:
        return self._writer.id

    def write(self, block: bytes) -> None:
        self.size += len(block)
        data = self._rest + block if self._rest else block
        whole = len(data) // SEGMENT_BYTES * SEGMENT_BYTES
        out = []
        for at in range(0, whole, SEGMENT_BYTES):
            out.append(seal(self._cipher, self._segment, data[at : at + SEGMENT_BYTES]))
            self._segment += 1
        self._rest = data[whole:] if whole else data
        if out:
            self._writer.write(b"".join(out))

    def finish(self) -> None:
        if self._rest or not self._segment:
            self._writer.write(seal(self._cipher, self._segment, self._rest))
        self._writer.finish()

    def abort(self) -> None:
        self._writer.abort()
