"""What the grammar makes of an expression's text: its nodes, before any name or value is filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

Part = str | int
"""One step of a path: an attribute's name, a placeholder ("#a"), or a list's index."""


@dataclass(frozen=True, slots=True)
class Path:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A placeholder for a value, with its colon."""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    args: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    operator: str
    left: Operand
    right: Operand


Operand = Path | Ref | Function | Sum


@dataclass(frozen=True, slots=True)
class Comparison:
    """=, <>, <, <=, >, >=, BETWEEN (three operands) or IN (the first against the others)."""

    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Node


@dataclass(frozen=True, slots=True)
class Junction:
    """AND or OR of two or more."""

    operator: str
    conditions: list[Node]


Node = Comparison | Function | Not | Junction


@dataclass(frozen=True, slots=True)
class Action:
    """One of the things an update does: SET a path to an operand, REMOVE it, ADD to it, DELETE from it."""

    section: str
    path: Path
    operand: Operand | None = None


@dataclass(slots=True)
class Findings:
    """What the rules ask of an expression, noted while it is read, in the order of the text."""

    paths: list[Path] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    leaves: list[Comparison | Function | Action] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    values: dict[str, None] = field(default_factory=dict)
    operators: int = 0
