"""The parameters from before expressions: Expected, AttributeUpdates, ScanFilter, QueryFilter, KeyConditions,
AttributesToGet.

Source: Amazon DynamoDB Developer Guide, "Legacy DynamoDB conditional parameters"; Amazon DynamoDB API Reference,
"Condition", "ExpectedAttributeValue", "AttributeValueUpdate".
"""

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import Invalid
from ..values import Item, Value, check_name, checked_value, compare, equal
from . import semantics
from .conditions import Condition
from .key_conditions import KeyRange, key_range
from .legacy_updates import attribute_updates
from .operands import type_of
from .paths import Branch
from .projections import Projection

Test = Callable[[Value | None], bool]

_SCALARS = frozenset(("S", "N", "B"))
_VALID_TYPES = {
    "LE": _SCALARS,
    "LT": _SCALARS,
    "GE": _SCALARS,
    "GT": _SCALARS,
    "IN": _SCALARS,
    "BETWEEN": _SCALARS,
    "BEGINS_WITH": frozenset(("S", "B")),
    "CONTAINS": frozenset(("S", "N", "B", "BOOL", "NULL")),
    "NOT_CONTAINS": frozenset(("S", "N", "B", "BOOL", "NULL")),
}
_ARGUMENTS = {
    "EQ": 1,
    "NE": 1,
    "LE": 1,
    "LT": 1,
    "GE": 1,
    "GT": 1,
    "CONTAINS": 1,
    "NOT_CONTAINS": 1,
    "BEGINS_WITH": 1,
    "NULL": 0,
    "NOT_NULL": 0,
    "BETWEEN": 2,
    "IN": None,
}
"""How many values each operator takes; IN takes one or more."""
_KEY_OPERATORS = {
    "EQ": "=",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}
_NOT_INDEXABLE = frozenset(("NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS", "IN"))


def _invalid(reason: str) -> Invalid:
    return Invalid(f"One or more parameter values were invalid: {reason}")


def expected(request_expected: dict[str, Any], conditional_operator: str | None) -> Condition:
    """Expected of a write, as a condition. Raises Invalid and Malformed."""
    tests = [(name, _expectation(name, given)) for name, given in request_expected.items()]
    return _joined(tests, conditional_operator)


def scan_filter(kind: str, conditions: dict[str, Any], operator: str | None) -> Condition:
    """ScanFilter or QueryFilter (`kind`), as a condition. Raises Invalid and Malformed."""
    tests = []
    for name, given in conditions.items():
        check_name(name)
        if given is None:
            raise Invalid(f"The filter condition for an attribute cannot be null: {name}")
        comparison, values = _comparison(given)
        tests.append((name, _test(comparison, values)))
    return _joined(tests, operator)


def _joined(tests: list[tuple[str, Test]], operator: str | None) -> Condition:
    if operator is not None:
        if not tests:
            raise Invalid("ConditionalOperator cannot be used without Filter or Expected")
        if len(tests) == 1:
            raise Invalid("ConditionalOperator can only be used when Filter or Expected has two or more elements")
    fold = any if operator == "OR" and tests else all

    def test(item: Item, values: dict[str, Value]) -> bool:
        return fold(holds(item.get(name)) for name, holds in tests)

    return Condition(test, {}, frozenset(name for name, _ in tests))


