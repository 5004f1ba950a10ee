"""JSON values to shapes and back, compiled once a shape; shared by the json and rest-json protocols.

The texts of the errors are the ones DynamoDB and SQS answer with ("NUMBER_VALUE cannot be converted to String").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson

from pileus.base.errors import SerializationError
from pileus.model import Member, Shape
from pileus.wire import scalars, timestamps

FromJson = Callable[[Any], Any]
ToJson = Callable[[Any], Any]

_INTEGERS = scalars.RANGES
_JAVA = {"boolean": "Boolean", "string": "String", "float": "Float", "double": "Double", "integer": "Integer",
         "long": "Long", "timestamp": "Timestamp", "blob": "ByteBuffer"}  # fmt: skip


def mismatch(value: Any, wanted: str) -> SerializationError:
    """AWS's words for a value of the wrong kind."""
    kind = value.__class__
    if kind is dict:
        return SerializationError("Start of structure or map found where not expected.")
    if kind is list:
        return SerializationError("Start of list found where not expected")
    if kind is bool:
        return SerializationError(f"{'TRUE' if value else 'FALSE'}_VALUE cannot be converted to {wanted}")
    if kind is str:
        return SerializationError(f"STRING_VALUE cannot be converted to {wanted}")
    if value is None:
        return SerializationError("NULL_VALUE found where not expected")
    if kind is float:
        return SerializationError(f"DECIMAL_VALUE cannot be converted to {wanted}")
    return SerializationError(f"NUMBER_VALUE cannot be converted to {wanted}")


