"""The constraints a service model puts on a request, checked with AWS's own texts.

Texts as IAM, STS and DynamoDB print them ("1 validation error detected: Value 'x' at 'userName' failed to satisfy
constraint: Member must have length less than or equal to 64"; AWS re:Post and the IAM User Guide, "Troubleshooting",
show them).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.model import patterns
from pileus.model.api import Operation
from pileus.model.shapes import Member, Shape

# Adds what is wrong with a value to the list; the path is where the value stands.
Check = Callable[[Any, str, list[str]], None]

_LONGEST_VALUE = 2048  # a value in a message is cut here, so that a huge one is not sent back


def check(operation: Operation, request: dict[str, Any]) -> str | None:
    """AWS's message when a member breaks a constraint, None when all is well."""
    checker = _compiled(operation)
    if checker is None:
        return None
    wrong: list[str] = []
    checker(request, "", wrong)
    return message(wrong) if wrong else None


def message(wrong: list[str]) -> str:
    count = len(wrong)
    return f"{count} validation error{'s' if count != 1 else ''} detected: {'; '.join(wrong)}"


@lru_cache(maxsize=4096)
def _compiled(operation: Operation) -> Check | None:
    return _Compiler().structure(operation.input) if operation.input is not None else None


class _Compiler:
    def __init__(self) -> None:
        self._known: dict[str, list[Check | None]] = {}

    def structure(self, shape: Shape) -> Check | None:
        known = self._known.get(shape.name)
        if known is not None:
            if known:
                return known[0]

            def later(value: Any, path: str, wrong: list[str]) -> None:
                if known[0] is not None:
                    known[0](value, path, wrong)

            return later
        slot: list[Check | None] = []
        self._known[shape.name] = slot
        required = tuple((name, _lower(name)) for name in shape.required)
        checks = {n: (_lower(n), c) for n, m in shape.members.items() if (c := self.value(m)) is not None}
        made = _structure_check(required, checks) if required or checks else None
        slot.append(made)
        return made

    def value(self, member: Member) -> Check | None:
        shape = member.shape
        if shape.document or shape.event_stream or member.json_value or (shape.type == "blob" and member.streaming):
            return None
        if shape.type == "structure":
            return self.structure(shape)
        own = _own_check(shape)
        if shape.type == "list":
            return _both(own, _items(self.value(shape.member)))
        if shape.type == "map":
            return _both(own, _entries(self.value(shape.key), self.value(shape.value)))
        return own


def _structure_check(required: tuple[tuple[str, str], ...], checks: dict[str, tuple[str, Check]]) -> Check:
    wanted = checks.get

    def run(value: dict[str, Any], path: str, wrong: list[str]) -> None:
        for name, printed in required:
            if name not in value:
                wrong.append(_failed(None, _join(path, printed), "Member must not be null"))
        for name, below in value.items():
            entry = wanted(name)
            if entry is not None:
                entry[1](below, f"{path}.{entry[0]}" if path else entry[0], wrong)

    return run


def _items(one: Check | None) -> Check | None:
    if one is None:
        return None

    def run(values: list[Any], path: str, wrong: list[str]) -> None:
        for number, value in enumerate(values, 1):
            one(value, f"{path}.{number}.member", wrong)

    return run


def _entries(key: Check | None, value_of: Check | None) -> Check | None:
    if key is None and value_of is None:
        return None

    def run(values: dict[str, Any], path: str, wrong: list[str]) -> None:
        for name, value in values.items():
            if key is not None:
                before = len(wrong)
                key(name, path, wrong)
                if len(wrong) > before:  # AWS names the map and what every key of it must satisfy
                    rules = [text.partition("failed to satisfy constraint: ")[2] for text in wrong[before:]]
                    wrong[before:] = [_failed(values, path, f"Map keys must satisfy constraint: [{', '.join(rules)}]")]
            if value_of is not None:
                value_of(value, f"{path}.{name}.member", wrong)

    return run


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second
    one, two = first, second

    def run(value: Any, path: str, wrong: list[str]) -> None:
        one(value, path, wrong)
        two(value, path, wrong)

    return run


def _own_check(shape: Shape) -> Check | None:
    """Length, range, pattern and enumeration of a value itself."""
    rules: list[tuple[Callable[[Any], bool], str]] = []
    if shape.type in ("string", "blob", "list", "map"):
        measure = _utf16_length if shape.type == "string" else len
        if shape.min:
            rules.append(_at_least(measure, shape.min, "length "))
        if shape.max is not None:
            rules.append(_at_most(measure, shape.max, "length "))
    elif shape.type in ("integer", "long", "float", "double", "short", "byte"):
        if shape.min is not None:
            rules.append(_at_least(_itself, shape.min, "value "))
        if shape.max is not None:
            rules.append(_at_most(_itself, shape.max, "value "))
    if shape.type == "string" and shape.pattern and (pattern := patterns.compiled(shape.pattern)) is not None:
        text = f"Member must satisfy regular expression pattern: {shape.pattern}"
        # What is far longer than allowed is refused for that already; matching it too would only cost time.
        longest = float("inf") if shape.max is None else max(4096, 4 * shape.max)
        rules.append((lambda value: len(value) <= longest and pattern.fullmatch(value) is None, text))
    if shape.type == "string" and shape.enum:
        allowed = frozenset(shape.enum)
        rules.append(
            (lambda value: value not in allowed, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        )
    return _rules_check(tuple(rules), shape.sensitive) if rules else None


def _rules_check(rules: tuple[tuple[Callable[[Any], bool], str], ...], sensitive: bool) -> Check:
    def run(value: Any, path: str, wrong: list[str]) -> None:
        for breaks, text in rules:
            if breaks(value):
                wrong.append(_failed("***" if sensitive else value, path, text))

    return run


def _at_least(measure: Callable[[Any], float], least: float, what: str) -> tuple[Callable[[Any], bool], str]:
    text = f"Member must have {what}greater than or equal to {_number(least)}"
    return (lambda value: measure(value) < least), text


def _at_most(measure: Callable[[Any], float], most: float, what: str) -> tuple[Callable[[Any], bool], str]:
    text = f"Member must have {what}less than or equal to {_number(most)}"
    return (lambda value: measure(value) > most), text


def _itself(value: float) -> float:
    return value


def _utf16_length(text: str) -> int:
    """AWS counts as Java does."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _failed(value: Any, path: str, rule: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)[:_LONGEST_VALUE]}'"
    at = f"Value {shown} at '{path}'" if value is not None else f"Value null at '{path}'"
    return f"{at} failed to satisfy constraint: {rule}"


def _shown(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_shown(item)}' for key, item in value.items())}}}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _lower(name: str) -> str:
    """`UserName` is printed `userName`, `MFACode` `mFACode`: only the first letter changes."""
    return name[:1].lower() + name[1:]
