"""The parameters from before expressions."""

import pytest

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import legacy, without_expression

INVALID = "One or more parameter values were invalid: "
ITEM = {
    "n": {"N": "5"},
    "s": {"S": "hello"},
    "l": {"L": [{"N": "1"}, {"S": "a"}]},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "nu": {"NULL": True},
    "m": {"M": {"x": {"N": "1"}}},
    "b": {"B": "YWJj"},
}


def text(value):
    return {"S": value}


def number(value):
    return {"N": value}


def comparison(operator, *values):
    return {"ComparisonOperator": operator, **({"AttributeValueList": list(values)} if values else {})}


def message(work, *arguments):
    with pytest.raises(Invalid) as refused:
        work(*arguments)
    return refused.value.message


@pytest.mark.parametrize(
    ("name", "given", "holds"),
    [
        ("n", comparison("EQ", number("5.0")), True),
        ("n", comparison("EQ", text("5")), False),
        ("ss", comparison("EQ", {"SS": ["b", "a"]}), True),
        ("n", comparison("NE", text("5")), True),
        ("zz", comparison("NE", text("5")), True),
        ("n", comparison("NE", number("5")), False),
        ("n", comparison("LT", number("10")), True),
        ("n", comparison("LT", text("10")), False),
        ("n", comparison("LE", number("5")), True),
        ("n", comparison("GT", number("4.9")), True),
        ("n", comparison("GE", number("6")), False),
        ("zz", comparison("GE", number("0")), False),
        ("n", comparison("BETWEEN", number("1"), number("10")), True),
        ("n", comparison("BETWEEN", number("6"), number("10")), False),
        ("n", comparison("IN", number("1"), number("5")), True),
        ("n", comparison("IN", number("1")), False),
        ("s", comparison("BEGINS_WITH", text("he")), True),
        ("s", comparison("BEGINS_WITH", text("el")), False),
        ("s", comparison("CONTAINS", text("ell")), True),
        ("ss", comparison("CONTAINS", text("a")), True),
        ("l", comparison("CONTAINS", number("1")), True),
        ("n", comparison("CONTAINS", number("5")), False),
        ("s", comparison("NOT_CONTAINS", text("ell")), False),
        ("n", comparison("NOT_CONTAINS", text("a")), True),
        ("zz", comparison("NOT_CONTAINS", text("a")), False),
        ("zz", comparison("NULL"), True),
        ("nu", comparison("NULL"), False),
        ("nu", comparison("NOT_NULL"), True),
        ("zz", comparison("NOT_NULL"), False),
    ],
)
def test_a_comparison_means_what_it_says_in_filters_and_expectations(name, given, holds):
    found = legacy.scan_filter("ScanFilter", {name: given}, None)
    assert found.test(ITEM) is holds
    assert found.attributes == {name}
    assert legacy.expected({name: given}, None).test(ITEM) is holds


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"Value": number("5")}, True),
        ({"Value": number("6")}, False),
        ({"Exists": True, "Value": number("5")}, True),
        ({"Exists": False}, False),
        ({"Value": number("5"), "ComparisonOperator": "GE"}, True),
    ],
)
def test_an_attribute_is_expected_by_value_or_by_absence(given, holds):
    assert legacy.expected({"n": given}, None).test(ITEM) is holds


def test_what_is_expected_not_to_exist_does_not():
    assert legacy.expected({"zz": {"Exists": False}}, None).test(ITEM)
    assert legacy.expected({"zz": {"Exists": False}}, None).test(None)
    assert legacy.expected({}, None).test(None)


def test_conditions_are_joined_by_and_unless_by_or():
    both = {"n": {"Value": number("5")}, "s": {"Value": text("other")}}
    assert not legacy.expected(both, None).test(ITEM)
    assert not legacy.expected(both, "AND").test(ITEM)
    assert legacy.expected(both, "OR").test(ITEM)
    assert not legacy.expected({"n": {"Value": number("6")}, "s": {"Value": text("x")}}, "OR").test(ITEM)


TOGETHER = "cannot be used together for Attribute: n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, INVALID + "Value must be provided when Exists is null for Attribute: n"),
        ({"Exists": True}, INVALID + "Value must be provided when Exists is true for Attribute: n"),
        (
            {"Exists": False, "Value": number("5")},
            INVALID + "Value cannot be used when Exists is false for Attribute: n",
        ),
        (
            {"Exists": True, "Value": number("5"), "ComparisonOperator": "EQ"},
            INVALID + "Exists and ComparisonOperator " + TOGETHER,
        ),
        (
            {"Value": number("5"), "AttributeValueList": [number("5")]},
            INVALID + "Value and AttributeValueList " + TOGETHER,
        ),
        (
            {"AttributeValueList": [number("5")]},
            INVALID + "AttributeValueList can only be used with a ComparisonOperator for Attribute: n",
        ),
        (
            {"ComparisonOperator": "EQ"},
            INVALID + "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: n",
        ),
        (
            {"ComparisonOperator": "NULL", "Value": number("1")},
            INVALID + "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
        (
            {"Value": {}},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
    ],
)
def test_an_expectation_that_contradicts_itself_is_refused(given, said):
    assert message(legacy.expected, {"n": given}, None) == said


