"""AttributeUpdates: PUT, ADD and DELETE of whole attributes.

Source: Amazon DynamoDB Developer Guide, "Legacy DynamoDB conditional parameters" (AttributeUpdates); Amazon DynamoDB
API Reference, "AttributeValueUpdate".
"""

from typing import Any

from ..errors import Invalid
from ..values import Value, check_name, checked_value
from .operands import type_of
from .paths import Branch
from .update_rules import LONG_NAMES
from .updates import Leaf, Plan, Update, added, deleted

_SETS = frozenset(("SS", "NS", "BS"))
_ADDABLE = _SETS | {"N", "L"}
_ACTIONS = ("ADD", "DELETE", "PUT")


def attribute_updates(updates: dict[str, Any]) -> Update:
    """AttributeUpdates of an UpdateItem, as an update. Raises Invalid and Malformed."""
    root = Branch()
    for name, given in updates.items():
        check_name(name)
        branch = root.children[name] = Branch()
        branch.leaf = _leaf(given or {})
    return Update(Plan(root, tuple((name,) for name in updates), frozenset(updates)), {})


def _leaf(given: dict[str, Any]) -> Leaf:
    action = given.get("Action", "PUT")
    if action not in _ACTIONS:
        raise Invalid("Member must satisfy enum value set: [ADD, DELETE, PUT]")
    raw = given.get("Value")
    if raw is None:
        if action != "DELETE":
            raise _invalid("Only DELETE action is allowed when no attribute value is specified")
        return lambda before, item, values: None
    value = checked_value(raw)
    kind = type_of(value)
    if action == "PUT":
        return lambda before, item, values: value
    if action == "ADD":
        if kind not in _ADDABLE:
            raise _invalid(f"ADD action is not supported for the type {LONG_NAMES[kind]}")
        return lambda before, item, values: _added(before, value)
    if kind not in _SETS:
        raise _invalid(f"DELETE action with value is not supported for the type {LONG_NAMES[kind]}")
    return lambda before, item, values: deleted(_of_type(before, kind), value)


def _invalid(reason: str) -> Invalid:
    return Invalid(f"One or more parameter values were invalid: {reason}")


def _of_type(before: Value | None, kind: str) -> Value | None:
    if before is not None and kind not in before:
        raise Invalid("Type mismatch for attribute to update")
    return before


def _added(before: Value | None, value: Value) -> Value:
    """As ADD of an expression, and a list grows by the elements of another."""
    before = _of_type(before, type_of(value))
    if before is not None and "L" in before:
        return {"L": before["L"] + value["L"]}
    return added(before, value)
