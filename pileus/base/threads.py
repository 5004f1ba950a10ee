"""Work in threads, for what lets go of Python's lock: hashing, sealing, files, calls that wait for the world outside.

An executor of the standard library makes a future that threads could wait on, chains another one for the event loop to
it, and looks at both through a third: a turn of the loop each, and each turn contends for Python's lock with the very
threads at work. A job is one object, and its end one call on the loop.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

THREADS_MOST = min(32, (os.cpu_count() or 1) + 4)


class Job(Generic[T]):
    """Work that a thread does. Only the event loop that began it may wait for it."""

    __slots__ = ("_arguments", "_error", "_loop", "_result", "_waiter", "_work", "done")

    def __init__(self, work: Callable[..., T], arguments: tuple[Any, ...]):
        self._work: Callable[..., T] | None = work
        self._arguments = arguments
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        """In a thread."""
        assert self._work is not None
        try:
            self._result = self._work(*self._arguments)
        except BaseException as error:  # noqa: BLE001 - not swallowed: who waits gets it
            self._error = error
        self._work, self._arguments = None, ()
        with suppress(RuntimeError):  # a loop that was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.done = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def ended(self) -> None:
        """Waits for the thread, whatever comes of the work, and to its end however often the task is cancelled
        meanwhile: what the work has in its hands is free only then."""
        cancelled: asyncio.CancelledError | None = None
        while not self.done:
            try:
                await self.watched()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def watched(self) -> None:
        """Waits likewise, but lets the thread go on alone when the task is cancelled."""
        if not self.done:
            self._waiter = self._loop.create_future()
            await self._waiter

    def result(self) -> T:
        """Of a job that is done. Raises what the work raised."""
        if self._error is not None:
            raise self._error
        return cast(T, self._result)


class Crew:
    """At most `most` threads, made as they are needed, that take one job after another. None of them keeps the process
    from ending. `name`: of the threads."""

    def __init__(self, name: str, most: int):
        self._name, self._most = name, most
        self._jobs: SimpleQueue[Job[Any]] = SimpleQueue()
        self._lock = threading.Lock()
        self._under_way = 0
        self._threads = 0

    def begin(self, work: Callable[..., T], *arguments: Any) -> Job[T]:
        job = Job(work, arguments)
        with self._lock:
            self._under_way += 1
            if self._threads < min(self._under_way, self._most):
                self._threads += 1
                threading.Thread(target=self._take, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._jobs.put(job)
        return job

    def _take(self) -> None:
        while True:
            self._jobs.get().run()
            with self._lock:
                self._under_way -= 1


begin = Crew("crew", THREADS_MOST).begin


async def threaded(work: Callable[..., T], *arguments: Any) -> T:
    """Runs `work` in a thread. When the task is cancelled, it goes on only after the thread has ended."""
    job = begin(work, *arguments)
    await job.ended()
    return job.result()


async def ended(jobs: Iterable[Job[Any]]) -> None:
    """Waits for all of them, whatever comes of each."""
    cancelled: asyncio.CancelledError | None = None
    for job in jobs:
        try:
            await job.ended()
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def finished(jobs: Iterable[Job[Any]]) -> None:
    """Likewise. Raises what the first of them raised."""
    jobs = list(jobs)
    await ended(jobs)
    for job in jobs:
        job.result()
