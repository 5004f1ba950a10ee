"""Attribute values as they come in: checked and brought to their one canonical form, in one walk.

In canonical form two equal values are equal dictionaries: numbers have one text, binary one base64, sets one order.
Source: Amazon DynamoDB API Reference, "AttributeValue"; Developer Guide, "Supported data types and naming rules in
Amazon DynamoDB", "Quotas in Amazon DynamoDB" (nested attribute depth).
"""

import binascii
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..errors import Invalid, Malformed
from . import numbers

Value = dict[str, Any]
Item = dict[str, Value]

LEVELS_MAX = 32
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
NAME_BYTES_MAX = 65_535
_SURELY_SHORT = NAME_BYTES_MAX // 4
"""A name of so many characters cannot have too many bytes."""


def checked_item(raw: Any) -> Item:
    """Attributes by name, each in canonical form. Raises Malformed and Invalid; `raw` stays as it was."""
    if raw.__class__ is not dict:
        raise _mismatch(raw, "Map")
    item: Item = {}
    for name, value in raw.items():
        if not name or len(name) > _SURELY_SHORT:
            check_name(name)
        if value.__class__ is dict and len(value) == 1:
            ((kind, content),) = value.items()
            if content.__class__ is str:
                if kind == "S":
                    item[name] = value
                    continue
                if kind == "N":
                    text = numbers.canonical(content)
                    item[name] = value if text is content else {"N": text}
                    continue
        elif value is None:
            raise Invalid(f"The supplied Item contains a null AttributeValue: {name} is null")
        item[name] = checked_value(value)
    return item


def checked_value(raw: Any, depth: int = 0) -> Value:
    """One value in canonical form; `depth` lists and maps are around it. Raises Malformed and Invalid."""
    if raw.__class__ is not dict:
        raise _mismatch(raw, "AttributeValue")
    if len(raw) == 1:
        ((kind, content),) = raw.items()
        check = _CHECKS.get(kind)
        if check is not None and content is not None:
            checked = check(content, depth)
            return raw if checked is content else {kind: checked}
    present = [(kind, content) for kind, content in raw.items() if content is not None and kind in _CHECKS]
    if len(present) != 1:
        if not present:
            raise Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
        for kind, content in present:
            _CHECKS[kind](content, depth)
        raise Invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
        )
    kind, content = present[0]
    return {kind: _CHECKS[kind](content, depth)}


def check_name(name: str) -> None:
    """Raises Invalid for an attribute's name that is empty or longer than 65,535 bytes."""
    if not name:
        raise Invalid("Empty attribute name")
    if len(name) > _SURELY_SHORT and len(name.encode()) > NAME_BYTES_MAX:
        raise Invalid("Attribute name is too large, must be less than 65536 bytes")


_JAVA = {
    "String": "class java.lang.String",
    "Boolean": "class java.lang.Boolean",
    "ByteBuffer": "class java.nio.ByteBuffer",
    "AttributeValue": "class com.amazonaws.dynamodb.v20120810.AttributeValue",
    "Map": "java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
}


def _mismatch(value: Any, wanted: str) -> Malformed:
    """AWS's words for JSON of the wrong type; `wanted` is a key of `_JAVA`, or "List"."""
    kind = value.__class__
    if kind is dict:
        return Malformed("Start of structure or map found where not expected")
    if kind is list:
        return Malformed(f"Unrecognized collection type {_JAVA[wanted]}")
    if wanted == "AttributeValue":
        return Malformed("Unexpected value type in payload")
    if wanted in ("Map", "List"):
        return Malformed("Unexpected field type")
    if wanted == "ByteBuffer":
        return Malformed("only base-64-encoded strings are convertible to bytes")
    if kind is bool:
        return Malformed(f"{'TRUE' if value else 'FALSE'}_VALUE cannot be converted to {wanted}")
    if kind is str:
        return Malformed("Unexpected token received from parser")
    if kind is float:
        return Malformed(f"DECIMAL_VALUE cannot be converted to {wanted}")
    return Malformed(f"NUMBER_VALUE cannot be converted to {wanted}")


def _string(content: Any, depth: int) -> str:
    if content.__class__ is not str:
        raise _mismatch(content, "String")
    return content


