"""Document paths: reaching into an item, and the tree that several paths make together.

Source: Amazon DynamoDB Developer Guide, "Referring to item attributes when using expressions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import Invalid
from ..values import Item, Value
from .reader import refusal
from .syntax import Part

Parts = tuple[Part, ...]


def printed(parts: Parts) -> str:
    """A path in AWS's messages: [a, b, [0]]."""
    return "[" + ", ".join(f"[{part}]" if part.__class__ is int else str(part) for part in parts) + "]"


def reach(item: Item, parts: Parts) -> Value | None:
    """The value at a path; None where the path leads nowhere."""
    value: Value | None = item.get(parts[0])  # type: ignore[arg-type]
    for part in parts[1:]:
        if value is None:
            return None
        if part.__class__ is int:
            members = value.get("L")
            if members is None or part >= len(members):
                return None
            value = members[part]
        else:
            value = value.get("M", _NOTHING).get(part)
    return value


_NOTHING: dict[str, Any] = {}


class Branch:
    """A node of the tree of paths: what lies below it, or the leaf that ends here."""

    __slots__ = ("children", "leaf", "path")

    def __init__(self) -> None:
        self.path: Parts = ()
        """The last path that came through here."""
        self.children: dict[Any, Branch] = {}
        self.leaf: Any = None


def tree(kind: str, leaves: Iterable[tuple[Parts, Any]]) -> Branch:
    """The tree of all paths. Raises Invalid where two paths overlap, or treat one value as a list and as a map."""
    root = Branch()
    for parts, leaf in leaves:
        branch = root
        for part in parts:
            if branch.leaf is not None:
                raise _clash(kind, "overlap", branch.path, parts)
            if branch.children and next(iter(branch.children)).__class__ is not part.__class__:
                raise _clash(kind, "conflict", branch.path, parts)
            branch.path = parts
            below = branch.children.get(part)
            if below is None:
                below = branch.children[part] = Branch()
            branch = below
        if branch.leaf is not None or branch.children:
            raise _clash(kind, "overlap", branch.path, parts)
        branch.path = parts
        branch.leaf = leaf
    _sort_indexes(root)
    return root


def _sort_indexes(branch: Branch) -> None:
    """A list's elements are gone through in their order, whatever the order of the text."""
    if branch.children and next(iter(branch.children)).__class__ is int:
        branch.children = dict(sorted(branch.children.items()))
    for below in branch.children.values():
        _sort_indexes(below)


def _clash(kind: str, how: str, one: Parts, two: Parts) -> Invalid:
    return refusal(
        kind,
        f"Two document paths {how} with each other; must remove or rewrite one of these paths; "
        f"path one: {printed(one)}, path two: {printed(two)}",
    )


def picked(branch: Branch, item: Item) -> Item:
    """The parts of an item that the tree's paths reach; lists keep their order and only the chosen elements."""
    found: Item = {}
    for name, below in branch.children.items():
        value = item.get(name)
        if value is not None:
            value = _picked_value(below, value)
            if value is not None:
                found[name] = value
    return found


def _picked_value(branch: Branch, value: Value) -> Value | None:
    if branch.leaf is not None:
        return value
    if next(iter(branch.children)).__class__ is int:
        members = value.get("L")
        if members is None:
            return None
        kept = [
            chosen
            for index, below in branch.children.items()
            if index < len(members) and (chosen := _picked_value(below, members[index])) is not None
        ]
        return {"L": kept} if kept else None
    if "M" not in value:
        return None
    inner = picked(branch, value["M"])
    return {"M": inner} if inner else None


Getter = Callable[[Item, dict[str, Value]], Value | None]
"""Reads an operand: of the item, of the values, or computed."""


def getter(parts: Parts) -> Getter:
    if len(parts) == 1:
        name: Any = parts[0]
        return lambda item, values: item.get(name)
    return lambda item, values: reach(item, parts)