SAME_TYPE = "AttributeValues inside AttributeValueList must be of same type"
NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"
COUNT = "Invalid number of argument(s) for the {} ComparisonOperator"
TYPE = "ComparisonOperator {} is not valid for {} AttributeValue type"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (comparison("EQ"), INVALID + COUNT.format("EQ")),
        (comparison("EQ", number("1"), number("2")), INVALID + COUNT.format("EQ")),
        (comparison("BETWEEN", number("1")), INVALID + COUNT.format("BETWEEN")),
        (comparison("IN"), INVALID + COUNT.format("IN")),
        (comparison("NOT_NULL", number("1")), INVALID + COUNT.format("NOT_NULL")),
        (comparison("FOO", number("1")), "Comparison type does not exist in DynamoDB"),
        (comparison("IN", number("1"), text("a")), INVALID + SAME_TYPE),
        (comparison("LT", {"BOOL": True}), INVALID + TYPE.format("LT", "BOOL")),
        (comparison("CONTAINS", {"SS": ["a"]}), INVALID + TYPE.format("CONTAINS", "SS")),
        (comparison("BEGINS_WITH", number("1")), INVALID + TYPE.format("BEGINS_WITH", "N")),
        (comparison("IN", {"L": []}), INVALID + TYPE.format("IN", "L")),
        (
            comparison("BETWEEN", number("5"), number("4")),
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ),
        (comparison("EQ", {"N": "x"}), "The parameter cannot be converted to a numeric value: x"),
    ],
)  # fmt: skip
def test_a_comparison_with_the_wrong_arguments_is_refused(given, said):
    assert message(legacy.scan_filter, "QueryFilter", {"n": given}, None) == said
    assert message(legacy.key_conditions, {"n": given}, "n", None) == said


def test_an_operator_between_conditions_needs_conditions():
    one = {"n": comparison("EQ", number("5"))}
    assert message(legacy.scan_filter, "ScanFilter", {}, "AND") == (
        "ConditionalOperator cannot be used without Filter or Expected"
    )
    assert message(legacy.scan_filter, "ScanFilter", one, "OR") == (
        "ConditionalOperator can only be used when Filter or Expected has two or more elements"
    )
    assert message(legacy.scan_filter, "ScanFilter", {"": one["n"]}, None) == "Empty attribute name"


@pytest.mark.parametrize(
    ("given", "operator", "low", "high"),
    [
        (None, "", None, None),
        (comparison("EQ", text("b")), "=", text("b"), None),
        (comparison("LE", text("b")), "<=", text("b"), None),
        (comparison("GT", text("b")), ">", text("b"), None),
        (comparison("BEGINS_WITH", text("b")), "begins_with", text("b"), None),
        (comparison("BETWEEN", text("a"), text("b")), "BETWEEN", text("a"), text("b")),
    ],
)
def test_key_conditions_are_a_hash_and_a_range(given, operator, low, high):
    conditions = {"pk": comparison("EQ", text("a")), **({} if given is None else {"sk": given})}
    found = legacy.key_conditions(conditions, "pk", "sk")
    assert (found.hash, found.operator, found.low, found.high) == (text("a"), operator, low, high)
    assert found.attributes == set(conditions)


EQ = comparison("EQ", text("a"))


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({}, "Conditions can be of length 1 or 2 only"),
        ({"pk": EQ, "sk": EQ, "x": EQ}, "Conditions can be of length 1 or 2 only"),
        ({"sk": EQ}, "Query condition missed key schema element: pk"),
        ({"pk": EQ, "x": EQ}, "Query condition missed key schema element: sk"),
        ({"pk": comparison("GT", text("a"))}, "Query key condition not supported"),
        ({"pk": EQ, "sk": comparison("NE", text("a"))}, NOT_INDEXABLE),
        ({"pk": EQ, "sk": comparison("NULL")}, NOT_INDEXABLE),
        ({"pk": EQ, "sk": comparison("IN", text("a"))}, NOT_INDEXABLE),
    ],
)  # fmt: skip
def test_what_are_no_key_conditions_is_refused(conditions, said):
    assert message(legacy.key_conditions, conditions, "pk", "sk") == said


def test_a_second_key_condition_needs_a_range():
    assert message(legacy.key_conditions, {"pk": EQ, "sk": EQ}, "pk", None) == "Query key condition not supported"


