"""Work in threads, for what lets go of Python's lock: hashing, sealing, files."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def threaded(work: Callable[..., T], *arguments: Any) -> T:
    """Runs `work` in a thread. When the task is cancelled, it goes on only after the thread has ended: whatever the
    work had in its hands is free by then."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    return await finished(running)


async def finished(running: "asyncio.Future[T]") -> T:
    """Waits for threads at work, to their end however often the task is cancelled meanwhile."""
    await ended(running)
    return running.result()


async def ended(running: "asyncio.Future[Any]") -> None:
    """As `finished`, whatever came of the work."""
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not running.cancelled():
            running.exception()  # looked at: nobody else will
        raise cancelled
