"""Conditions: read once a text, compiled once for its names, tested with the values of each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..values import Item, Value, equal
from . import condition_grammar, rules, semantics
from .binding import Template, template
from .operands import Names, condition_template, resolved, top_level
from .parameters import Parameters
from .paths import Getter, getter
from .syntax import Comparison, Function, Node, Not, Operand, Path, Ref

Test = Callable[[Item, dict[str, Value]], bool]


class Condition:
    """A condition with its values; `attributes` are the top-level attributes it mentions."""

    __slots__ = ("_test", "_values", "attributes")

    def __init__(self, test: Test, values: dict[str, Value], attributes: frozenset[str]):
        self._test = test
        self._values = values
        self.attributes = attributes

    def test(self, item: Item | None) -> bool:
        return self._test({} if item is None else item, self._values)


def condition(kind: str, text: str, parameters: Parameters) -> Condition:
    """A condition to test items with; `kind` is the name of its parameter. Raises Invalid."""
    test, attributes = template(_read, kind, text).bind(parameters)
    return Condition(test, parameters.values, attributes)


def _read(kind: str, text: str) -> Template:
    node, found = condition_grammar.read(kind, text)
    rules.check(kind, found, rules.CONDITION_FUNCTIONS, rules.UPDATE_FUNCTIONS, "a condition expression")

    def build(names: Names) -> tuple[Test, frozenset[str]]:
        return _compiled(node, names), top_level(found.paths, names)

    return condition_template(kind, found, build)


def _compiled(node: Node, names: Names) -> Test:
    if isinstance(node, Comparison):
        return _comparison(node, names)
    if isinstance(node, Function):
        return _function(node, names)
    if isinstance(node, Not):
        inner = _compiled(node.condition, names)
        return lambda item, values: not inner(item, values)
    tests = tuple([_compiled(condition, names) for condition in node.conditions])
    if len(tests) == 2:
        first, second = tests
        if node.operator == "AND":
            return lambda item, values: first(item, values) and second(item, values)
        return lambda item, values: first(item, values) or second(item, values)
    return _all(tests) if node.operator == "AND" else _any(tests)


def _all(tests: tuple[Test, ...]) -> Test:
    def test(item: Item, values: dict[str, Value]) -> bool:
        return all(each(item, values) for each in tests)

    return test


def _any(tests: tuple[Test, ...]) -> Test:
    def test(item: Item, values: dict[str, Value]) -> bool:
        return any(each(item, values) for each in tests)

    return test


def _operand(operand: Operand, names: Names) -> Getter:
    if isinstance(operand, Path):
        return getter(resolved(operand, names))
    if isinstance(operand, Ref):
        name = operand.name
        return lambda item, values: values[name]
    assert isinstance(operand, Function)
    of = _operand(operand.args[0], names)

    def size(item: Item, values: dict[str, Value]) -> Value | None:
        value = of(item, values)
        return None if value is None else semantics.size(value)

    return size


def _comparison(node: Comparison, names: Names) -> Test:
    operands = [_operand(operand, names) for operand in node.operands]
    if node.operator == "IN":
        return _among(operands[0], operands[1:])
    if node.operator == "BETWEEN":
        return _between(*operands)
    left, right = operands
    if node.operator == "<>":
        return _differs(left, right)
    holds = semantics.COMPARISONS[node.operator]

    def test(item: Item, values: dict[str, Value]) -> bool:
        one = left(item, values)
        if one is None:
            return False
        other = right(item, values)
        return other is not None and holds(one, other)

    return test


def _differs(left: Getter, right: Getter) -> Test:
    def test(item: Item, values: dict[str, Value]) -> bool:
        one, other = left(item, values), right(item, values)
        return one is None or other is None or not equal(one, other)

    return test


def _between(of: Getter, lower: Getter, upper: Getter) -> Test:
    def test(item: Item, values: dict[str, Value]) -> bool:
        value, low, high = of(item, values), lower(item, values), upper(item, values)
        return value is not None and low is not None and high is not None and semantics.between(value, low, high)

    return test


def _among(of: Getter, others: list[Getter]) -> Test:
    def test(item: Item, values: dict[str, Value]) -> bool:
        value = of(item, values)
        if value is None:
            return False
        for other in others:
            one = other(item, values)
            if one is not None and equal(value, one):
                return True
        return False

    return test


def _function(node: Function, names: Names) -> Test:
    first = _operand(node.args[0], names)
    if node.name == "attribute_exists":
        return lambda item, values: first(item, values) is not None
    if node.name == "attribute_not_exists":
        return lambda item, values: first(item, values) is None
    second = _operand(node.args[1], names)
    holds: Any = {
        "attribute_type": lambda value, kind: kind["S"] in value,
        "begins_with": semantics.begins_with,
        "contains": semantics.contains,
    }[node.name]

    def test(item: Item, values: dict[str, Value]) -> bool:
        one = first(item, values)
        if one is None:
            return False
        other = second(item, values)
        return other is not None and holds(one, other)

    return test
