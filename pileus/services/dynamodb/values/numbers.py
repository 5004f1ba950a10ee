"""Numbers of 38 significant digits: their one canonical text, exact sums, and bytes that sort as they do.

Source: Amazon DynamoDB Developer Guide, "Supported data types and naming rules in Amazon DynamoDB" (Number).
"""

import re
from decimal import Context, Decimal

from ..errors import Invalid

DIGITS_MAX = 38
EXPONENT_MAX = 125
EXPONENT_MIN = -130

_SHORT = 18
"""Up to so many characters an integer needs no judging: neither its digits nor its magnitude can be too many."""
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_LONG_MAX = 2**63 - 1
_EXPONENT_LENGTH_MAX = 40
_EXACT = Context(prec=300, Emax=9999, Emin=-9999)
"""Wide enough for the sum of the largest and the smallest number there is."""


def unreadable(text: str) -> Invalid:
    return Invalid(f"The parameter cannot be converted to a numeric value: {text}")


def overflow() -> Invalid:
    return Invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")


def canonical(text: str) -> str:
    """A number as DynamoDB prints it: no exponent, no plus, no zeros that say nothing. Equal numbers, equal texts.

    Raises Invalid.
    """
    if text.isdigit() and text.isascii() and len(text) <= DIGITS_MAX and text[0] != "0":
        return text
    sign, digits, exponent = _parts(text)
    if exponent > EXPONENT_MAX:
        raise overflow()
    if exponent < EXPONENT_MIN:
        raise Invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if not digits:
        return "0"
    if len(digits) > DIGITS_MAX:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    whole = exponent + 1
    if whole >= len(digits):
        return sign + digits + "0" * (whole - len(digits))
    if whole > 0:
        return f"{sign}{digits[:whole]}.{digits[whole:]}"
    return f"{sign}0.{'0' * -whole}{digits}"


def _parts(text: str) -> tuple[str, str, int]:
    """Sign, significant digits (none for zero) and the power of ten of the first of them.

    Zero is judged by the exponent that it is written with, as AWS does (paritysuite/dynamodb-conformance,
    numberExponent).
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise unreadable(text)
    sign, whole, fraction, power = match.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        raise unreadable(text)
    digits = (whole + fraction).lstrip("0")
    exponent = len(digits) - len(fraction) - 1
    digits = digits.rstrip("0")
    shift = 0
    if power is not None:
        shift = int(power) if len(power) <= _EXPONENT_LENGTH_MAX else _LONG_MAX + 1
        if not -_LONG_MAX - 1 <= shift <= _LONG_MAX:
            raise unreadable(text)
    if not digits:
        return "", "", shift
    exponent += shift
    return "-" if sign == "-" else "", digits, exponent


def add(a: str, b: str) -> str:
    """The exact sum of two canonical numbers; Invalid where it needs more than 38 digits or is too large."""
    if len(a) <= _SHORT and len(b) <= _SHORT and "." not in a and "." not in b:
        return str(int(a) + int(b))
    return _kept(_EXACT.add(Decimal(a), Decimal(b)))


def subtract(a: str, b: str) -> str:
    """The exact difference of two canonical numbers; Invalid as for `add`."""
    if len(a) <= _SHORT and len(b) <= _SHORT and "." not in a and "." not in b:
        return str(int(a) - int(b))
    return _kept(_EXACT.subtract(Decimal(a), Decimal(b)))


def _kept(total: Decimal) -> str:
    """A sum as it is stored. Of one that needs too many digits AWS says, strangely, that it is too large."""
    if not total:
        return "0"
    if len(total.normalize(_EXACT).as_tuple().digits) > DIGITS_MAX:
        raise overflow()
    return canonical(str(total))


def compare(a: str, b: str) -> int:
    """-1, 0 or 1 for two canonical numbers."""
    if a == b:
        return 0
    if len(a) <= _SHORT and len(b) <= _SHORT and "." not in a and "." not in b:
        return -1 if int(a) < int(b) else 1
    return -1 if Decimal(a) < Decimal(b) else 1


def size(text: str) -> int:
    """Bytes that a canonical number counts for: one for two significant digits, before and behind the point each, and
    one; one more for a sign.

    The guide has it roughly ("DynamoDB item sizes and formats"); to the byte it is as measured against AWS by
    paritysuite/dynamodb-conformance (numberByteSize, 2026-08).
    """
    whole, _, fraction = text.lstrip("-").partition(".")
    if fraction:
        significant = fraction if whole != "0" else fraction.lstrip("0")
        digits = (len(whole.lstrip("0")) + 1) // 2 + (len(significant) + 1) // 2
    else:
        digits = (len(whole.rstrip("0")) + 1) // 2
    return digits + (2 if text[0] == "-" else 1)


_NEGATIVE, _ZERO, _POSITIVE = b"\x01", b"\x02", b"\x03"
_MIRROR = bytes(0xFE - byte if byte < 0xFF else 0xFF for byte in range(256))
_END = b"\xff"
"""Ends a negative number: of two where one's digits begin the other's, the shorter is the greater."""
_EXPONENT_BYTES = [bytes([exponent - EXPONENT_MIN]) for exponent in range(EXPONENT_MIN, EXPONENT_MAX + 1)]
_EXPONENT_BYTES_DOWN = [bytes([0xFF - byte[0]]) for byte in _EXPONENT_BYTES]


def sort_bytes(text: str) -> bytes:
    """At most 23 bytes that compare as the canonical numbers do; equal numbers have equal bytes.

    A byte for the sign, one for the power of ten, then the digits, two a byte as decimals. A negative number's are
    mirrored.
    """
    negative = text[0] == "-"
    magnitude = text[1:] if negative else text
    whole, dot, fraction = magnitude.partition(".")
    if not dot:
        exponent = len(whole) - 1
        digits = whole.rstrip("0")
        if not digits:
            return _ZERO
    elif whole == "0":
        digits = fraction.lstrip("0")
        exponent = len(digits) - len(fraction) - 1
    else:
        exponent = len(whole) - 1
        digits = whole + fraction
    packed = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "0")
    if negative:
        return _NEGATIVE + _EXPONENT_BYTES_DOWN[exponent - EXPONENT_MIN] + packed.translate(_MIRROR) + _END
    return _POSITIVE + _EXPONENT_BYTES[exponent - EXPONENT_MIN] + packed
