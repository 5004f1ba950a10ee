"""Where a file's bytes lie on its file system, and from that what differs between two files that share most of theirs.
See the kernel's documentation, "Fiemap Ioctl"."""

import fcntl
import os
import struct
from bisect import bisect_left, bisect_right
from pathlib import Path

_FIEMAP, _SYNC, _LAST, _UNWRITTEN = 0xC020_660B, 1, 0x1, 0x800
_AT_ONCE = 2_000
_HEADER, _EXTENT = "=QQLLLL", "=QQQQQLLLL"
_CLONE = 0x4004_9409


def clone(source: Path, target: Path) -> None:
    """`target`, which must not exist, shares all bytes with `source` until one of them is written to."""
    with open(source, "rb") as old, open(target, "xb") as new:
        fcntl.ioctl(new.fileno(), _CLONE, old.fileno())


def extents(path: Path) -> list[tuple[int, int, int]]:
    """(offset, place, length) of all that was written, in order."""
    header, each = struct.calcsize(_HEADER), struct.calcsize(_EXTENT)
    found: list[tuple[int, int, int]] = []
    with open(path, "rb") as file:
        size, start = os.fstat(file.fileno()).st_size, 0
        while start < size:
            answer = bytearray(
                struct.pack(_HEADER, start, size - start, _SYNC, 0, _AT_ONCE, 0) + bytes(each * _AT_ONCE)
            )
            fcntl.ioctl(file.fileno(), _FIEMAP, answer)
            count, last = struct.unpack_from(_HEADER, answer)[3], 0
            for number in range(count):
                offset, place, length, _, _, flags, *_ = struct.unpack_from(_EXTENT, answer, header + each * number)
                if not flags & _UNWRITTEN:
                    found.append((offset, place, length))
                start, last = offset + length, flags & _LAST
            if not count or last:
                break
    return found


def differing(old: Path | None, new: Path, block: int) -> list[int]:
    """The numbers of the blocks of `new` whose bytes do not lie where those of `old` do; without `old`, with any."""
    return differing_in(extents(old) if old else [], extents(new), block)


def differing_in(old: list[tuple[int, int, int]], new: list[tuple[int, int, int]], block: int) -> list[int]:
    """The same, of what `extents` found."""
    before, after = _by_block(old, block), _by_block(new, block)
    return [number for number in sorted(before.keys() | after.keys()) if before.get(number) != after.get(number)]


def through(inner: list[tuple[int, int, int]], outer: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Where the bytes of a file lie that is in a file system in a file: `inner` are its own extents, `outer` those of
    the file system's file. What the outer file does not have is zeros there."""
    starts = [offset for offset, _, _ in outer]
    found = []
    for offset, place, length in inner:
        end = place + length
        for number in range(max(0, bisect_right(starts, place) - 1), bisect_left(starts, end)):
            start, below, size = outer[number]
            first, last = max(place, start), min(end, start + size)
            if first < last:
                found.append((offset + first - place, below + first - start, last - first))
    return found


def _by_block(found: list[tuple[int, int, int]], block: int) -> dict[int, list[list[int]]]:
    """What lies in each block, neighbours joined: however a run was split, equal places compare equal."""
    blocks: dict[int, list[list[int]]] = {}
    for offset, place, length in found:
        end = offset + length
        while offset < end:
            number = offset // block
            part = min(end, (number + 1) * block) - offset
            pieces = blocks.setdefault(number, [])
            if pieces and pieces[-1][0] + pieces[-1][2] == offset and pieces[-1][1] + pieces[-1][2] == place:
                pieces[-1][2] += part
            else:
                pieces.append([offset, place, part])
            offset, place = offset + part, place + part
    return blocks
