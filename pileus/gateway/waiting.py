"""Calls that wait (long polls): run again when their key is signalled or their time is up. Nothing sleeps, nothing
polls."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from pileus.base.clock import Clock
from pileus.service import Wait
from pileus.store import Store


class Waiter(Protocol):
    attempt: Callable[..., Any]
    hung_up: bool

    def done(self, outcome: Any, error: BaseException | None) -> None: ...

    def give_up(self) -> None: ...


class World(Protocol):
    store: Store
    clock: Clock


class Waiting:
    def __init__(self, world: World):
        self._world = world
        self._by_key: dict[bytes, dict[Any, float]] = {}
        self._key_of: dict[Any, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._closed = False
        world.store.on_signal(self._hear)

    def __len__(self) -> int:
        return len(self._key_of)

    def add(self, waiter: Any, wait: Wait) -> None:
        if self._closed:
            waiter.give_up()
            return
        self._by_key.setdefault(wait.key, {})[waiter] = wait.until
        self._key_of[waiter] = wait.key
        if self._timer is None or wait.until < self._timer_at:
            self._set_timer(wait.until)

    def drop(self, waiter: Any) -> bool:
        """False when it was not waiting."""
        key = self._key_of.pop(waiter, None)
        if key is not None:
            waiters = self._by_key[key]
            del waiters[waiter]
            if not waiters:
                del self._by_key[key]
        return key is not None

    def close(self) -> None:
        """The cloud stops: all who wait get the answer of a wait in vain, and nobody waits any more."""
        self._closed = True
        for waiter in list(self._key_of):
            self.drop(waiter)
            waiter.give_up()

    def _hear(self, keys: set[bytes]) -> None:
        for key in keys & self._by_key.keys():
            asyncio.get_running_loop().call_soon(self._wake, key)

    def _wake(self, key: bytes) -> None:
        """Wakes the first who waits on the key; the next only once that one found what it waited for."""
        waiters = self._by_key.get(key)
        if not waiters:
            return
        waiter = next(iter(waiters))
        until = waiters[waiter]
        self.drop(waiter)

        def done(outcome: Any, error: BaseException | None) -> None:
            if type(outcome) is Wait and not waiter.hung_up:
                # Nothing for it: it keeps its place at the head, and those behind it are left asleep.
                others = self._by_key.pop(key, {})
                self.add(waiter, Wait(key, min(outcome.until, until) if outcome.key == key else outcome.until))
                self._by_key.setdefault(key, {}).update(others)
                return
            waiter.done(outcome, error)
            self._wake(key)

        self._world.store.submit(waiter.attempt, done)

    def _set_timer(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = until
        delay = max(0.0, until - self._world.clock.now())
        self._timer = asyncio.get_running_loop().call_later(delay, self.check_time)

    def check_time(self) -> None:
        """Runs again all whose time is up: by the timer, and when the cloud's clock was moved on."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        now = self._world.clock.now()
        due = [waiter for waiters in self._by_key.values() for waiter, until in waiters.items() if until <= now]
        for waiter in due:
            self.drop(waiter)
            self._world.store.submit(waiter.attempt, waiter.done)
        left = [until for waiters in self._by_key.values() for until in waiters.values()]
        if left and self._timer is None:
            self._set_timer(min(left))
