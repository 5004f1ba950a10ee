"""What comparisons and functions mean of two values, whichever grammar or old parameter asks.

Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions"; Amazon DynamoDB
API Reference, "Condition".
"""

from binascii import a2b_base64
from collections.abc import Callable

from ..values import Value, compare, equal
from ..values.sizes import binary_size

Test = Callable[[Value, Value], bool]


def _less(a: Value, b: Value) -> bool:
    order = compare(a, b)
    return order is not None and order < 0


def _less_or_equal(a: Value, b: Value) -> bool:
    order = compare(a, b)
    return order is not None and order <= 0


def _greater(a: Value, b: Value) -> bool:
    order = compare(a, b)
    return order is not None and order > 0


def _greater_or_equal(a: Value, b: Value) -> bool:
    order = compare(a, b)
    return order is not None and order >= 0


COMPARISONS: dict[str, Test] = {
    "=": equal,
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
}
"""False for values of different types. "<>" is not here: it is true of a missing attribute too."""


def between(value: Value, low: Value, high: Value) -> bool:
    return _less_or_equal(low, value) and _less_or_equal(value, high)


def begins_with(value: Value, prefix: Value) -> bool:
    if "S" in value and "S" in prefix:
        return value["S"].startswith(prefix["S"])
    if "B" in value and "B" in prefix:
        return a2b_base64(value["B"]).startswith(a2b_base64(prefix["B"]))
    return False


def contains(value: Value, part: Value) -> bool:
    """A text within a text, bytes within bytes, a member of a set, an element of a list."""
    ((kind, content),) = value.items()
    ((part_kind, part_content),) = part.items()
    if kind == "L":
        return any(equal(member, part) for member in content)
    if kind == part_kind == "S":
        return part_content in content
    if kind == part_kind == "B":
        return a2b_base64(part_content) in a2b_base64(content)
    return len(kind) == 2 and kind[0] == part_kind and part_content in content


def size(value: Value) -> Value | None:
    """Bytes of binary, UTF-16 units of a string, elements of a set, list or map; None for what has no size."""
    ((kind, content),) = value.items()
    if kind == "S":
        return {"N": str(len(content) if content.isascii() else len(content.encode("utf-16-le")) // 2)}
    if kind == "B":
        return {"N": str(binary_size(content))}
    if kind in ("SS", "NS", "BS", "L", "M"):
        return {"N": str(len(content))}
    return None
