"""Key conditions: one partition key's value, and perhaps a range of sort keys.

Source: Amazon DynamoDB Developer Guide, "Key condition expressions for the Query operation in DynamoDB".
"""

from typing import NamedTuple

from ..errors import Invalid
from ..values import Value
from . import condition_grammar, rules
from .binding import Template, template
from .operands import Names, condition_template, resolved
from .parameters import Parameters
from .reader import refusal
from .syntax import Comparison, Function, Junction, Node, Not, Operand, Path, Ref

KIND = "KeyConditionExpression"

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class KeyRange(NamedTuple):
    """The keys a query asks for; `operator` is "", "=", "<", "<=", ">", ">=", "BETWEEN" or "begins_with".

    `low` is the operand of every operator that has one; only BETWEEN has a `high`.
    """

    hash: Value
    operator: str = ""
    low: Value | None = None
    high: Value | None = None
    attributes: frozenset[str] = frozenset()


class Term(NamedTuple):
    """One key's condition: its operator and the placeholders of its values."""

    operator: str
    values: tuple[str, ...]


def key_condition(text: str, parameters: Parameters, hash_name: str, range_name: str | None) -> KeyRange:
    """A KeyConditionExpression for a table or index with these keys. Raises Invalid."""
    terms: dict[str, Term] = template(_read, KIND, text).bind(parameters)
    keys = 1 if range_name is None else 2
    if len(terms) > keys:
        raise Invalid(
            f"The number of query conditions ({len(terms)}) exceeds the number of key attributes "
            f"defined in the schema ({keys})"
        )
    values = parameters.values
    found = {name: (term.operator, [values[ref] for ref in term.values]) for name, term in terms.items()}
    return key_range(found, hash_name, range_name)


def key_range(terms: dict[str, tuple[str, list[Value]]], hash_name: str, range_name: str | None) -> KeyRange:
    """The range that one or two keys' conditions make. Raises Invalid."""
    if hash_name not in terms:
        raise Invalid(f"Query condition missed key schema element: {hash_name}")
    operator, operands = terms[hash_name]
    if operator != "=":
        raise Invalid("Query key condition not supported")
    attributes = frozenset(terms)
    if len(terms) == 1:
        return KeyRange(operands[0], attributes=attributes)
    if range_name is None:
        raise Invalid("Query key condition not supported")
    if range_name not in terms:
        raise Invalid(f"Query condition missed key schema element: {range_name}")
    ranged, bounds = terms[range_name]
    return KeyRange(operands[0], ranged, bounds[0], bounds[1] if len(bounds) > 1 else None, attributes)


def _read(kind: str, text: str) -> Template:
    node, found = condition_grammar.read(kind, text)
    rules.check(kind, found, rules.CONDITION_FUNCTIONS, rules.UPDATE_FUNCTIONS, "a condition expression")
    return condition_template(kind, found, lambda names: _terms(node, names))


def _terms(node: Node, names: Names) -> dict[str, Term]:
    terms: dict[str, Term] = {}
    for leaf in _leaves(node):
        name, term = _term(leaf, names)
        if name in terms:
            raise refusal(KIND, "KeyConditionExpressions must only contain one condition per key")
        terms[name] = term
    return terms


def _leaves(node: Node) -> list[Comparison | Function]:
    """All that AND joins, left to right."""
    found: list[Comparison | Function] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Not):
            raise _invalid_operator("NOT")
        if isinstance(node, Junction):
            if node.operator == "OR":
                raise _invalid_operator("OR")
            waiting.extend(reversed(node.conditions))
        else:
            found.append(node)
    return found


def _invalid_operator(operator: str) -> Invalid:
    return Invalid(f"Invalid operator used in KeyConditionExpression: {operator}")


def _invalid_condition(reason: str) -> Invalid:
    return Invalid(f"Invalid condition in KeyConditionExpression: {reason}")


def _term(leaf: Comparison | Function, names: Names) -> tuple[str, Term]:
    operands: tuple[Operand, ...]
    if isinstance(leaf, Function):
        operator, operands = leaf.name, leaf.args
        allowed = operator == "begins_with"
    else:
        operator, operands = leaf.operator, leaf.operands
        allowed = operator not in ("<>", "IN")
    if not allowed:
        raise _invalid_operator(operator)
    if operator not in _MIRRORED and not isinstance(operands[0], Path):
        raise _invalid_condition(f"{operator} operator must have the key attribute as its first operand")
    name = _key_name(operands, names)
    if not isinstance(operands[0], Path):
        operator = _MIRRORED[operator]
    return name, Term(operator, tuple(operand.name for operand in operands if isinstance(operand, Ref)))


def _key_name(operands: tuple[Operand, ...], names: Names) -> str:
    """The one attribute among the operands."""
    name = None
    for operand in operands:
        if isinstance(operand, Path):
            if name is not None:
                raise _invalid_condition("Multiple attribute names used in one condition")
            parts = resolved(operand, names)
            if len(parts) > 1:
                raise Invalid("KeyConditionExpressions cannot have conditions on nested attributes")
            name = str(parts[0])
        elif isinstance(operand, Function):
            raise Invalid("KeyConditionExpressions cannot contain nested operations")
    if name is None:
        raise _invalid_condition("No key attribute specified")
    return name
