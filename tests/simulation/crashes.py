"""A process that dies before a commit, or right after one, by a seed."""

from collections.abc import Callable
from random import Random
from typing import Any

from pileus.store.memory import MemoryStore


class Crash(BaseException):
    """The process dies here."""


class CrashingStore:
    """What the reconcilers write through: now and then the process dies before a commit, or right after one."""

    def __init__(self, store: MemoryStore, random: Random):
        self._store, self._random = store, random
        self.on_signal = store.on_signal
        self.calm = False

    async def transact(self, work: Callable[[Any], Any]) -> Any:
        fate = 1.0 if self.calm else self._random.random()
        if fate < 0.02:
            raise Crash
        result = await self._store.transact(work)
        if fate < 0.04:
            raise Crash
        return result
