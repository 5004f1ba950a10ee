"""Moments on the wire: ISO 8601, HTTP dates and epoch seconds, to and from float epoch seconds."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_ISO_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:\.(\d{1,12}))?(Z)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_HTTP = re.compile(
    r"(?:\w{3,9},? )?(\d{1,2})[ -](\w{3})[ -](\d{4}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (?:GMT|UTC|([+-]\d{4}))",
    re.ASCII,
)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_LATEST = 253402300800.0  # the year 10000
_EARLIEST = -62135596800.0  # the year 1


def parse_iso(text: str) -> float:
    """Any ISO 8601 moment or date. Raises ValueError."""
    found = _ISO.fullmatch(text) or _ISO_BASIC.fullmatch(text)
    if found is None:
        raise ValueError("not an ISO 8601 timestamp")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    whole = _epoch(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    return whole - _offset(zone) + (float("0." + fraction) if fraction else 0.0)


def parse_http(text: str) -> float:
    """`Tue, 29 Apr 2014 18:30:38 GMT`. Raises ValueError."""
    found = _HTTP.fullmatch(text)
    if found is None or (month := _MONTHS.get(found[2].title())) is None:
        raise ValueError("not an HTTP date")
    day, _, year, hour, minute, second, fraction, zone = found.groups()
    whole = _epoch(int(year), month, int(day), int(hour), int(minute), int(second))
    return whole - _offset(zone) + (float("0." + fraction) if fraction else 0.0)


def parse_any(text: str) -> float:
    """A moment in whichever form it came; AWS's services read all three in text. Raises ValueError."""
    if _NUMBER.fullmatch(text) is not None and not (len(text) == 8 and text.isdigit()):
        return checked(float(text))
    if text[:1].isdigit() and len(text) > 7 and (text[4:5] == "-" or text[8:9] == "T"):
        return parse_iso(text)
    return parse_http(text)


def checked(moment: float) -> float:
    """A moment the calendar has. Raises ValueError."""
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("outside the calendar")
    return moment


def _epoch(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    if hour > 24 or minute > 59 or second > 60:
        raise ValueError("no such time of day")
    return float(calendar.timegm(datetime(year, month, day, tzinfo=UTC).timetuple())) + (
        hour * 3600 + minute * 60 + second
    )


def _offset(zone: str | None) -> float:
    if zone is None or zone in ("Z", "z"):
        return 0.0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return float(seconds if zone[0] == "+" else -seconds)


def iso(moment: float) -> str:
    """`2014-04-29T18:30:38Z`, with milliseconds when there are any."""
    whole, millis = divmod(round(moment * 1000), 1000)
    if not millis:
        return _date(whole).strftime("%Y-%m-%dT%H:%M:%SZ") if whole < 0 else _fast_iso(whole) + "Z"
    return f"{_fast_iso(whole)}.{millis:03d}Z"


def iso_millis(moment: float) -> str:
    """`2014-04-29T18:30:38.000Z`: how EC2 and S3 write it."""
    if moment.__class__ is int:
        return _whole_millis(moment)
    whole, millis = divmod(round(moment * 1000), 1000)
    return f"{_fast_iso(whole)}.{millis:03d}Z"


def epoch(moment: float) -> float | int:
    """A number with no more digits than needed."""
    rounded = round(moment, 3)
    return int(rounded) if rounded == int(rounded) else rounded


@lru_cache(maxsize=4_096)
def _fast_iso(whole: int) -> str:
    days, seconds = divmod(whole, 86_400)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day(days)}T{hour:02d}:{minute:02d}:{second:02d}"


@lru_cache(maxsize=4_096)
def _whole_millis(whole: int) -> str:
    return f"{_fast_iso(whole)}.000Z"


@lru_cache(maxsize=1_024)
def _day(days: int) -> str:
    at = _date(days * 86_400)
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}"


def _date(whole: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole)
