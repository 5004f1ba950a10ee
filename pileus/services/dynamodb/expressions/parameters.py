"""The names and values that expressions refer to by placeholder: checked once, and each must be used.

Source: Amazon DynamoDB Developer Guide, "Expression attribute names (aliases) in DynamoDB", "Using expression attribute
values in DynamoDB".
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ..errors import Invalid
from ..values import Value, check_name, checked_value, value_size

NAMES, VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
KEY_LENGTH_MAX = 255
BYTES_MAX = 2 * 1024 * 1024
"""Of all names, and of all values (Developer Guide, "Quotas in Amazon DynamoDB", expression parameters)."""
_FORM = {NAMES: re.compile(r"#[A-Za-z0-9_]+"), VALUES: re.compile(r":[A-Za-z0-9_]+")}


class Parameters:
    """ExpressionAttributeNames and ExpressionAttributeValues of one request, for all of its expressions."""

    __slots__ = ("_used_names", "_used_values", "names", "values")

    def __init__(self, names: dict[str, str] | None, values: dict[str, Any] | None):
        """Raises Invalid and Malformed."""
        self.names: Mapping[str, str] = {} if names is None else _checked(NAMES, names, _checked_name, len)
        self.values: dict[str, Value] = {} if values is None else _checked(VALUES, values, checked_value, _weight)
        self._used_names: list[frozenset[str]] = []
        self._used_values: list[frozenset[str]] = []

    def use(self, names: frozenset[str], values: frozenset[str]) -> None:
        self._used_names.append(names)
        self._used_values.append(values)

    def finish(self) -> None:
        """Raises Invalid if a name or a value was given that no expression uses."""
        if self.names:
            _all_used(NAMES, self.names, self._used_names)
        if self.values:
            _all_used(VALUES, self.values, self._used_values)


def _all_used(parameter: str, given: Mapping[str, Any], used: list[frozenset[str]]) -> None:
    unused = given.keys() - set().union(*used)
    if unused:
        keys = ", ".join(sorted(unused))
        raise Invalid(f"Value provided in {parameter} unused in expressions: keys: {{{keys}}}")


def _checked_name(name: Any) -> str:
    if name.__class__ is not str:
        raise Invalid("Attribute name must be a string")
    check_name(name)
    return name


def _weight(value: Value) -> int:
    """About how many bytes: enough to tell what is far too much."""
    ((kind, content),) = value.items()
    if kind in ("S", "N", "B"):
        return len(content)
    return value_size(value)


def _checked(
    parameter: str, given: dict[str, Any], check: Callable[[Any], Any], weigh: Callable[[Any], int]
) -> dict[str, Any]:
    if not given:
        raise Invalid(f"{parameter} must not be empty")
    found = {}
    weight = 0
    for key, content in given.items():
        wrong = _fault_of_key(parameter, key)
        if wrong is not None:
            raise Invalid(f"{parameter} contains invalid key: {wrong}")
        try:
            if content is None:
                raise Invalid("The supplied Item contains a null AttributeValue")
            checked = found[key] = check(content)
        except Invalid as fault:
            raise Invalid(f"{parameter} contains invalid value: {fault.message} for key {key}") from None
        weight += len(key) + weigh(checked)
    if weight > BYTES_MAX:
        raise Invalid(f"{parameter} exceeds max size")
    return found


@lru_cache(maxsize=4096)
def _fault_of_key(parameter: str, key: str) -> str | None:
    if not key:
        return "The expression attribute map contains an empty key;"
    if len(key) > KEY_LENGTH_MAX:
        return f"The expression attribute map contains a key that is too long; size of key: {len(key)}"
    if _FORM[parameter].fullmatch(key) is None:
        return f'Syntax error; key: "{key}"'
    return None


def without_expression(names: Any, values: Any, expressions: tuple[str, ...]) -> None:
    """Raises Invalid for names or values of a request that has none of its `expressions`.

    `expressions` are the parameters of the operation that may refer to values, in AWS's order: UpdateExpression before
    ConditionExpression, FilterExpression before KeyConditionExpression.
    """
    if names is not None:
        raise Invalid(f"{NAMES} can only be specified when using expressions")
    if values is not None:
        verb = "is" if len(expressions) == 1 else "are"
        raise Invalid(f"{VALUES} can only be specified when using expressions: {' and '.join(expressions)} {verb} null")
