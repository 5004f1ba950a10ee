"""The store that forgets: for tests and simulations."""

from bisect import bisect_left
from random import Random
from typing import Any

from .api import Work
from .closures import ClosureStore
from .overlay import OverlayTransaction, Pairs


class MemoryStore(ClosureStore):
    """`conflicts` (a seeded generator) runs about every third closure twice, as a busy cluster's store would."""

    def __init__(self, conflicts: Random | None = None):
        super().__init__()
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._conflicts = conflicts

    def read(self, key: bytes, hot: bool) -> bytes | None:
        return self._values.get(key)

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Pairs:
        if limit <= 0:
            return []
        low, high = bisect_left(self._keys, start), bisect_left(self._keys, stop)
        keys = self._keys[max(low, high - limit) : high][::-1] if reverse else self._keys[low : min(high, low + limit)]
        return [(key, self._values[key]) for key in keys]

    def close(self) -> None:
        """Nothing to let go of."""

    def _attempt(self, work: Work[Any], tx: OverlayTransaction) -> Any:
        if self._conflicts is not None and self._conflicts.random() < 0.3:
            super()._attempt(work, tx)
            tx.reset()
        return super()._attempt(work, tx)

    def _write(self, writes: dict[bytes, bytes | None]) -> None:
        for key, value in writes.items():
            at = bisect_left(self._keys, key)
            known = key in self._values
            if value is not None:
                self._values[key] = value
                if not known:
                    self._keys.insert(at, key)
            elif known:
                del self._values[key]
                del self._keys[at]
