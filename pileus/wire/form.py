"""Query strings and form bodies as trees: `A.B.1.C=v` is `{"A": {"B": {"1": {"C": "v"}}}}`. Linear in the input."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

Tree = dict[str, Any]
DEEPEST = 64
_EMPTY: Tree = {}


class Malformed(ValueError):
    """The text is no query string."""


def pairs(text: str) -> list[tuple[str, str]]:
    """Percent-decoded names and values in order. Raises Malformed."""
    found: list[tuple[str, str]] = []
    for field in text.split("&"):
        if not field:
            continue
        name, _, value = field.partition("=")
        try:
            if "%" in name or "+" in name:
                name = unquote_plus(name, errors="strict")
            if "%" in value or "+" in value:
                value = unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            raise Malformed("The query string is not valid UTF-8") from None
        found.append((name, value))
    return found


def text_of(body: bytes) -> str:
    """Raises Malformed."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8") from None


def tree(fields: list[tuple[str, str]]) -> Tree:
    """A name that is both a leaf and a branch is a branch. Raises Malformed when nested too deeply."""
    root: Tree = {}
    for name, value in fields:
        if "." not in name:
            if root.get(name).__class__ is not dict:
                root[name] = value
            continue
        steps = name.split(".", DEEPEST + 1)
        if len(steps) > DEEPEST:
            raise Malformed("A parameter name has too many parts")
        at = root
        last = steps.pop()
        for step in steps:
            below = at.get(step)
            if below.__class__ is not dict:
                below = at[step] = {}
            at = below
        if at.get(last).__class__ is not dict:
            at[last] = value
    return root


def numbered(branch: Tree) -> list[Any]:
    """A list's items in the order of their numbers; other names are not items. Raises Malformed."""
    if len(branch) == 1 and "1" in branch:
        return [branch["1"]]
    keyed = [(int(n), v) for n, v in branch.items() if n.isascii() and n.isdigit() and len(n) < 10]
    keyed.sort(key=_number)
    return [value for _, value in keyed]


def _number(pair: tuple[int, Any]) -> int:
    return pair[0]
