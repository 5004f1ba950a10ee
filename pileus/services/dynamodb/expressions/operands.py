"""Rules that depend on the names and values filled in: operands that are defined, distinct, of a type that fits."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import Invalid
from ..values import Value, compare
from .binding import Template
from .parameters import Parameters
from .paths import Parts, printed
from .reader import refusal
from .syntax import Comparison, Findings, Function, Operand, Path, Ref

Names = Mapping[str, str]
TYPES = ("S", "N", "B", "NULL", "BOOL", "SS", "NS", "BS", "L", "M")
VALID_TYPES = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
_OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
_ORDERED = frozenset(("S", "N", "B"))
_SIZED = frozenset(("S", "B", "SS", "NS", "BS", "L", "M"))
_PREFIXED = frozenset(("S", "B"))
_ORDERING = frozenset(("<", "<=", ">", ">=", "BETWEEN"))
_DISTINCT = frozenset(("begins_with", "contains", "attribute_type", "if_not_exists"))


def type_of(value: Value) -> str:
    return next(iter(value))


def resolved(path: Path, names: Names) -> Parts:
    """A path with its placeholders filled in; all are defined."""
    return tuple([names[part] if isinstance(part, str) and part[0] == "#" else part for part in path.parts])


def top_level(paths: Iterable[Path], names: Names) -> frozenset[str]:
    """The attributes that paths begin with."""
    return frozenset([str(resolved(path, names)[0]) for path in paths])


class Operands:
    """Checks the operands of an expression's comparisons and functions, in the order AWS does."""

    def __init__(self, kind: str, parameters: Parameters):
        self.kind = kind
        self.names = parameters.names
        self.values = parameters.values

    def defined(self, operand: Operand | None) -> None:
        if isinstance(operand, Path):
            for part in operand.parts:
                if isinstance(part, str) and part[0] == "#" and part not in self.names:
                    raise refusal(
                        self.kind,
                        "An expression attribute name used in the document path is not defined; "
                        f"attribute name: {part}",
                    )
        elif isinstance(operand, Ref) and operand.name not in self.values:
            raise refusal(
                self.kind,
                f"An expression attribute value used in expression is not defined; attribute value: {operand.name}",
            )

    def check(self, leaf: Comparison | Function) -> None:
        """Raises Invalid."""
        if isinstance(leaf, Comparison):
            self.each(leaf.operands)
            if leaf.operator in _ORDERING:
                self._ordered(leaf)
            self.distinct(leaf.operator, leaf.operands)
        else:
            self.function(leaf)

    def each(self, operands: Iterable[Operand]) -> None:
        for operand in operands:
            if isinstance(operand, Function):
                self.function(operand)
            else:
                self.defined(operand)

    def function(self, function: Function) -> None:
        """A function, after those within it; one frame of Python's stack for each."""
        name, args = function.name, function.args
        for operand in args:
            if isinstance(operand, Function):
                self.function(operand)
            else:
                self.defined(operand)
        if len(args) != _OPERANDS[name]:
            raise refusal(
                self.kind,
                f"Incorrect number of operands for operator or function; operator or function: {name}, number of "
                f"operands: {len(args)}",
            )
        if name in _DISTINCT:
            self.distinct(name, args)
        if name in ("attribute_exists", "attribute_not_exists", "if_not_exists"):
            if not isinstance(args[0], Path):
                raise refusal(self.kind, f"Operator or function requires a document path; operator or function: {name}")
        elif name == "begins_with":
            for operand in args:
                self.fits(name, operand, _PREFIXED)
        elif name == "list_append":
            for operand in args:
                self.fits(name, operand, ("L",))
        elif name == "size":
            self.fits(name, args[0], _SIZED)
        elif name == "attribute_type":
            self._type_name(args[1])

    def _type_name(self, operand: Operand) -> None:
        if not isinstance(operand, Ref):
            kind = "N" if isinstance(operand, Function) else "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
            raise self.incorrect("attribute_type", kind)
        self.fits("attribute_type", operand, frozenset("S"))
        name = self.values[operand.name]["S"]
        if name not in TYPES:
            raise refusal(self.kind, f"Invalid attribute type name found; type: {name}, valid types: {VALID_TYPES}")

    def distinct(self, operator: str, operands: tuple[Operand, ...]) -> None:
        first, *rest = operands
        if not isinstance(first, Path):
            return
        parts = resolved(first, self.names)
        if any(isinstance(operand, Path) and resolved(operand, self.names) == parts for operand in rest):
            raise refusal(
                self.kind,
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {operator}, first operand: {printed(parts)}",
            )

    def fits(self, name: str, operand: Operand, types: Iterable[str]) -> None:
        """A value, or what `size` gives, is of one of the types; what a path leads to is not known yet."""
        if isinstance(operand, Ref):
            kind = type_of(self.values[operand.name])
        elif isinstance(operand, Function) and operand.name == "size":
            kind = "N"
        else:
            return
        if kind not in types:
            raise self.incorrect(name, kind)

    def incorrect(self, name: str, kind: str) -> Invalid:
        return refusal(
            self.kind,
            f"Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}",
        )

    def _ordered(self, leaf: Comparison) -> None:
        for operand in leaf.operands:
            self.fits(leaf.operator, operand, _ORDERED)
        if leaf.operator != "BETWEEN":
            return
        _, low, high = leaf.operands
        if isinstance(low, Ref) and isinstance(high, Ref):
            self._bounds(self.values[low.name], self.values[high.name])

    def _bounds(self, low: Value, high: Value) -> None:
        order = compare(low, high)
        if order is None:
            rule = "requires same data type for lower and upper bounds"
        elif order > 0:
            rule = "requires upper bound to be greater than or equal to lower bound"
        else:
            return
        raise refusal(
            self.kind,
            f"The BETWEEN operator {rule}; lower bound operand: AttributeValue: {_printed(low)}, "
            f"upper bound operand: AttributeValue: {_printed(high)}",
        )


def _printed(value: Value) -> str:
    ((kind, content),) = value.items()
    return f"{{{kind}:{content}}}"


def _needs_values(leaf: object) -> bool:
    """Whether a leaf's rules depend on values, and are asked again for every request."""
    if isinstance(leaf, Comparison):
        return leaf.operator in _ORDERING or any(isinstance(operand, Function) for operand in leaf.operands)
    return not (isinstance(leaf, Function) and leaf.name in ("attribute_exists", "attribute_not_exists"))


def condition_template(kind: str, found: Findings, compiled: Callable[[Names], Any]) -> Template:
    """A condition's template: `compiled` makes what is kept of it for some names."""
    leaves = [leaf for leaf in found.leaves if isinstance(leaf, Comparison | Function)]
    dynamic = [leaf for leaf in leaves if _needs_values(leaf)]

    def build(parameters: Parameters) -> Any:
        operands = Operands(kind, parameters)
        for leaf in leaves:
            operands.check(leaf)
        return compiled(parameters.names)

    def check_values(parameters: Parameters) -> None:
        operands = Operands(kind, parameters)
        for leaf in dynamic:
            operands.check(leaf)

    return Template(found, build, check_values if dynamic else None)
