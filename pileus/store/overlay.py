"""One closure's view: what it wrote, over what is committed. Embedded stores share it.

Writes wait in a dictionary until the closure has returned, so a closure that raises leaves nothing to undo and needs no
savepoint.
"""

from typing import Protocol

from .api import KEY_BYTES_MAX, VALUE_BYTES_MAX, check_limits

Pairs = list[tuple[bytes, bytes]]


class Base(Protocol):
    """The committed state (and the closures before this one in the same commit)."""

    def read(self, key: bytes, hot: bool) -> bytes | None: ...

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Pairs: ...


class OverlayTransaction:
    __slots__ = ("_base", "signals", "writes")

    def __init__(self, base: Base):
        self._base = base
        self.writes: dict[bytes, bytes | None] = {}
        self.signals: set[bytes] | None = None

    def get(self, key: bytes, hot: bool = False) -> bytes | None:
        if key in self.writes:
            return self.writes[key]
        return self._base.read(key, hot)

    def put(self, key: bytes, value: bytes) -> None:
        if len(key) > KEY_BYTES_MAX or len(value) > VALUE_BYTES_MAX:
            check_limits(key, value)
        self.writes[key] = value

    def delete(self, key: bytes) -> None:
        self.writes[key] = None

    def signal(self, key: bytes) -> None:
        if self.signals is None:
            self.signals = set()
        self.signals.add(key)

    @property
    def wrote(self) -> bool:
        return bool(self.writes)

    def reset(self) -> None:
        self.writes.clear()
        self.signals = None

    def scan(self, start: bytes, stop: bytes, limit: int, reverse: bool = False) -> Pairs:
        mine = {k: v for k, v in self.writes.items() if start <= k < stop} if self.writes else None
        if not mine:
            return self._base.range(start, stop, limit, reverse)
        # Every deletion of ours may hide one committed row: ask for as many more.
        hidden = sum(v is None for v in mine.values())
        merged = dict(self._base.range(start, stop, limit + hidden, reverse))
        merged.update((k, v) for k, v in mine.items() if v is not None)
        for key, value in mine.items():
            if value is None:
                merged.pop(key, None)
        return sorted(merged.items(), reverse=reverse)[:limit]
