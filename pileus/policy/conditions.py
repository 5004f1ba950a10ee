"""Condition operators: each with IfExists, ForAllValues and ForAnyValue, and what an absent key means.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from pileus.policy.context import Context, text_of
from pileus.policy.malformed import SYNTAX, MalformedPolicy
from pileus.policy.variables import Template, fill, fixed, keys_in, literal, template
from pileus.policy.wildcards import Matcher, Remembered, Token, any_of, compile_plain

Build = Callable[[list[list[Token]]], Matcher]


class Operator(NamedTuple):
    build: Build
    negated: bool


def _texts(values: list[list[Token]]) -> list[str]:
    return [literal(value) for value in values]


def _string_equals(values: list[list[Token]]) -> Matcher:
    return frozenset(_texts(values)).__contains__


def _string_equals_ignore_case(values: list[list[Token]]) -> Matcher:
    folded = frozenset(text.casefold() for text in _texts(values))
    return lambda given: given.casefold() in folded


def _string_like(values: list[list[Token]]) -> Matcher:
    return any_of(values, compile_plain)


def _arn_like(values: list[list[Token]]) -> Matcher:
    """Each of the six parts is compared on its own; ArnEquals means the same as ArnLike."""
    patterns = [matchers for value in values if (matchers := _arn_parts(value))]

    def match(given: str) -> bool:
        parts = given.split(":", 5)
        if len(parts) != 6:
            return False
        return any(all(matches(part) for matches, part in zip(p, parts, strict=True)) for p in patterns)

    return match


def _arn_parts(value: list[Token]) -> list[Matcher]:
    parts: list[list[Token]] = [[]]
    for token in value:
        if isinstance(token, str):
            first, *more = token.split(":", 6 - len(parts))
            parts[-1].append(first)
            parts.extend([piece] for piece in more)
        else:
            parts[-1].append(token)
    return [compile_plain(part) for part in parts] if len(parts) == 6 else []


def _boolean(values: list[list[Token]]) -> Matcher:
    wanted = frozenset(text.lower() for text in _texts(values))
    return lambda given: given.lower() in wanted


def binary_of(text: str) -> bytes | None:
    """None when the text is no base 64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _binary(values: list[list[Token]]) -> Matcher:
    wanted = frozenset(octets for text in _texts(values) if (octets := binary_of(text)) is not None)
    return lambda given: binary_of(given) in wanted


