"""Key conditions: the keys a query asks for."""

import pytest

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import Parameters, key_condition

A, B = {":a": {"S": "a"}}, {":a": {"S": "a"}, ":b": {"S": "b"}}


def keys(text, values=None, names=None, range_name="sk"):
    parameters = Parameters(names, values)
    found = key_condition(text, parameters, "pk", range_name)
    parameters.finish()
    return found


def refusal(text, values=None, range_name="sk"):
    with pytest.raises(Invalid) as refused:
        keys(text, values, None, range_name)
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "operator", "low", "high"),
    [
        ("pk = :a and sk = :b", "=", "b", None),
        ("sk = :b and pk = :a", "=", "b", None),
        ("(pk = :a) and (sk < :b)", "<", "b", None),
        ("(pk = :a AND sk <= :b)", "<=", "b", None),
        ("pk = :a and sk > :b", ">", "b", None),
        ("pk = :a and sk >= :b", ">=", "b", None),
        (":a = pk and :b < sk", ">", "b", None),
        (":a = pk and :b >= sk", "<=", "b", None),
        ("pk = :a and begins_with(sk, :b)", "begins_with", "b", None),
        ("pk = :a and sk between :a and :b", "BETWEEN", "a", "b"),
    ],
)
def test_a_key_condition_is_a_hash_and_a_range(text, operator, low, high):
    found = keys(text, B)
    assert found.hash == {"S": "a"}
    assert (found.operator, found.low) == (operator, {"S": low})
    assert found.high == (None if high is None else {"S": high})
    assert found.attributes == {"pk", "sk"}


def test_a_hash_alone_asks_for_every_range():
    found = keys("#k = :a", A, {"#k": "pk"})
    assert (found.hash, found.operator, found.low, found.high) == ({"S": "a"}, "", None, None)
    assert found.attributes == {"pk"}


def test_one_text_serves_other_values():
    for value in ("x", "y"):
        assert keys("pk = :a and begins_with(sk, :b)", {":a": {"S": "a"}, ":b": {"S": value}}).low == {"S": value}


OPERATOR = "Invalid operator used in KeyConditionExpression: "
CONDITION = "Invalid condition in KeyConditionExpression: "
COUNT = "The number of query conditions ({}) exceeds the number of key attributes defined in the schema ({})"
FIRST = " operator must have the key attribute as its first operand"
TWICE = "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"
INVALID = "Invalid KeyConditionExpression: "


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("", None, INVALID + "The expression can not be empty;"),
        ("pk", None, INVALID + 'Syntax error; token: "<EOF>", near: "pk"'),
        ("foo(pk)", None, INVALID + "Invalid function name; function: foo"),
        ("sk = :a", A, "Query condition missed key schema element: pk"),
        ("pk = :a and x = :b", B, "Query condition missed key schema element: sk"),
        ("x = :a and y = :b", B, "Query condition missed key schema element: pk"),
        ("pk > :a", A, "Query key condition not supported"),
        ("begins_with(pk, :a)", A, "Query key condition not supported"),
        ("pk between :a and :b", B, "Query key condition not supported"),
        ("pk = :a or sk = :b", B, OPERATOR + "OR"),
        ("not pk = :a", A, OPERATOR + "NOT"),
        ("pk = :a and sk <> :b", B, OPERATOR + "<>"),
        ("pk = :a and sk in (:b)", B, OPERATOR + "IN"),
        ("pk = :a and contains(sk, :b)", B, OPERATOR + "contains"),
        ("attribute_exists(pk)", None, OPERATOR + "attribute_exists"),
        ("pk = :a and pk = :b", B, TWICE),
        ("pk = :a and sk > :b and sk < :b", B, TWICE),
        ("pk = :a and x = :b and y = :b", B, COUNT.format(3, 2)),
        ("pk = :a and size(sk) > :b", B, "KeyConditionExpressions cannot contain nested operations"),
        ("pk = :a and sk between size(x) and size(y)", A, "KeyConditionExpressions cannot contain nested operations"),
        ("pk = sk", None, CONDITION + "Multiple attribute names used in one condition"),
        ("pk = :a and begins_with(sk, x)", A, CONDITION + "Multiple attribute names used in one condition"),
        (":a = :b", B, CONDITION + "No key attribute specified"),
        ("pk = :a and begins_with(:b, sk)", B, CONDITION + "begins_with" + FIRST),
        ("pk = :a and :b between sk and :b", B, CONDITION + "BETWEEN" + FIRST),
        ("pk.a = :a", A, "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("pk[0] = :a", A, "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "pk = :a and sk between :b and :a",
            B,
            INVALID + "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
        ),
        (
            "pk = :a and begins_with(sk, :b)",
            {":a": {"S": "a"}, ":b": {"N": "1"}},
            INVALID + "Incorrect operand type for operator or function; "
            "operator or function: begins_with, operand type: N",
        ),
        ("status = :a", A, INVALID + "Attribute name is a reserved keyword; reserved keyword: status"),
    ],
)  # fmt: skip
def test_what_is_no_key_condition_is_refused_with_awss_words(text, values, message):
    assert refusal(text, values) == message


def test_a_table_without_range_takes_a_hash_alone():
    assert keys("pk = :a", A, range_name=None).operator == ""
    assert refusal("pk = :a and sk = :b", B, range_name=None) == COUNT.format(2, 1)
