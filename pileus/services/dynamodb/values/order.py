"""When two values are equal, which is the less, and bytes that sort as keys do.

Source: Amazon DynamoDB Developer Guide, "Supported data types and naming rules in Amazon DynamoDB" (strings compare by
the bytes of their UTF-8, binary as unsigned bytes), "Comparison operator and function reference".
"""

from binascii import a2b_base64

from . import numbers
from .checking import Value


def equal(a: Value, b: Value) -> bool:
    """Of one type and one content; sets without order."""
    if a == b:
        return True
    if a.keys() != b.keys():
        return False
    ((kind, left),) = a.items()
    right = b[kind]
    if kind == "L":
        return len(left) == len(right) and all(map(equal, left, right))
    if kind == "M":
        return left.keys() == right.keys() and all(equal(member, right[name]) for name, member in left.items())
    if kind in ("SS", "NS", "BS"):
        return len(left) == len(right) and set(left) == set(right)
    return False


def compare(a: Value, b: Value) -> int | None:
    """-1, 0, 1; None where the two have no order: other types than S, N and B, or two different ones."""
    if "S" in a:
        if "S" not in b:
            return None
        return _three_way(a["S"].encode(), b["S"].encode())
    if "N" in a:
        return numbers.compare(a["N"], b["N"]) if "N" in b else None
    if "B" in a and "B" in b:
        return _three_way(a2b_base64(a["B"]), a2b_base64(b["B"]))
    return None


def _three_way(a: bytes, b: bytes) -> int:
    return (a > b) - (a < b)


def sort_bytes(value: Value) -> bytes:
    """Bytes of an S, N or B in canonical form that compare as values of that type do."""
    ((kind, content),) = value.items()
    if kind == "S":
        return content.encode()
    if kind == "N":
        return numbers.sort_bytes(content)
    if kind == "B":
        return a2b_base64(content)
    raise ValueError(f"{kind} has no order")
