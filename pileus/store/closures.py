"""What every embedded store does alike: run a closure over an overlay, then hand its writes to the engine."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from .api import Conflict, Done, Work
from .overlay import OverlayTransaction, Pairs

T = TypeVar("T")


class ClosureStore:
    """An engine gives `read`, `range` and `_write`; it may override `submit` to share a commit between closures."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[set[bytes]], None]] = []

    def read(self, key: bytes, hot: bool) -> bytes | None:
        raise NotImplementedError

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Pairs:
        raise NotImplementedError

    def _write(self, writes: dict[bytes, bytes | None]) -> None:
        """Makes the writes visible and safe from `kill -9`, all or none."""
        raise NotImplementedError

    def on_signal(self, listener: Callable[[set[bytes]], None]) -> None:
        self._listeners.append(listener)

    def submit(self, work: Work[Any], done: Done) -> None:
        tx = OverlayTransaction(self)
        try:
            result = self._attempt(work, tx)
            if tx.writes:
                self._write(tx.writes)
        except Exception as error:  # noqa: BLE001 - not swallowed: it is the closure's answer
            done(None, error)
            return
        try:
            done(result, None)
        finally:
            if tx.signals:
                self._tell(tx.signals)

    async def transact(self, work: Work[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.submit(work, done)
        return await future

    def _attempt(self, work: Work[Any], tx: OverlayTransaction) -> Any:
        while True:
            try:
                return work(tx)
            except Conflict:
                tx.reset()

    def _tell(self, signals: set[bytes]) -> None:
        for listener in self._listeners:
            listener(signals)


class HotValues:
    """The committed values of keys that nearly every request reads. Bounded; written through by the one writer."""

    KEYS_MAX = 8_192
    VALUE_BYTES_MAX = 16 * 1024

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | None] = {}

    def keep(self, key: bytes, value: bytes | None) -> None:
        if value is not None and len(value) > self.VALUE_BYTES_MAX:
            return
        if len(self.values) >= self.KEYS_MAX:
            self.values.clear()
        self.values[key] = value

    def follow(self, writes: dict[bytes, bytes | None]) -> None:
        values = self.values
        for key in writes.keys() & values.keys():
            value = writes[key]
            if value is not None and len(value) > self.VALUE_BYTES_MAX:
                del values[key]
            else:
                values[key] = value
