"""What every blob engine promises. `tests/blobs/test_contract.py` holds each one to it.

A blob is bytes under an id: written once, in order, then read at any offset, until it is deleted. Calls block and are
made in worker threads, never on the event loop. The store decides which blobs count (`records.py`): a blob becomes part
of the cloud when a transaction adopts its id, so an engine owes nothing for one that nobody adopted.
"""

from collections.abc import Iterator
from typing import Protocol

from .kept import Kept


class NoSuchBlob(Exception):
    """There is no blob of this id (any more)."""


class BlobWriter(Protocol):
    id: int

    def write(self, *runs: bytes | bytearray) -> None:
        """Adds some runs of bytes. They may change as soon as this returns."""
        ...

    def finish(self) -> None:
        """Afterwards the blob survives what the engine's durability promises to survive."""
        ...

    def abort(self) -> None:
        """Leaves nothing behind. May be called at any time, also after `finish`."""
        ...


class Blob(Protocol):
    """An open blob."""

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes. Raises NoSuchBlob when they are not (any more) there."""
        ...

    def read_now(self, offset: int, size: int) -> memoryview | None:
        """The same for the event loop: None unless the bytes are in memory already. They are good until the next such
        call of the engine."""
        ...

    def close(self) -> None: ...


class Readers:
    """Who of this process reads which blob: what is being read is not removed yet. Used on the event loop, and when
    the last one who holds a source lets go of it."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def begin(self, blobs: tuple[int, ...]) -> None:
        for blob in blobs:
            self._counts[blob] = self._counts.get(blob, 0) + 1

    def end(self, blobs: tuple[int, ...]) -> None:
        for blob in blobs:
            left = self._counts.get(blob, 0) - 1
            if left > 0:
                self._counts[blob] = left
            else:
                self._counts.pop(blob, None)

    def __contains__(self, blob: int) -> bool:
        return blob in self._counts


class Blobs(Protocol):
    """`linger_s`: how long after its release a blob is to be left where it is, for the sake of those who read it in
    other processes; `readers`: those who read it in this one; `at_hand`: opening a blob does not wait for anybody;
    `kept`: what was read of small blobs, opened."""

    linger_s: float
    at_hand: bool
    readers: Readers
    kept: Kept

    def create(self) -> BlobWriter: ...

    def open(self, blob: int) -> Blob:
        """Raises NoSuchBlob."""
        ...

    def delete(self, blob: int) -> None:
        """Also when it is not there."""
        ...

    def left_over(self) -> Iterator[int]:
        """The ids of all blobs that were there before this engine was opened, in any order."""
        ...


class NoBlobs:
    """For clouds of services that keep no bytes."""

    linger_s = 0.0
    at_hand = False
    readers = Readers()
    kept = Kept()

    def create(self) -> BlobWriter:
        raise NotImplementedError("this cloud has no blob engine")

    def open(self, blob: int) -> Blob:
        raise NoSuchBlob(f"{blob:016x}")

    def delete(self, blob: int) -> None: ...

    def left_over(self) -> Iterator[int]:
        return iter(())
