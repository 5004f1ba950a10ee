"""Where each statement stands in its document: the simulator answers with lines and columns.

Source: IAM API Reference, "Statement" and "Position"; and the examples of SimulateCustomPolicy: the start is the
opening brace, the end is just behind the closing one, both counted from 1.
"""

import json
import re
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(r"\s*:")


class Position(NamedTuple):
    line: int
    column: int


def statement_positions(document: str) -> list[tuple[Position, Position]]:
    """Start and end of every statement of a well-formed policy, in the order of `Policy.statements`."""
    found: list[tuple[Position, Position]] = []
    depth = 0
    inside = False
    start = 0
    for token in _TOKEN.finditer(document):
        sign = token.group()
        if sign in ("{", "["):
            if inside and sign == "{" and not start:
                start, opened = token.start(), depth
            depth += 1
        elif sign in ("}", "]"):
            depth -= 1
            if start and depth == opened:
                found.append((_position(document, start), _position(document, token.end())))
                start = 0
        elif depth == 1 and _COLON.match(document, token.end()):
            inside = json.loads(sign) == "Statement"
    return found


def _position(document: str, offset: int) -> Position:
    line_start = document.rfind("\n", 0, offset) + 1
    return Position(document.count("\n", 0, offset) + 1, offset - line_start + 1)