def parse(body: bytes) -> Any:
    """Raises SerializationError. Of a doubled key the last counts."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise SerializationError("The request body is not valid JSON") from None


def _string(value: Any) -> str:
    if value.__class__ is not str:
        raise mismatch(value, "String")
    return value


def _boolean(value: Any) -> bool:
    if value.__class__ is not bool:
        raise mismatch(value, "Boolean")
    return value


def _integer(kind: str) -> FromJson:
    low, high = _INTEGERS[kind]
    wanted = _JAVA.get(kind, kind.title())

    def read(value: Any) -> int:
        if value.__class__ is not int:
            if value.__class__ is float and value.is_integer():
                value = int(value)
            else:
                raise mismatch(value, wanted)
        if not low <= value <= high:
            raise SerializationError(f"NUMBER_VALUE is out of the range of {wanted}")
        return value

    return read


def _float(value: Any) -> float:
    if value.__class__ is float:
        return value
    if value.__class__ is int:
        return float(value)
    if value.__class__ is str and value in scalars.SPECIAL_FLOATS:
        return scalars.SPECIAL_FLOATS[value]
    raise mismatch(value, "Double")


def _big_integer(value: Any) -> int:
    if value.__class__ is int:
        return value
    if value.__class__ is float and value.is_integer():
        return int(value)
    raise mismatch(value, "BigInteger")


def _blob(value: Any) -> bytes:
    if value.__class__ is not str:
        raise mismatch(value, "ByteBuffer")
    try:
        return scalars.from_base64(value)
    except ValueError:
        raise SerializationError("A binary value is not valid base64") from None


def _timestamp(form: str) -> FromJson:
    parse_text = {"iso8601": timestamps.parse_iso, "rfc822": timestamps.parse_http}.get(form, timestamps.parse_any)

    def read(value: Any) -> float:
        try:
            if value.__class__ is str:
                return parse_text(value)
            if value.__class__ is int or value.__class__ is float:
                return timestamps.checked(float(value))
        except (ValueError, OverflowError):
            raise SerializationError("A timestamp cannot be read") from None
        raise mismatch(value, "Timestamp")

    return read


class JsonReader:
    """Makes functions from parsed JSON to the model's values."""

    def __init__(self, timestamp_format: str = "unixTimestamp"):
        self.timestamp_format = timestamp_format
        self._structures: dict[str, list[FromJson]] = {}

    def value(self, member: Member) -> FromJson:
        shape = member.shape
        kind = shape.type
        if shape.document:
            return scalars.identity
        if kind == "structure":
            return self.structure(shape)
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        if kind == "timestamp":
            return _timestamp(member.timestamp_format or self.timestamp_format)
        if kind in _INTEGERS:
            return _integer(kind)
        return {
            "boolean": _boolean, "float": _float, "double": _float, "bigdecimal": _float, "bigint": _big_integer,
            "blob": _blob,
        }.get(kind, _string)  # fmt: skip

    def structure(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> FromJson:
        if not leave_out:
            known = self._structures.get(shape.name)
            if known is not None:
                return known[0] if known else lambda value: known[0](value)
        slot: list[FromJson] = []
        if not leave_out:
            self._structures[shape.name] = slot
        table = {
            member.location_name or name: (name, self.value(member))
            for name, member in shape.members.items()
            if name not in leave_out
        }
        wanted = table.get

        def read(value: Any) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise _not_a_structure(value)
            found: dict[str, Any] = {}
            for key, below in value.items():
                if below is not None:
                    entry = wanted(key)
                    if entry is not None:
                        found[entry[0]] = entry[1](below)
            return found

        slot.append(read)
        return read

    def _list(self, shape: Shape) -> FromJson:
        item = self.value(shape.member)
        sparse = bool(shape.raw.get("sparse"))

        def read(value: Any) -> list[Any]:
            if value.__class__ is not list:
                raise _not_a_list(value)
            if None in value and not sparse:
                value = [below for below in value if below is not None]
            return [item(below) if below is not None else None for below in value]

        return read

    def _map(self, shape: Shape) -> FromJson:
        item = self.value(shape.value)
        sparse = bool(shape.raw.get("sparse"))

        def read(value: Any) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise _not_a_structure(value)
            return {
                key: item(below) if below is not None else None
                for key, below in value.items()
                if below is not None or sparse
            }

        return read


def _not_a_structure(value: Any) -> SerializationError:
    if value.__class__ is list:
        return SerializationError("Start of list found where not expected")
    return SerializationError("Unexpected value type in payload" if value is None else "Expected map or null")


def _not_a_list(value: Any) -> SerializationError:
    if value.__class__ is dict:
        return SerializationError("Start of structure or map found where not expected.")
    return SerializationError("Expected list or null")


class JsonWriter:
    """Makes functions from the model's values to what orjson can write. `None` means: as it is."""

    def __init__(self, timestamp_format: str = "unixTimestamp"):
        self.timestamp_format = timestamp_format
        self._structures: dict[str, list[ToJson | None]] = {}

    def value(self, member: Member) -> ToJson | None:
        shape = member.shape
        kind = shape.type
        if shape.document:
            return None
        if kind == "structure":
            return self.structure(shape)
        if kind in ("list", "map"):
            return self._many(self.value(shape.member if kind == "list" else shape.value), kind == "list")
        if kind == "blob":
            return _encode_blob
        if kind == "timestamp":
            wanted = member.timestamp_format or self.timestamp_format
            return timestamps.epoch if wanted == "unixTimestamp" else scalars.writer(member, wanted)
        if kind in ("float", "double", "bigdecimal"):
            return _encode_float
        if kind == "bigint":
            return _encode_big_integer
        return None

    def _many(self, item: ToJson | None, is_list: bool) -> ToJson | None:
        if item is None:
            return None
        one = item
        if is_list:
            return lambda values: [None if v is None else one(v) for v in values]
        return lambda values: {k: None if v is None else one(v) for k, v in values.items()}

    def structure(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> ToJson | None:
        known = self._structures.get(shape.name) if not leave_out else None
        if known is not None:
            if known:
                return known[0]
            found = known  # a shape that holds itself: whether it needs work is known only when it runs
            return lambda value: value if found[0] is None else found[0](value)
        slot: list[ToJson | None] = []
        if not leave_out:
            self._structures[shape.name] = slot
        renamed = {n: m.location_name for n, m in shape.members.items() if m.location_name and m.location_name != n}
        work = {n: self.value(m) for n, m in shape.members.items() if n not in leave_out}
        if not renamed and not leave_out and not any(work.values()):
            slot.append(None)
            return None
        table = {n: (renamed.get(n, n), one) for n, one in work.items()}

        def write(value: dict[str, Any]) -> dict[str, Any]:
            made: dict[str, Any] = {}
            for name, below in value.items():
                if name not in leave_out:
                    key, one = table[name]
                    made[key] = below if one is None else one(below)
            return made

        slot.append(write)
        return write


def _encode_blob(value: Any) -> str:
    return scalars.to_base64(value if not isinstance(value, str) else value.encode())


def _encode_float(value: float) -> float | str:
    return value if math.isfinite(value) else scalars.text_of_float(value)


def _encode_big_integer(value: int) -> int | float:
    return value if -(2**63) <= value < 2**64 else float(value)
