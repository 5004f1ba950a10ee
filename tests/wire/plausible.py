"""Values a shape allows, made of a seed: every member filled, as far as it is deep."""

from __future__ import annotations

import random
from typing import Any

from pileus.model import Member, Operation, Shape

_DEEPEST = 4
_PLAIN = "abcXYZ019-_."
_RICH = _PLAIN + " &<>\"'/\\+%=?#;,é日😹\u2028~*()[]{}"
_INTEGERS = {"byte": 7, "short": 15, "integer": 31, "long": 63, "bigint": 63}


class Maker:
    """Makes values of one API's shapes. The same seed makes the same values."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def input(self, operation: Operation) -> dict[str, Any]:
        return self._operation(operation.input)

    def output(self, operation: Operation) -> dict[str, Any]:
        return self._operation(operation.output)

    def _operation(self, shape: Shape | None) -> dict[str, Any]:
        if shape is None:
            return {}
        made: dict[str, Any] = {}
        for name, member in shape.members.items():
            if not member.shape.event_stream:
                made[name] = self.member(member, 0)
        return {name: value for name, value in made.items() if value is not None}

    def member(self, member: Member, depth: int) -> Any:
        """None for a place that cannot be filled any more."""
        if member.location == "statusCode":
            return 200
        if member.location in ("header", "headers") or member.xml_attribute or member.host_label or member.event_header:
            return self._plain(member)
        if member.location == "uri":
            return self.text(_PLAIN) if member.shape.type == "string" else self.value(member.shape, depth)
        return self.value(member.shape, depth)

    def _plain(self, member: Member) -> Any:
        shape = member.shape
        if member.json_value:
            return {"key": "value"}
        if shape.type == "list":
            return [self._plain(shape.member) for _ in range(2)] if shape.member.shape.type != "timestamp" else None
        if shape.type == "map":
            return {"one-key": self.text(_PLAIN), "two": self.text(_PLAIN)}
        return self.text(_PLAIN) if shape.type == "string" and not shape.enum else self.value(shape, 0)

    def value(self, shape: Shape, depth: int) -> Any:
        kind, choose = shape.type, self.random
        if shape.document:
            return {"number": 1, "list": [True, "text"]}
        if kind == "structure":
            return self._structure(shape, depth)
        if kind == "list":
            items = [self.value(shape.member.shape, depth + 1) for _ in range(2)] if depth < _DEEPEST else []
            return [item for item in items if item is not None] or None
        if kind == "map":
            if depth >= _DEEPEST:
                return None
            made = {str(self.value(shape.key.shape, depth)): self.value(shape.value.shape, depth + 1) for _ in range(2)}
            return {key: value for key, value in made.items() if value is not None} or None
        if kind in _INTEGERS:
            return choose.randrange(-(2 ** _INTEGERS[kind]), 2 ** _INTEGERS[kind])
        if kind in ("float", "double", "bigdecimal"):
            return choose.randrange(-1000, 1000) / 4
        if kind == "boolean":
            return choose.random() < 0.5
        if kind == "timestamp":
            return float(choose.randrange(2**32))
        if kind == "blob":
            return choose.randbytes(choose.randrange(1, 20))
        return choose.choice(shape.enum) if shape.enum else self.text(_RICH)

    def _structure(self, shape: Shape, depth: int) -> Any:
        if depth >= _DEEPEST:
            return None
        members = list(shape.members.values())
        if shape.union and members:
            members = [self.random.choice(members)]
        made = {member.name: self.member(member, depth + 1) for member in members}
        found = {name: value for name, value in made.items() if value is not None}
        return None if (shape.union or shape.members) and not found else found

    def text(self, alphabet: str) -> str:
        return "x" + "".join(self.random.choice(alphabet) for _ in range(self.random.randrange(12))) + "x"
