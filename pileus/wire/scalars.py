"""Simple values in text: what query strings, headers, labels and XML have in common."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable
from typing import Any

from pileus.base.clock import http_date
from pileus.model import Member
from pileus.wire import timestamps

FromText = Callable[[str], Any]
ToText = Callable[[Any], str]

_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_BIG_INTEGER = re.compile(r"[+-]?\d{1,400}", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,5})?", re.ASCII)
RANGES = {
    "byte": (-128, 127),
    "short": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def text_of_float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(float(value)) if isinstance(value, float) and value != int(value) else str(int(value))


def from_base64(text: str | bytes) -> bytes:
    """Raises ValueError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        raise ValueError("not base64") from None


def to_base64(value: bytes | bytearray | memoryview) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _integer_within(low: int, high: int) -> FromText:
    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) is None:
            raise ValueError(f"{text[:64]!r} is not an integer")
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is out of range")
        return value

    return read


def _big_integer(text: str) -> int:
    if _BIG_INTEGER.fullmatch(text) is None:
        raise ValueError(f"{text[:64]!r} is not an integer")
    return int(text)


def _float(text: str) -> float:
    special = SPECIAL_FLOATS.get(text)
    if special is not None:
        return special
    if _FLOAT.fullmatch(text) is None:
        raise ValueError(f"{text[:64]!r} is not a number")
    return float(text)


def _boolean(text: str) -> bool:
    lowered = text.lower() if len(text) < 6 else text
    if lowered == "true":
        return True
    if lowered == "false":
        return False
    raise ValueError(f"{text[:64]!r} is not a boolean")


_TIMES_IN: dict[str, FromText] = {
    "iso8601": timestamps.parse_any,
    "rfc822": timestamps.parse_any,
    "unixTimestamp": timestamps.parse_any,
}
_TIMES_OUT: dict[str, ToText] = {
    "iso8601": timestamps.iso,
    "iso8601.millis": timestamps.iso_millis,
    "rfc822": http_date,
    "unixTimestamp": lambda moment: str(timestamps.epoch(moment)),
}


def identity(text: Any) -> Any:
    return text


def reader(member: Member, timestamp_format: str) -> FromText:
    """A function from text to the member's value; it raises ValueError."""
    kind = member.shape.type
    if kind in RANGES:
        return _integer_within(*RANGES[kind])
    if kind == "timestamp":
        return _TIMES_IN[member.timestamp_format or timestamp_format]
    return {
        "bigint": _big_integer, "bigdecimal": _float, "float": _float, "double": _float, "boolean": _boolean,
        "blob": from_base64,
    }.get(kind, identity)  # fmt: skip


def writer(member: Member, timestamp_format: str) -> ToText:
    """A function from the member's value to text, not yet escaped."""
    kind = member.shape.type
    if kind == "timestamp":
        wanted = member.timestamp_format or timestamp_format
        if wanted == "iso8601" and timestamp_format == "iso8601.millis":
            wanted = timestamp_format
        return _TIMES_OUT[wanted]
    if kind in ("float", "double", "bigdecimal"):
        return text_of_float
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "blob":
        return lambda value: to_base64(value if not isinstance(value, str) else value.encode())
    return identity if kind in ("string", "character") else str