def _expectation(name: str, given: Any) -> Test:
    check_name(name)
    if given is None:
        raise _invalid(f"ExpectedAttributeValue must not be null for Attribute: {name}")
    operator, value, exists = given.get("ComparisonOperator"), given.get("Value"), given.get("Exists")
    listed = given.get("AttributeValueList")
    if value is not None and listed is not None:
        raise _invalid(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    if operator is not None:
        if exists is not None:
            raise _invalid(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
        if value is None and listed is None and operator not in ("NULL", "NOT_NULL"):
            raise _invalid(
                f"Value or AttributeValueList must be used with ComparisonOperator: {operator} for Attribute: {name}"
            )
        values = listed if value is None else [value]
        return _test(*_comparison({"ComparisonOperator": operator, "AttributeValueList": values}))
    if listed is not None:
        raise _invalid(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    if exists is False:
        if value is not None:
            raise _invalid(f"Value cannot be used when Exists is false for Attribute: {name}")
        return _test("NULL", [])
    if value is None:
        said = "null" if exists is None else "true"
        raise _invalid(f"Value must be provided when Exists is {said} for Attribute: {name}")
    return _test("EQ", [checked_value(value)])


def _comparison(given: dict[str, Any]) -> tuple[str, list[Value]]:
    """An operator and its arguments, of the number and types that it takes."""
    operator = given.get("ComparisonOperator")
    if operator not in _ARGUMENTS:
        raise Invalid("Comparison type does not exist in DynamoDB")
    values = [checked_value(value) for value in given.get("AttributeValueList") or ()]
    count = _ARGUMENTS[operator]
    if len(values) != count if count is not None else not values:
        raise _invalid(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    kinds = [type_of(value) for value in values]
    if len(set(kinds)) > 1:
        raise _invalid("AttributeValues inside AttributeValueList must be of same type")
    valid = _VALID_TYPES.get(operator)
    if valid is not None and kinds[0] not in valid:
        raise _invalid(f"ComparisonOperator {operator} is not valid for {kinds[0]} AttributeValue type")
    if operator == "BETWEEN" and (compare(values[0], values[1]) or 0) > 0:
        raise Invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )
    return operator, values


def _test(operator: str, values: list[Value]) -> Test:
    if operator == "NULL":
        return lambda value: value is None
    if operator == "NOT_NULL":
        return lambda value: value is not None
    first = values[0]
    if operator == "NE":
        return lambda value: value is None or not equal(value, first)
    holds: dict[str, Callable[[Value], bool]] = {
        "EQ": lambda value: equal(value, first),
        "IN": lambda value: any(equal(value, one) for one in values),
        "BETWEEN": lambda value: semantics.between(value, first, values[1]),
        "CONTAINS": lambda value: semantics.contains(value, first),
        "NOT_CONTAINS": lambda value: not semantics.contains(value, first),
        "BEGINS_WITH": lambda value: semantics.begins_with(value, first),
        "LT": lambda value: semantics.COMPARISONS["<"](value, first),
        "LE": lambda value: semantics.COMPARISONS["<="](value, first),
        "GT": lambda value: semantics.COMPARISONS[">"](value, first),
        "GE": lambda value: semantics.COMPARISONS[">="](value, first),
    }
    test = holds[operator]
    return lambda value: value is not None and test(value)


def key_conditions(conditions: dict[str, Any], hash_name: str, range_name: str | None) -> KeyRange:
    """KeyConditions of a query. Raises Invalid and Malformed."""
    found = {}
    for name, given in conditions.items():
        check_name(name)
        found[name] = _comparison(given)
    if not 1 <= len(found) <= 2:
        raise Invalid("Conditions can be of length 1 or 2 only")
    wanted = [hash_name, range_name] if len(found) == 2 and range_name is not None else [hash_name]
    for wanting in wanted:
        if wanting not in found:
            raise Invalid(f"Query condition missed key schema element: {wanting}")
    if any(operator in _NOT_INDEXABLE or operator not in _KEY_OPERATORS for operator, _ in found.values()):
        raise Invalid("Attempted conditional constraint is not an indexable operation")
    return key_range(
        {name: (_KEY_OPERATORS[operator], values) for name, (operator, values) in found.items()}, hash_name, range_name
    )


def attributes_to_get(names: Sequence[str]) -> Projection:
    """AttributesToGet: whole attributes, by names that are no paths. Raises Invalid."""
    if not names:
        raise Invalid("AttributesToGet cannot be empty")
    root = Branch()
    for name in names:
        check_name(name)
        if name in root.children:
            raise _invalid(f"Duplicate value in attribute name: {name}")
        leaf = root.children[name] = Branch()
        leaf.leaf = True
    return Projection(root)


_OLD = (
    "AttributesToGet",
    "ScanFilter",
    "QueryFilter",
    "AttributeUpdates",
    "Expected",
    "ConditionalOperator",
    "KeyConditions",
)
_NEW = (
    "ProjectionExpression",
    "UpdateExpression",
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
)


def mixing(request: dict[str, Any]) -> None:
    """Raises Invalid for a request with parameters of both ages; KeyConditions may stand beside a filter."""
    new = [name for name in _NEW if name in request]
    if not new:
        return
    old = [name for name in _OLD if name in request]
    if "KeyConditions" in old and "KeyConditionExpression" not in new:
        old.remove("KeyConditions")
    if old:
        raise Invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )


__all__ = ["attribute_updates", "attributes_to_get", "expected", "key_conditions", "mixing", "scan_filter"]
