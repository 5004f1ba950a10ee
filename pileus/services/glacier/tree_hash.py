"""SHA-256 tree hashes: each MiB is hashed, and the hashes by twos until one is left.

Source: Amazon Glacier Developer Guide, "Computing Checksums", "Receiving Checksums When Downloading Data" (which ranges
are tree-hash aligned).
"""

import hashlib
from collections.abc import Iterable

from .tables import MIB

LEAF_BYTES = 32


class TreeHash:
    """Over bytes that pass, in worker threads. `leaves` has the hash of each MiB after `finish`."""

    def __init__(self) -> None:
        self.leaves = bytearray()
        self._digest = hashlib.sha256()
        self._filled = 0

    def update(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            some = view[: MIB - self._filled]
            self._digest.update(some)
            self._filled += len(some)
            view = view[len(some) :]
            if self._filled == MIB:
                self._close()

    def _close(self) -> None:
        self.leaves += self._digest.digest()
        self._digest, self._filled = hashlib.sha256(), 0

    def finish(self) -> str:
        if self._filled or not self.leaves:
            self._close()
        return root(split(bytes(self.leaves)))


def split(leaves: bytes) -> list[bytes]:
    return [leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES)]


def root(hashes: Iterable[bytes]) -> str:
    """The tree hash, in hexadecimal, over the hashes of neighbours of one size (the last may be smaller)."""
    level = list(hashes)
    while len(level) > 1:
        paired = [
            hashlib.sha256(level[at] + level[at + 1]).digest() if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
        level = paired
    return level[0].hex()


def megabyte_aligned(start: int, stop: int, size: int) -> bool:
    return start % MIB == 0 and (stop % MIB == 0 or stop == size)


def tree_aligned(start: int, stop: int, size: int) -> bool:
    """Whether the range is a node of the whole's tree, so that its hash can be told from the whole's."""
    if not megabyte_aligned(start, stop, size):
        return False
    count = -(-(stop - start) // MIB)
    width = 1 << (count - 1).bit_length()
    return (start // MIB) % width == 0 and (count == width or stop == size)
