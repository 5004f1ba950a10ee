"""Values in HTTP headers: lists with quotes, HTTP dates, and text that must not break out of its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from pileus.model import Member
from pileus.wire import scalars

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_SAFE = frozenset({"boolean", "integer", "long", "timestamp"})
_TRUE = re.compile(r"[\x20-\x7e\t]*")


def safe(text: str) -> str:
    """Text that may stand in a header line. Other than printable ASCII travels as RFC 2047 words, as S3 answers
    user metadata (Amazon S3 User Guide, "Working with object metadata"); line breaks never do.
    """
    if (text.isascii() and text.isprintable()) or _TRUE.fullmatch(text):
        return text
    if text.isascii():
        return _UNSAFE.sub(" ", text)
    return f"=?UTF-8?B?{scalars.to_base64(text.encode('utf-8', 'replace'))}?="


def split(text: str) -> list[str]:
    """A comma-separated list; an item in quotes may hold commas and escaped quotes. Raises ValueError."""
    if '"' not in text:
        return [item.strip() for item in text.split(",")]
    items: list[str] = []
    position = 0
    while position <= len(text):
        while position < len(text) and text[position] in " \t":
            position += 1
        if position < len(text) and text[position] == '"':
            item, position = _quoted(text, position + 1)
        else:
            end = text.find(",", position)
            end = len(text) if end < 0 else end
            item, position = text[position:end].rstrip(), end
        items.append(item)
        position += 1
    return items


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The item, and where its comma or the end is."""
    made: list[str] = []
    position = start
    while position < len(text) and text[position] != '"':
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        made.append(text[position])
        position += 1
    if position >= len(text):
        raise ValueError("a quoted header value has no end")
    position += 1
    while position < len(text) and text[position] in " \t":
        position += 1
    if position < len(text) and text[position] != ",":
        raise ValueError("a comma was expected after a quoted header value")
    return "".join(made), position


def _split_dates(text: str) -> list[str]:
    """HTTP dates hold a comma each, so a list of them is cut at every second one."""
    parts = text.split(",")
    if any(not part.strip()[:3].isalpha() or len(part.strip()) > 9 for part in parts[::2]):
        return [part.strip() for part in parts]
    return [f"{day.strip()}, {rest.strip()}" for day, rest in zip(parts[::2], parts[1::2], strict=True)]


def reader(member: Member) -> Callable[[str], Any]:
    """A function from a header's text to the member's value; it raises ValueError."""
    if member.json_value:
        return lambda text: orjson.loads(scalars.from_base64(text))
    if member.shape.type != "list":
        return scalars.reader(member, "rfc822")
    item = member.shape.member
    one = scalars.reader(item, "rfc822")
    cut = _split_dates if item.shape.type == "timestamp" else split
    return lambda text: [one(part) for part in cut(text)] if text else []


def writer(member: Member) -> Callable[[Any], str]:
    """A function from the member's value to a header's text, safe to send."""
    if member.json_value:
        return lambda value: scalars.to_base64(orjson.dumps(value))
    if member.shape.type != "list":
        text = scalars.writer(member, "rfc822")
        if member.shape.type in _SAFE:
            return text
        return lambda value: safe(text(value))
    item = member.shape.member
    one = scalars.writer(item, "rfc822")
    if item.shape.type != "string":
        return lambda values: ", ".join([one(value) for value in values])
    return lambda values: ", ".join([safe(_guarded(one(value))) for value in values])


def _guarded(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
