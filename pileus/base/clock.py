"""Time. Nothing else in the house reads the machine's clock.

The machine's clock signs and measures; the cloud's clock is the machine's plus an offset that a person
may move on (`pileus clock advance 2h`). Moments are float seconds since the epoch, UTC.
"""

import time
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """The cloud's time."""
        ...

    def machine(self) -> float:
        """The machine's wall clock: for signatures only."""
        ...


class SystemClock:
    """The machine's clock plus `offset` seconds."""

    def __init__(self, offset: float = 0.0):
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset

    def machine(self) -> float:
        return time.time()


class SimClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: float = 1_700_000_000.0):
        self._now = start

    def now(self) -> float:
        return self._now

    def machine(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self.advance_to(self._now + seconds)

    def advance_to(self, moment: float) -> None:
        if moment < self._now:
            raise ValueError("time runs forwards")
        self._now = moment


def monotonic() -> float:
    """Seconds for measuring durations; no relation to the date."""
    return time.perf_counter()


def iso(moment: float) -> str:
    """`2023-11-14T22:13:20Z`: how most AWS documents write a moment."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def iso_millis(moment: float) -> str:
    """`2023-11-14T22:13:20.123`, in UTC: how DynamoDB labels streams."""
    millis = int(moment * 1_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(millis // 1_000))}.{millis % 1_000:03d}"


def http_date(moment: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110)."""
    return _http_date(moment // 1)


@lru_cache(maxsize=4_096)
def _http_date(moment: float) -> str:
    at = time.gmtime(moment)
    day, month = _WEEKDAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    return f"{day}, {at.tm_mday:02d} {month} {at.tm_year:04d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} GMT"


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
