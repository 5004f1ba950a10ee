"""What every store promises. `tests/store/test_contract.py` holds each one to it.

Keys and values are bytes, ordered by key. Transactions are serializable. The limits are those of the strictest
store we mean to support, and every store enforces them, so that what works on a laptop works on a cluster.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

KEY_BYTES_MAX = 2_560  # PostgreSQL's btree stops at 2,704, a third of an 8 KiB page
VALUE_BYTES_MAX = 2 * 1024 * 1024  # larger things are blobs, not records

T = TypeVar("T")


class Conflict(Exception):
    """Another transaction touched what this one read; run it again."""


class LimitExceeded(Exception):
    """A key or a value is larger than every store is sure to hold."""


class AlreadyOpen(Exception):
    """Another process owns this data directory."""


class Transaction(Protocol):
    def get(self, key: bytes, hot: bool = False) -> bytes | None:
        """`hot` is a hint: many requests read this key, so it is worth keeping at hand."""
        ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...

    def scan(self, start: bytes, stop: bytes, limit: int, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs with start <= key < stop, in order (backwards from `stop` with `reverse`)."""
        ...

    def signal(self, key: bytes) -> None:
        """After the commit, wakes whoever waits on `key`."""
        ...

    @property
    def wrote(self) -> bool:
        """Whether this closure has written anything so far."""
        ...

    def reset(self) -> None:
        """Forgets what this closure has written and signalled so far."""
        ...


Work = Callable[[Transaction], T]
Done = Callable[[Any, BaseException | None], None]


class Store(Protocol):
    """Runs closures. A closure is pure: it reads, writes and signals, and may be run again.

    A closure that raises changes nothing. Its result reaches the caller only after its writes would survive
    `kill -9` of this process.
    """

    async def transact(self, work: Work[T]) -> T: ...

    def submit(self, work: Work[Any], done: Done) -> None:
        """The same without a coroutine: `done(result, error)` is called on the event loop after the commit, perhaps
        before this returns."""
        ...

    def on_signal(self, listener: Callable[[set[bytes]], None]) -> None:
        """Calls `listener` with the keys that were signalled, after each commit that signalled any."""
        ...

    def close(self) -> None: ...


def check_limits(key: bytes, value: bytes = b"") -> None:
    if len(key) > KEY_BYTES_MAX:
        raise LimitExceeded(f"a key of {len(key)} bytes; at most {KEY_BYTES_MAX}")
    if len(value) > VALUE_BYTES_MAX:
        raise LimitExceeded(f"a value of {len(value)} bytes; at most {VALUE_BYTES_MAX}")
