"""What a form's signed policy lets it send. Pure: no store, no clock.

Source: Amazon S3 API Reference, "Creating a POST policy" ("Expiration", "Condition matching", "Conditions").
"""

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from ..errors import S3Error, access_denied

FREE = frozenset({"policy", "x-amz-signature", "awsaccesskeyid", "signature", "file", "submit"})
"""Fields that no condition need name, beside those that begin with x-ignore-."""
_EXPIRES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Bounds(NamedTuple):
    """How many bytes the file may have."""

    least: int = 0
    most: int | None = None


def check(encoded: str, fields: dict[str, str], key: str, bucket: str, machine: float) -> Bounds:
    """`fields` by lower-case name; `key` with its ${filename} filled in. Raises S3's error."""
    policy = _read(encoded)
    if _expires(policy) <= machine:
        raise _denied("Policy expired.")
    held = {**fields, "key": key, "bucket": bucket}
    named: set[str] = set()
    bounds = Bounds()
    conditions = policy.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Invalid 'conditions' value")
    for condition in conditions:
        if isinstance(condition, list) and condition and _word(condition[0]) == "content-length-range":
            bounds = _both(bounds, _range(condition))
            continue
        for how, name, wanted in _conditions(condition):
            named.add(name)
            if not _holds(how, name, held.get(name, ""), wanted):
                raise _denied(f"Policy Condition failed: {orjson.dumps(_shown(how, name, wanted, condition)).decode()}")
    for name in fields:
        if name not in named and name not in FREE and not name.startswith("x-ignore-"):
            raise _denied(f"Extra input fields: {name}")
    return bounds


def _read(encoded: str) -> dict[str, Any]:
    try:
        text = b64decode(encoded, validate=True)
    except ValueError:
        raise _invalid("Invalid Base64 Encoding") from None
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _invalid("Invalid JSON") from None
    if not isinstance(policy, dict):
        raise _invalid("Invalid JSON")
    return policy


def _expires(policy: dict[str, Any]) -> float:
    text = policy.get("expiration")
    if text is None:
        raise _invalid("Policy missing expiration.")
    if not isinstance(text, str) or not _EXPIRES.fullmatch(text):
        raise _invalid(f"Invalid 'expiration' value: '{text}'")
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from None


def _conditions(condition: Any) -> list[tuple[str, str, str]]:
    """(eq or starts-with, the field's lower-case name, the value)."""
    if isinstance(condition, dict):
        if len(condition) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        name, value = next(iter(condition.items()))
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return [("eq", name.lower(), value)]
    if not isinstance(condition, list) or len(condition) != 3 or not all(isinstance(one, str) for one in condition):
        raise _invalid("Invalid Condition: Conditions must have exactly three string elements.")
    how, name, value = condition
    if _word(how) not in ("eq", "starts-with") or not name.startswith("$"):
        raise _invalid(f"Invalid Condition: unknown operation '{how}'.")
    return [(_word(how), name[1:].lower(), value)]


def _holds(how: str, name: str, held: str, wanted: str) -> bool:
    if how == "eq":
        return held == wanted
    # A content type with commas is a list, each of which must fit.
    values = [value.strip() for value in held.split(",")] if name == "content-type" else [held]
    return all(value.startswith(wanted) for value in values)


def _shown(how: str, name: str, wanted: str, condition: Any) -> list[str]:
    """As S3 shows it: always in the long form."""
    return [how, f"${name}", wanted] if isinstance(condition, dict) else [how, condition[1], wanted]


def _range(condition: list[Any]) -> Bounds:
    try:
        _, least, most = condition
        return Bounds(int(least), int(most))
    except (ValueError, TypeError):
        raise _invalid("Invalid content-length-range: it must have two whole numbers.") from None


def _both(one: Bounds, other: Bounds) -> Bounds:
    """Every condition must hold."""
    most = [bound for bound in (one.most, other.most) if bound is not None]
    return Bounds(max(one.least, other.least), min(most) if most else None)


def _word(text: Any) -> str:
    return text.lower() if isinstance(text, str) else ""


def _denied(message: str) -> S3Error:
    return access_denied(f"Invalid according to Policy: {message}")


def _invalid(message: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", 400, f"Invalid Policy: {message}")
