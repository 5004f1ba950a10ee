"""Work in the world outside: calls of drivers, which block, in threads of their own.

Whoever waits may be cancelled at any time: the call goes on by itself, and the next look finds what came of it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

THREADS = 16


class _Hands:
    """Daemon threads, made as they are needed: they do not keep a process from ending."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = 0
        self._threads = 0
        self._lock = threading.Lock()

    def take(self, work: Callable[[], None]) -> None:
        with self._lock:
            if self._idle <= 0 and self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._run, name=f"outside-{self._threads}", daemon=True).start()
            else:
                self._idle -= 1  # below zero: so many wait for a thread
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()
            with self._lock:
                self._idle += 1


_hands = _Hands()


async def outside(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Runs `work` in a thread and gives its result, or raises what it raised."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def run() -> None:
        result, error = None, None
        try:
            result = work(*arguments, **named)
        except BaseException as raised:  # noqa: BLE001 - not swallowed: who waits gets it
            error = raised
        with suppress(RuntimeError):  # a loop that was closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    _hands.take(run)
    return await future
