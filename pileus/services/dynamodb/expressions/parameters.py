"""The names and values that expressions refer to by placeholder: checked once, and each must be used.

Source: Amazon DynamoDB Developer Guide, "Expression attribute names (aliases) in DynamoDB", "Using expression attribute
values in DynamoDB".
"""

import re
from collections.abc import Iterable
from typing import Any

from ..errors import Invalid, Malformed
from ..values import Value, check_name, checked_value

KEY_LENGTH_MAX = 255
_NAME = re.compile(r"#[A-Za-z0-9_]+")
_VALUE = re.compile(r":[A-Za-z0-9_]+")


class Parameters:
    """ExpressionAttributeNames and ExpressionAttributeValues of one request, for all of its expressions."""

    __slots__ = ("_unused_names", "_unused_values", "names", "values")

    def __init__(self, names: dict[str, str] | None, values: dict[str, Any] | None):
        """Raises Invalid and Malformed."""
        self.names: dict[str, str] = {}
        self.values: dict[str, Value] = {}
        if names is not None:
            self.names = _checked("ExpressionAttributeNames", _NAME, names, _checked_name)
        if values is not None:
            self.values = _checked("ExpressionAttributeValues", _VALUE, values, checked_value)
        self._unused_names = set(self.names)
        self._unused_values = set(self.values)

    def use(self, names: Iterable[str], values: Iterable[str]) -> None:
        self._unused_names.difference_update(names)
        self._unused_values.difference_update(values)

    def finish(self) -> None:
        """Raises Invalid if a name or a value was given that no expression uses."""
        for parameter, unused in (
            ("ExpressionAttributeNames", self._unused_names),
            ("ExpressionAttributeValues", self._unused_values),
        ):
            if unused:
                keys = ", ".join(sorted(unused))
                raise Invalid(f"Value provided in {parameter} unused in expressions: keys: {{{keys}}}")


def _checked_name(name: Any) -> str:
    if name.__class__ is not str:
        raise Invalid("Attribute name must be a string")
    check_name(name)
    return name


def _checked(parameter: str, form: re.Pattern[str], given: dict[str, Any], check: Any) -> dict[str, Any]:
    if not given:
        raise Invalid(f"{parameter} must not be empty")
    found = {}
    for key, content in given.items():
        if form.fullmatch(key) is None or len(key) > KEY_LENGTH_MAX:
            raise Invalid(f"{parameter} contains invalid key: {_fault_of_key(key)}")
        if content is None:
            raise Invalid(
                f"{parameter} contains invalid value: The supplied Item contains a null AttributeValue for key {key}"
            )
        try:
            found[key] = check(content)
        except Malformed:
            raise
        except Invalid as fault:
            raise Invalid(f"{parameter} contains invalid value: {fault.message} for key {key}") from None
    return found


def _fault_of_key(key: str) -> str:
    if not key:
        return "The expression attribute map contains an empty key;"
    if len(key) > KEY_LENGTH_MAX:
        return f"The expression attribute map contains a key that is too long; size of key: {len(key)}"
    return f'Syntax error; key: "{key}"'


def without_expression(names: Any, values: Any, expressions: tuple[str, ...]) -> None:
    """Raises Invalid for names or values of a request that has none of its `expressions` (names of parameters)."""
    if names is not None:
        raise Invalid("ExpressionAttributeNames can only be specified when using expressions")
    if values is not None:
        verb = "is" if len(expressions) == 1 else "are"
        raise Invalid(
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(expressions)} {verb} null"
        )
