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
    """Waits for threads at work, to their end even when the task is cancelled."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