@pytest.mark.parametrize(
    ("name", "given", "after"),
    [
        ("n", {"Value": number("7")}, number("7")),
        ("n", {"Action": "PUT", "Value": text("x")}, text("x")),
        ("n", {"Action": "DELETE"}, None),
        ("zz", {"Action": "DELETE"}, None),
        ("ss", {"Action": "DELETE", "Value": {"SS": ["a", "c"]}}, {"SS": ["b"]}),
        ("ss", {"Action": "DELETE", "Value": {"SS": ["a", "b"]}}, None),
        ("n", {"Action": "ADD", "Value": number("2")}, number("7")),
        ("zz", {"Action": "ADD", "Value": number("2")}, number("2")),
        ("ss", {"Action": "ADD", "Value": {"SS": ["c"]}}, {"SS": ["a", "b", "c"]}),
        ("l", {"Action": "ADD", "Value": {"L": [number("9")]}}, {"L": [number("1"), text("a"), number("9")]}),
        ("zz", {"Action": "ADD", "Value": {"L": [number("9")]}}, {"L": [number("9")]}),
    ],
)
def test_an_attribute_update_changes_one_attribute(name, given, after):
    found = legacy.attribute_updates({name: given})
    assert found.apply(ITEM) == {
        **{key: value for key, value in ITEM.items() if key != name},
        **({name: after} if after else {}),
    }
    assert found.attributes == {name}
    assert found.touched == ((name,),)
    assert found.picked(ITEM) == ({name: ITEM[name]} if name in ITEM else {})


ONLY_DELETE = INVALID + "Only DELETE action is allowed when no attribute value is specified"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("n", {}, ONLY_DELETE),
        ("n", {"Action": "PUT"}, ONLY_DELETE),
        ("n", {"Action": "ADD"}, ONLY_DELETE),
        ("n", {"Action": "ADD", "Value": text("x")}, INVALID + "ADD action is not supported for the type STRING"),
        ("m", {"Action": "ADD", "Value": {"M": {}}}, INVALID + "ADD action is not supported for the type MAP"),
        (
            "n",
            {"Action": "DELETE", "Value": number("1")},
            INVALID + "DELETE action with value is not supported for the type NUMBER",
        ),
        ("s", {"Action": "ADD", "Value": number("1")}, "Type mismatch for attribute to update"),
        ("ss", {"Action": "DELETE", "Value": {"NS": ["1"]}}, "Type mismatch for attribute to update"),
        ("", {"Value": number("1")}, "Empty attribute name"),
    ],
)
def test_an_attribute_update_that_cannot_be_is_refused(name, given, said):
    with pytest.raises(Invalid) as refused:
        legacy.attribute_updates({name: given}).apply(ITEM)
    assert refused.value.message == said


def test_attributes_to_get_are_whole_attributes():
    found = legacy.attributes_to_get(["n", "zz", "m.x"])
    assert found.of(ITEM) == {"n": number("5")}
    assert found.attributes == {"n", "zz", "m.x"}
    assert message(legacy.attributes_to_get, ["n", "n"]) == INVALID + "Duplicate value in attribute name: n"


MIXED = "Can not use both expression and non-expression parameters in the same request: "


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["AttributeUpdates", "Expected", "UpdateExpression", "ConditionExpression"],
            "Non-expression parameters: {AttributeUpdates, Expected} "
            "Expression parameters: {UpdateExpression, ConditionExpression}",
        ),
        (
            ["KeyConditionExpression", "KeyConditions", "QueryFilter", "AttributesToGet", "ConditionalOperator"],
            "Non-expression parameters: {AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions} "
            "Expression parameters: {KeyConditionExpression}",
        ),
        (
            ["FilterExpression", "ScanFilter", "ProjectionExpression"],
            "Non-expression parameters: {ScanFilter} Expression parameters: {ProjectionExpression, FilterExpression}",
        ),
    ],
)
def test_old_and_new_parameters_do_not_mix(given, said):
    assert message(legacy.mixing, {name: {} for name in given}) == MIXED + said


def test_key_conditions_may_stand_beside_a_filter_expression():
    legacy.mixing({"KeyConditions": {}, "FilterExpression": "a"})
    legacy.mixing({"Expected": {}, "ConditionalOperator": "AND"})
    legacy.mixing({"ConditionExpression": "a", "ReturnValues": "NONE"})
    with pytest.raises(Invalid):
        legacy.mixing({"KeyConditions": {}, "FilterExpression": "a", "AttributesToGet": ["b"]})


@pytest.mark.parametrize(
    ("names", "values", "expressions", "said"),
    [
        ({}, None, ("ConditionExpression",), "ExpressionAttributeNames can only be specified when using expressions"),
        (
            None,
            {},
            ("ConditionExpression",),
            "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
        ),
        (
            None,
            {},
            ("UpdateExpression", "ConditionExpression"),
            "ExpressionAttributeValues can only be specified when using expressions: "
            "UpdateExpression and ConditionExpression are null",
        ),
    ],
)
def test_names_and_values_need_an_expression(names, values, expressions, said):
    assert message(without_expression, names, values, expressions) == said
    without_expression(None, None, expressions)