def _address(values: list[list[Token]]) -> Matcher:
    networks = [network for text in _texts(values) if (network := network_of(text)) is not None]

    def match(given: str) -> bool:
        try:
            address = ipaddress.ip_address(given)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in networks)

    return match


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """None when the text is neither an address nor a CIDR range."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def number_of(text: str) -> Decimal | None:
    """None when the text is no finite number."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def moment_of(text: str) -> Decimal | None:
    """Epoch seconds of an ISO 8601 date or of epoch seconds; None when it is neither."""
    number = number_of(text)
    if number is not None:
        return number
    try:
        date = datetime.fromisoformat(text.strip())
        return Decimal(str((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return None


def _ordered(read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]) -> Build:
    def build(values: list[list[Token]]) -> Matcher:
        wanted = [value for text in _texts(values) if (value := read(text)) is not None]

        def match(given: str) -> bool:
            value = read(given)
            return value is not None and any(holds(value, limit) for limit in wanted)

        return match

    return build


def _table() -> dict[str, Operator]:
    plain: dict[str, tuple[Build, str | None]] = {
        "StringEquals": (_string_equals, "StringNotEquals"),
        "StringEqualsIgnoreCase": (_string_equals_ignore_case, "StringNotEqualsIgnoreCase"),
        "StringLike": (_string_like, "StringNotLike"),
        "ArnEquals": (_arn_like, "ArnNotEquals"),
        "ArnLike": (_arn_like, "ArnNotLike"),
        "Bool": (_boolean, None),
        "BinaryEquals": (_binary, None),
        "IpAddress": (_address, "NotIpAddress"),
    }
    for family, read in (("Numeric", number_of), ("Date", moment_of)):
        plain[f"{family}Equals"] = (_ordered(read, lambda a, b: a == b), f"{family}NotEquals")
        plain[f"{family}LessThan"] = (_ordered(read, lambda a, b: a < b), None)
        plain[f"{family}LessThanEquals"] = (_ordered(read, lambda a, b: a <= b), None)
        plain[f"{family}GreaterThan"] = (_ordered(read, lambda a, b: a > b), None)
        plain[f"{family}GreaterThanEquals"] = (_ordered(read, lambda a, b: a >= b), None)
    table = {}
    for name, (build, opposite) in plain.items():
        table[name.lower()] = Operator(build, False)
        if opposite:
            table[opposite.lower()] = Operator(build, True)
    return table


OPERATORS = _table()
_WITH_VARIABLES = ("string", "arn")


class OperatorName(NamedTuple):
    """`ForAnyValue:StringLikeIfExists` taken apart, in lower case."""

    quantifier: str
    base: str
    if_exists: bool


def operator_name(text: str) -> OperatorName | None:
    """None when AWS knows no such operator. Operator names are compared without case, as AWS does."""
    quantifier, colon, base = text.lower().rpartition(":")
    if (colon and not quantifier) or quantifier not in ("", "foranyvalue", "forallvalues"):
        return None
    if base == "null":
        return OperatorName(quantifier, base, False)
    if_exists = base.endswith("ifexists")
    base = base.removesuffix("ifexists")
    return OperatorName(quantifier, base, if_exists) if base in OPERATORS else None


class Condition:
    """One operator on one key; all conditions of a statement must hold."""

    __slots__ = (
        "_absent",
        "_build",
        "_match",
        "_negated",
        "_null",
        "_quantifier",
        "_remembered",
        "_values",
        "key",
        "operator",
        "values",
    )

    def __init__(self, operator: str, key: str, values: list[str], variables: bool):
        name = operator_name(operator)
        if name is None:
            raise MalformedPolicy(SYNTAX)
        self.operator, self.key, self.values = operator, key, values
        self._quantifier = name.quantifier
        self._null = name.base == "null"
        chosen = Operator(_boolean, False) if self._null else OPERATORS[name.base]
        self._build, self._negated = chosen.build, chosen.negated
        if name.quantifier == "forallvalues" or name.if_exists:
            self._absent = True
        else:
            self._absent = self._negated and not name.quantifier
        dynamic = variables and name.base.startswith(_WITH_VARIABLES)
        self._values: list[Template] = [template(value, dynamic) for value in values]
        self._remembered = Remembered(self._build)
        self._match: Matcher | None = None
        if all(fixed(value) for value in self._values):
            self._match = self._build(
                [parts for value in self._values if (parts := fill(value, Context({}))) is not None]
            )

    def keys(self) -> set[str]:
        """The condition keys it may ask for, its variables' included."""
        return {self.key}.union(*(keys_in(value) for value in self._values))

    def holds(self, context: Context) -> bool:
        given = context.values(self.key)
        if self._null:
            return self._match is not None and self._match("false" if given else "true")
        if not given:
            return self._absent
        match = self._match or self._bound(context)
        if self._quantifier == "forallvalues":
            return all(match(value) != self._negated for value in given)
        if self._quantifier == "foranyvalue":
            return any(match(value) != self._negated for value in given)
        return any(match(value) for value in given) != self._negated

    def _bound(self, context: Context) -> Matcher:
        """A value whose variable nobody knows is like nothing: plain operators do not match it, negated ones do (IAM
        User Guide, "IAM policy elements: Variables and tags", "Policy variables with no value")."""
        filled = [fill(value, context) for value in self._values]
        return self._remembered.matcher([value for value in filled if value is not None])


def compile_conditions(block: Any, variables: bool) -> tuple[Condition, ...]:
    """Raises MalformedPolicy when the block has not the shape of one."""
    if block is None:
        return ()
    if not isinstance(block, dict):
        raise MalformedPolicy(SYNTAX)
    compiled = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise MalformedPolicy(SYNTAX)
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            if not all(isinstance(value, str | bool | int | float) for value in listed):
                raise MalformedPolicy(SYNTAX)
            compiled.append(Condition(operator, key, [text_of(value) for value in listed], variables))
    return tuple(compiled)
