"""What a message may contain, how large it is, and the digests by which clients check what arrived.

Sources: Amazon SQS Developer Guide, "Amazon SQS message quotas" and "Amazon SQS message metadata" (attribute rules and
the MD5 calculation of message attributes); Amazon SQS API Reference, "SendMessage" and "MessageAttributeValue".
"""

import re
from decimal import Decimal, InvalidOperation
from hashlib import md5
from typing import Any

from .errors import InvalidMessageContents, InvalidParameterValue, missing
from .tables import Attribute

MAX_ATTRIBUTES = 10
TRACE_HEADER = "AWSTraceHeader"

_CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 13))
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_RESERVED = ("aws.", "amazon.")
_KINDS = ("String", "Number", "Binary")
_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_TRACE = re.compile(r"\S+(;\s*\S+)*")
_LOW, _HIGH = Decimal("-1E128"), Decimal("1E126")
_DIGITS = 38


def body_bytes(body: str | None) -> bytes:
    """The body as bytes. Raises InvalidMessageContents on a character that XML does not know."""
    if not body:
        raise missing("MessageBody")
    if body.isascii():
        raw = body.encode()
        if len(raw.translate(None, _CONTROLS)) == len(raw):
            return raw
    return checked(body)


def checked(text: str) -> bytes:
    if _FORBIDDEN.search(text):
        raise InvalidMessageContents(
            "Invalid characters found. Valid unicode characters are "
            "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        )
    return text.encode()


def digest(raw: bytes) -> str:
    return md5(raw, usedforsecurity=False).hexdigest()


def read_attributes(given: dict[str, dict[str, Any]]) -> dict[str, Attribute]:
    """A message's attributes, checked one by one."""
    if len(given) > MAX_ATTRIBUTES:
        raise InvalidParameterValue(f"Number of message attributes [{len(given)}] exceeds the allowed maximum [10].")
    found = {}
    for name, value in given.items():
        _check_name(name)
        found[name] = _read_value(name, value, "user")
    return found


def read_trace(given: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Attribute]]:
    """The one system attribute a sender may give, and the map its digest is made of."""
    found = {}
    for name, value in given.items():
        if name != TRACE_HEADER:
            raise InvalidParameterValue(
                f"Message system attribute name '{name}' is invalid. "
                "The only message system attribute that can be set is AWSTraceHeader."
            )
        attribute = found[name] = _read_value(name, value, "system")
        if attribute.type != "String" or attribute.text is None or not _TRACE.fullmatch(attribute.text):
            raise InvalidParameterValue(f"The message system attribute '{name}' must be a String: a trace header.")
    trace = found[TRACE_HEADER].text if found else None
    return trace or "", found


def _check_name(name: str) -> None:
    if not name or len(name) > 256:
        raise InvalidParameterValue("Message (user) attribute name must be between 1 and 256 characters long.")
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            f"The message attribute name '{name}' is invalid. "
            "Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters."
        )
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise InvalidParameterValue(
            f"The message attribute name '{name}' is invalid. It can't start or end with a period, "
            "nor have two in a row."
        )
    if name.lower().startswith(_RESERVED):
        raise InvalidParameterValue(
            f"The message attribute name '{name}' is invalid. Names starting with 'AWS.' or 'Amazon.' are reserved."
        )


def _read_value(name: str, value: dict[str, Any], kind: str) -> Attribute:
    type_ = value.get("DataType")
    if not type_:
        raise InvalidParameterValue(f"The message attribute '{name}' must contain non-empty message attribute type.")
    logical, _, label = type_.partition(".")
    if logical not in _KINDS or len(type_) > 256 or (label and not _NAME.fullmatch(label)) or type_.endswith("."):
        raise InvalidParameterValue(
            f"The message attribute '{name}' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String."
        )
    for unsupported in ("StringListValues", "BinaryListValues"):
        if value.get(unsupported):
            raise InvalidParameterValue(
                f"Message attribute list values in SendMessage operation are not supported ({unsupported})."
            )
    text, binary = value.get("StringValue"), value.get("BinaryValue")
    if (text is not None and binary is not None) or (logical == "Binary") != (binary is not None and text is None):
        if text is None and binary is None:
            raise _empty(name, type_)
        raise InvalidParameterValue(
            f"The message attribute '{name}' with type '{type_}' must use field "
            f"'{'Binary' if logical == 'Binary' else 'String'}'."
        )
    if not text and not binary:
        raise _empty(name, type_)
    if text is not None:
        checked(text)
        if logical == "Number":
            _check_number(name, text, kind)
    return Attribute(type_, text, binary)


def _empty(name: str, type_: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"The message attribute '{name}' must contain non-empty message attribute value "
        f"for message attribute type '{type_}'."
    )


def _check_number(name: str, text: str, kind: str) -> None:
    """Up to 38 digits, between -10^128 and 10^126."""
    try:
        number = Decimal(text.strip())
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        good = number.is_finite() and _LOW <= number <= _HIGH and len(digits) <= _DIGITS
    except InvalidOperation:
        good = False
    if not good:
        raise InvalidParameterValue(f"Can't cast the value of message ({kind}) attribute '{name}' to a number.")


def attributes_size(attributes: dict[str, Attribute]) -> int:
    """Names, types and values count towards the message's size."""
    size = 0
    for name, attribute in attributes.items():
        size += len(name.encode()) + len(attribute.type.encode()) + len(_value(attribute))
    return size


def attributes_digest(attributes: dict[str, Attribute]) -> str:
    """By name: length and bytes of name and type, a byte for the transport type, length and bytes of the value."""
    state = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for raw in (name.encode(), attribute.type.encode()):
            state.update(len(raw).to_bytes(4, "big") + raw)
        value = _value(attribute)
        state.update((b"\x02" if attribute.text is None else b"\x01") + len(value).to_bytes(4, "big") + value)
    return state.hexdigest()


def _value(attribute: Attribute) -> bytes:
    return attribute.text.encode() if attribute.text is not None else attribute.binary or b""


def wanted_attributes(attributes: dict[str, Attribute], names: list[str]) -> dict[str, Attribute]:
    """Those that a receiver asked for: by name, by prefix (`bar.*`), or all (`All`, `.*`)."""
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {name: a for name, a in attributes.items() if name in names or (prefixes and name.startswith(prefixes))}


def answered(attributes: dict[str, Attribute]) -> dict[str, dict[str, Any]]:
    """In the model's terms."""
    return {
        name: {"DataType": a.type, **({"StringValue": a.text} if a.text is not None else {"BinaryValue": a.binary})}
        for name, a in attributes.items()
    }


def check_id(value: str, parameter: str) -> str:
    """A MessageGroupId or MessageDeduplicationId."""
    if not _ID.fullmatch(value):
        raise InvalidParameterValue(
            f"Value {value} for parameter {parameter} is invalid. "
            f"Reason: {parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
    return value
