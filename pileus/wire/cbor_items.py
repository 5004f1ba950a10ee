"""CBOR (RFC 8949) to plain values and back: what Smithy's RPC v2 needs of it, and nothing that could surprise.

Our own because the tags of a general library (references, regular expressions, addresses) are doors nobody needs here.
"""

from __future__ import annotations

import math
import struct
from typing import Any

DEEPEST = 128


class MalformedCbor(ValueError):
    """The bytes are no CBOR that the protocol allows."""


_BREAK = object()
_HALF, _SINGLE, _DOUBLE = struct.Struct(">e"), struct.Struct(">f"), struct.Struct(">d")


def parse(data: bytes) -> Any:
    """The one item in the bytes: numbers, str, bytes, bool, None, list and dict. Raises MalformedCbor."""
    try:
        value, at = _item(data, 0, 0)
    except (IndexError, struct.error):
        raise MalformedCbor("The CBOR ends too early") from None
    except UnicodeDecodeError:
        raise MalformedCbor("The CBOR holds a text that is not valid UTF-8") from None
    if value is _BREAK or at != len(data):
        raise MalformedCbor("The body is not one CBOR item")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    first = data[at]
    major, info = first >> 5, first & 31
    if major == 7:
        return _simple(data, at + 1, info)
    argument, at = (info, at + 1) if info < 24 else _argument(data, at + 1, info, major)
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major < 4:
        return _string(data, at, major, argument)
    if depth >= DEEPEST:
        raise MalformedCbor("The CBOR is nested too deeply")
    if major == 4:
        return _array(data, at, argument, depth + 1)
    if major == 5:
        return _map(data, at, argument, depth + 1)
    return _tagged(data, at, argument, depth + 1)


def _argument(data: bytes, at: int, info: int, major: int) -> tuple[int, int]:
    """-1 stands for an indefinite length."""
    if info < 28:
        size = 1 << (info - 24)
        if at + size > len(data):
            raise MalformedCbor("The CBOR ends too early")
        return int.from_bytes(data[at : at + size], "big"), at + size
    if info == 31 and 2 <= major <= 5:
        return -1, at
    raise MalformedCbor("The CBOR has an unknown additional information")


def _string(data: bytes, at: int, major: int, length: int) -> tuple[Any, int]:
    if length >= 0:
        end = at + length
        if end > len(data):
            raise MalformedCbor("The CBOR ends too early")
        return (data[at:end] if major == 2 else data[at:end].decode()), end
    pieces: list[Any] = []
    while data[at] != 0xFF:
        if data[at] >> 5 != major or data[at] & 31 == 31:
            raise MalformedCbor("The CBOR has a string of unlike pieces")
        piece, at = _item(data, at, 0)
        pieces.append(piece)
    return (b"" if major == 2 else "").join(pieces), at + 1


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while count < 0 or len(found) < count:
        value, at = _item(data, at, depth)
        if value is _BREAK:
            if count >= 0:
                raise MalformedCbor("The CBOR has a break where none may be")
            break
        found.append(value)
    return found, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    left = count
    while left:
        left -= 1
        key, at = _item(data, at, depth)
        if key is _BREAK and count < 0:
            break
        if key.__class__ is not str:
            raise MalformedCbor("The CBOR has a map key that is not a text")
        value, at = _item(data, at, depth)
        if value is _BREAK:
            raise MalformedCbor("The CBOR has a break where none may be")
        found[key] = value
    return found, at


def _tagged(data: bytes, at: int, tag: int, depth: int) -> tuple[Any, int]:
    """Moments and big numbers; a tag without a meaning here is its value."""
    value, at = _item(data, at, depth)
    if value is _BREAK:
        raise MalformedCbor("The CBOR has a break where none may be")
    if tag in (2, 3):
        if value.__class__ is not bytes or len(value) > 1024:
            raise MalformedCbor("The CBOR has a big number that cannot be read")
        whole = int.from_bytes(value, "big")
        return (whole if tag == 2 else -1 - whole), at
    if tag == 4:
        return _decimal(value), at
    if tag == 1 and value.__class__ not in (int, float):
        raise MalformedCbor("The CBOR has a moment that is not a number")
    return value, at


def _decimal(parts: Any) -> float:
    if parts.__class__ is not list or [part.__class__ for part in parts] != [int, int] or abs(parts[0]) > 400:
        raise MalformedCbor("The CBOR has a decimal that cannot be read")
    try:
        return float(f"{parts[1]}e{parts[0]}")
    except ValueError:  # more digits than Python reads
        raise MalformedCbor("The CBOR has a decimal that cannot be read") from None


def _simple(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info == 20 or info == 21:
        return info == 21, at
    if info == 22 or info == 23:
        return None, at
    if info == 25:
        return _HALF.unpack_from(data, at)[0], at + 2
    if info == 26:
        return _SINGLE.unpack_from(data, at)[0], at + 4
    if info == 27:
        return _DOUBLE.unpack_from(data, at)[0], at + 8
    if info == 31:
        return _BREAK, at
    raise MalformedCbor("The CBOR has an unknown simple value")


# ---- writing


def head(major: int, argument: int) -> bytes:
    """An item's first bytes."""
    first = major << 5
    if argument < 24:
        return bytes((first | argument,))
    if argument < 0x100:
        return bytes((first | 24, argument))
    if argument < 0x10000:
        return bytes((first | 25,)) + argument.to_bytes(2, "big")
    if argument < 0x100000000:
        return bytes((first | 26,)) + argument.to_bytes(4, "big")
    return bytes((first | 27,)) + argument.to_bytes(8, "big")


def integer(value: int) -> bytes:
    if -(2**64) <= value < 2**64:
        return head(0, value) if value >= 0 else head(1, -1 - value)
    magnitude = value if value >= 0 else -1 - value
    return (b"\xc2" if value >= 0 else b"\xc3") + blob(magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big"))


def blob(value: bytes) -> bytes:
    return head(2, len(value)) + value


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return head(3, len(raw)) + raw


def boolean(value: Any) -> bytes:
    return b"\xf5" if value else b"\xf4"


def single(value: float) -> bytes:
    try:
        return b"\xfa" + _SINGLE.pack(value)
    except OverflowError:
        return double(math.copysign(math.inf, value))


def double(value: float) -> bytes:
    return b"\xfb" + _DOUBLE.pack(value)


def moment(value: float) -> bytes:
    """Epoch seconds, to the millisecond."""
    rounded = round(value, 3)
    return b"\xc1" + (integer(int(rounded)) if rounded == int(rounded) else double(rounded))


NULL = b"\xf6"
