"""Condition operators: each one, and what an absent key means to it."""

from typing import Any

import pytest

from pileus.policy import MalformedPolicy
from pileus.policy.conditions import OPERATORS, Condition, operator_name
from pileus.policy.context import Context


def holds(operator: str, values: Any, given: Any = None, **more: str) -> bool:
    listed = values if isinstance(values, list) else [values]
    return Condition(operator, "x:Key", listed, True).holds(Context({"X:KEY": given, **more}))


TABLE = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringEqualsIgnoreCase", "aB", "Ab", True),
    ("StringNotEqualsIgnoreCase", "aB", "Ab", False),
    ("StringLike", "a*c?", "abbcd", True),
    ("StringLike", "a:*", "a:b:c", True),
    ("StringNotLike", "a*", "ab", False),
    ("NumericEquals", "10", "10.0", True),
    ("NumericNotEquals", "10", "11", True),
    ("NumericLessThan", "10", "9.99", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "10", "10.5", True),
    ("NumericGreaterThanEquals", "10", "9", False),
    ("NumericEquals", "10", "ten", False),
    ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", True),
    ("DateNotEquals", "2020-01-01T00:00:00Z", "2020-01-01", False),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", True),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2020-01-01T00:30:00+01:00", True),
    ("DateGreaterThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", False),
    ("DateGreaterThanEquals", "1577836800", "2020-01-01T00:00:00Z", True),
    ("DateLessThanEquals", "2020-01-01", "2020-01-01T00:00:00Z", True),
    ("Bool", "true", "true", True),
    ("Bool", "true", "false", False),
    ("Bool", "false", False, True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJz", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", ["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", True),
    ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
    ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.7", True),
    ("NotIpAddress", "203.0.113.0/24", "::ffff:203.0.113.7", False),
    ("IpAddress", "203.0.113.0/24", "not an address", False),
    ("IpAddress", "0.0.0.0/0", "", False),
    ("ArnEquals", "arn:aws:sns:*:111122223333:t*", "arn:aws:sns:us-east-1:111122223333:topic", True),
    ("ArnLike", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b", True),
    ("ArnLike", "arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:111122223333:topic", False),
    ("ArnLike", "arn:aws:s*:us-east-1:1:topic", "arn:aws:sns:us-east-1:1:topic", True),
    ("ArnNotEquals", "arn:aws:sns:*:*:a", "arn:aws:sns:us-east-1:1:b", True),
    ("ArnNotLike", "arn:aws:sns:*:*:a", "arn:aws:sns:us-east-1:1:a", False),
    ("Null", "true", None, True),
    ("Null", "true", "a", False),
    ("Null", "false", "a", True),
    ("Null", "false", None, False),
    ("Null", "true", [], True),
    ("stringequals", "a", "a", True),
]


@pytest.mark.parametrize(("operator", "values", "given", "expected"), TABLE)
def test_an_operator_compares_as_documented(operator: str, values: Any, given: Any, expected: bool) -> None:
    assert holds(operator, values, given) is expected


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_an_absent_key_matches_only_the_negated_operators(operator: str) -> None:
    assert holds(operator, "1") is ("not" in operator)


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_if_exists_holds_when_the_key_is_absent(operator: str) -> None:
    assert holds(operator + "IfExists", "1") is True


def test_if_exists_compares_when_the_key_is_there() -> None:
    assert holds("StringEqualsIfExists", "a", "b") is False
    assert holds("StringEqualsIfExists", "a", "a") is True


SETS = [
    ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a"], [], True),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAllValues:StringNotLike", ["key1*"], ["key2:audit"], True),
    ("ForAllValues:StringNotLike", ["key1*"], ["key1:hr", "key2:audit"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], True),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
    ("ForAnyValue:StringNotEquals", ["a"], None, False),
    ("ForAnyValue:StringEqualsIfExists", ["a"], None, True),
]


@pytest.mark.parametrize(("operator", "values", "given", "expected"), SETS)
def test_set_qualifiers_ask_every_or_any_value(operator: str, values: Any, given: Any, expected: bool) -> None:
    assert holds(operator, values, given) is expected


def test_without_a_qualifier_a_negated_operator_refuses_any_of_several_values() -> None:
    assert holds("StringNotEquals", "a", ["a", "b"]) is False
    assert holds("StringEquals", "a", ["a", "b"]) is True


@pytest.mark.parametrize("name", ["StringEqual", "ForSomeValues:StringEquals", ":StringEquals", "NullIfExists", ""])
def test_an_unknown_operator_is_malformed(name: str) -> None:
    assert operator_name(name) is None
    with pytest.raises(MalformedPolicy):
        Condition(name, "k", ["v"], True)


def test_a_variable_in_a_value_takes_the_callers_value_and_never_its_wildcards() -> None:
    assert holds("StringLike", "home/${aws:username}/*", "home/bob/x", **{"aws:username": "bob"})
    assert not holds("StringLike", "home/${aws:username}/*", "home/bob/x", **{"aws:username": "*"})
    assert holds("StringEquals", "${aws:PrincipalTag/team, 'none'}", "none")
    assert holds("StringEquals", "${*}${?}${$}", "*?$")


def test_a_variable_without_a_value_is_like_nothing_so_that_negated_operators_match() -> None:
    assert not holds("StringEquals", "${aws:username}", "bob")
    assert not holds("ArnLike", "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::1:user/bob")
    assert holds("StringNotEquals", "${aws:username}", "bob")
    assert holds("StringNotLike", "${aws:username}*", "bob")
    assert holds("StringEquals", ["${aws:username}", "bob"], "bob")
    assert holds("StringNotEquals", ["${aws:username}", "bob"], "eve")
    assert not holds("StringNotEquals", ["${aws:username}", "bob"], "bob")


def test_a_lazy_source_is_asked_once_in_lower_case() -> None:
    asked: list[str] = []

    def source(key: str) -> str:
        asked.append(key)
        return "a"

    context = Context(source)
    assert Condition("StringEquals", "AWS:Thing", ["a"], True).holds(context)
    assert Condition("StringEquals", "aws:thing", ["a"], True).holds(context)
    assert asked == ["aws:thing"]