def _number(content: Any, depth: int) -> str:
    return numbers.canonical(_string(content, depth))


def _binary(content: Any, depth: int) -> str:
    """Base64 text in its one form: padded, without a stray bit or character."""
    if content.__class__ is not str:
        raise _mismatch(content, "ByteBuffer")
    if len(content) % 4:
        raise Malformed(f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(content)}")
    try:
        decoded = binascii.a2b_base64(content, strict_mode=True)
    except ValueError:
        stray = _NOT_BASE64.search(content)
        if stray is not None:
            raise Malformed(f"Invalid Base64 character: '{stray.group()}'") from None
        decoded = b""
    if binascii.b2a_base64(decoded, newline=False).decode() != content:
        raise Malformed("Invalid last non-pad Base64 character dectected")
    return content


def _boolean(content: Any, depth: int) -> bool:
    if content.__class__ is not bool:
        raise _mismatch(content, "Boolean")
    return content


def _null(content: Any, depth: int) -> bool:
    if not _boolean(content, depth):
        raise Invalid(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    return True


def _members(content: Any, check: Callable[[Any, int], str], word: str, empty: str) -> list[str]:
    if content.__class__ is not list:
        raise _mismatch(content, "List")
    if not content:
        raise Invalid(f"One or more parameter values were invalid: {empty}")
    if None in content:
        raise Invalid(
            f"One or more parameter values were invalid: An {word} set may not have a null {word} as a member"
        )
    return [check(member, 0) for member in content]


def _strings(content: Any, depth: int) -> list[str]:
    members = _members(content, _string, "string", "An string set  may not be empty")
    if len(set(members)) != len(members):
        raise _doubled(f"[{', '.join(_quoted('SS', members))}]")
    return sorted_set("SS", members)


def _numbers(content: Any, depth: int) -> list[str]:
    members = _members(content, _number, "number", "An number set  may not be empty")
    if len(set(members)) != len(members):
        raise _doubled("")
    return sorted_set("NS", members)


def _binaries(content: Any, depth: int) -> list[str]:
    members = _members(content, _binary, "binary", "Binary sets should not be empty")
    if len(set(members)) != len(members):
        raise _doubled(f"[{','.join(_quoted('BS', members))}]of type BS")
    return sorted_set("BS", members)


def _doubled(members: str) -> Invalid:
    collection = f"Input collection {members}".rstrip()
    return Invalid(f"One or more parameter values were invalid: {collection} contains duplicates.")


def _quoted(kind: str, members: list[str]) -> list[str]:
    """As AWS lists them: in byte order up to the first that comes again, then the rest as sent."""
    seen: set[str] = set()
    for member in members:
        if member in seen:
            break
        seen.add(member)
    first = len(seen)
    return [f'"{member}"' for member in (*sorted_set(kind, members[:first]), *members[first:])]


def sorted_set(kind: str, members: list[str]) -> list[str]:
    """The members of a set in their one order."""
    if kind == "NS":
        return sorted(members, key=Decimal)
    return sorted(members, key=str.encode if kind == "SS" else binascii.a2b_base64)


def _deeper(depth: int) -> int:
    if depth + 1 >= LEVELS_MAX:
        raise Invalid(
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond "
            "supported limit"
        )
    return depth + 1


def _list(content: Any, depth: int) -> list[Value]:
    if content.__class__ is not list:
        raise _mismatch(content, "List")
    depth = _deeper(depth)
    if None in content:
        raise Invalid("The supplied Item contains a null AttributeValue")
    return [checked_value(member, depth) for member in content]


def _map(content: Any, depth: int) -> Item:
    if content.__class__ is not dict:
        raise _mismatch(content, "Map")
    depth = _deeper(depth)
    found: Item = {}
    for name, member in content.items():
        check_name(name)
        if member is None:
            raise Invalid(f"The supplied Item contains a null AttributeValue: {name} is null")
        found[name] = checked_value(member, depth)
    return found


_CHECKS: dict[str, Callable[[Any, int], Any]] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _strings,
    "NS": _numbers,
    "BS": _binaries,
    "L": _list,
    "M": _map,
}
