"""Filters of Describe operations: names with values, any of which may match; all names must.

`*` stands for any characters, `?` for one, a backslash takes that meaning away; case matters. Source: Amazon EC2 User
Guide, "Find your Amazon EC2 resources", and EC2 API Reference, "Filter".
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from .kinds import Kind
from .service import Ec2Error, invalid

VALUES_MAX = 200
Keep = Callable[[Any], bool]


@lru_cache(maxsize=4_096)
def _pattern(value: str) -> re.Pattern[str] | None:
    """None for a plain value."""
    if not any(mark in value for mark in "*?\\"):
        return None
    parts, escaped = [], False
    for character in value:
        if escaped or character not in "*?\\":
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(".*" if character == "*" else ".")
    return re.compile("".join(parts), re.DOTALL)


def matches(wanted: list[str], found: Iterable[str | None]) -> bool:
    """Whether any of the values found is one of those wanted."""
    values = [value for value in found if value is not None]
    for text in wanted:
        pattern = _pattern(text)
        if pattern is None:
            if text in values:
                return True
        elif any(pattern.fullmatch(value) for value in values):
            return True
    return False


def chosen(kind: Kind[Any], request: dict[str, Any]) -> Keep:
    """A function that tells whether a record passes the request's Filters. Raises InvalidParameterValue for a filter
    that the operation does not have."""
    return compiled(request.get("Filters") or [], kind.filters)


def compiled(
    filters: list[dict[str, Any]], known: dict[str, Callable[[Any], Iterable[str | None]]], tagged: bool = True
) -> Keep:
    """`tagged`: whether what is filtered has tags, and so the filters by them."""
    tests: list[tuple[Callable[[Any], Iterable[str | None]], list[str]]] = []
    for given in filters:
        name, values = given.get("Name") or "", given.get("Values") or []
        if len(values) > VALUES_MAX:
            raise Ec2Error("FilterLimitExceeded", f"The maximum number of filter values is {VALUES_MAX}")
        reader = known.get(name) or (_of_tags(name) if tagged else None)
        if reader is None:
            raise invalid(f"The filter '{name}' is invalid")
        tests.append((reader, values))
    return lambda record: all(matches(values, reader(record)) for reader, values in tests)


def _of_tags(name: str) -> Callable[[Any], Iterable[str | None]] | None:
    if name == "tag-key":
        return lambda record: record.tags
    if name == "tag-value":
        return lambda record: record.tags.values()
    if name.startswith("tag:"):
        key = name[4:]
        return lambda record: [record.tags[key]] if key in record.tags else []
    return None


def nobodys(*names: str) -> dict[str, Callable[[Any], Iterable[str | None]]]:
    """Filters by what nothing has here (IPv6, outposts, product codes): they are known, and nothing passes."""
    return dict.fromkeys(names, lambda record: ())


def same(value: str, *names: str) -> dict[str, Callable[[Any], Iterable[str | None]]]:
    """Filters by what is the same for all."""
    return dict.fromkeys(names, lambda record: (value,))


def boolean(value: bool) -> str:
    """As filters spell it."""
    return "true" if value else "false"
