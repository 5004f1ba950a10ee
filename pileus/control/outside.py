"""Work in the world outside: calls of drivers, which block for long, in threads of their own.

Whoever waits may be cancelled at any time: the call goes on by itself, and the next look finds what came of it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pileus.base.threads import Crew

T = TypeVar("T")

THREADS = 16
_hands = Crew("outside", THREADS)


async def outside(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Runs `work` in a thread and gives its result, or raises what it raised."""
    job = _hands.begin(partial(work, *arguments, **named))
    await job.watched()
    return job.result()
