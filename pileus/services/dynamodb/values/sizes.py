"""How many bytes items and values count for.

Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats".
"""

from . import numbers
from .checking import Item, Value

_CONTAINER = 3
_ELEMENT = 1


def item_size(item: Item) -> int:
    """Names and values, without the 100 bytes of indexed storage."""
    total = 0
    for name, value in item.items():
        text = value.get("S")
        total += len(name) if name.isascii() else len(name.encode())
        if text is None:
            total += value_size(value)
        else:
            total += len(text) if text.isascii() else len(text.encode())
    return total


def value_size(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return numbers.size(content)
    if kind == "B":
        return binary_size(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return _CONTAINER + sum(_ELEMENT + value_size(member) for member in content)
    if kind == "M":
        return _CONTAINER + _ELEMENT * len(content) + item_size(content)
    member_kind = kind[0]
    return sum(value_size({member_kind: member}) for member in content)


def binary_size(text: str) -> int:
    """Bytes that canonical base64 stands for."""
    return len(text) // 4 * 3 - (text.endswith("=") + text.endswith("=="))
