"""Attribute values: what is refused and how, and the one form in which they are kept."""

import base64
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.services.dynamodb.errors import Invalid, Malformed
from pileus.services.dynamodb.values import (
    checked_item,
    checked_value,
    compare,
    equal,
    item_size,
    sort_bytes,
    value_size,
)

BINARIES = 'Input collection ["AA==","/w==","AA=="]of type BS contains duplicates.'
INVALID = "One or more parameter values were invalid: "


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


numbers = st.integers(-(10**20), 10**20).map(str)
binaries = st.binary(max_size=8).map(b64)
scalars = st.one_of(
    st.text(max_size=8).map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    binaries.map(lambda text: {"B": text}),
    st.booleans().map(lambda bit: {"BOOL": bit}),
    st.just({"NULL": True}),
    st.lists(st.text(max_size=5), min_size=1, max_size=4, unique=True).map(lambda members: {"SS": members}),
    st.lists(numbers, min_size=1, max_size=4, unique=True).map(lambda members: {"NS": members}),
    st.lists(binaries, min_size=1, max_size=4, unique=True).map(lambda members: {"BS": members}),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=6), values, max_size=4))
def test_a_checked_item_is_equal_to_what_came_and_stays_as_it_is(item):
    before = copy.deepcopy(item)
    checked = checked_item(item)
    assert item == before
    assert checked.keys() == item.keys()
    assert all(equal(checked[name], item[name]) for name in item)
    assert checked_item(checked) == checked


@settings(deadline=None)
@given(values, values)
def test_checked_values_are_equal_when_their_dictionaries_are(a, b):
    one, other = checked_value(a), checked_value(b)
    assert equal(one, other) == (one == other)
    assert equal(one, checked_value(copy.deepcopy(a)))


@settings(deadline=None)
@given(st.lists(numbers, min_size=2, max_size=5, unique=True))
def test_the_order_of_a_set_is_of_no_meaning(members):
    assert checked_value({"NS": members}) == checked_value({"NS": members[::-1]})
    assert equal({"NS": members}, {"NS": members[::-1]})
    assert equal({"L": [{"NS": members}]}, {"L": [{"NS": members[::-1]}]})


@settings(deadline=None)
@given(st.text(max_size=6), st.text(max_size=6))
def test_strings_are_ordered_by_their_utf8(a, b):
    order = (a.encode() > b.encode()) - (a.encode() < b.encode())
    assert compare({"S": a}, {"S": b}) == order
    keys = sort_bytes({"S": a}), sort_bytes({"S": b})
    assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == order


@settings(deadline=None)
@given(st.binary(max_size=6), st.binary(max_size=6))
def test_binary_is_ordered_by_unsigned_bytes(a, b):
    assert compare({"B": b64(a)}, {"B": b64(b)}) == (a > b) - (a < b)
    assert sort_bytes({"B": b64(a)}) == a


def test_values_of_different_types_have_no_order():
    assert compare({"S": "1"}, {"N": "1"}) is None
    assert compare({"BOOL": True}, {"BOOL": True}) is None
    assert compare({"N": "1"}, {"B": "YQ=="}) is None
    assert not equal({"S": "1"}, {"N": "1"})


def test_only_keys_types_have_sort_bytes():
    with pytest.raises(ValueError, match="BOOL"):
        sort_bytes({"BOOL": True})


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"]), st.text(max_size=3)
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_whatever_json_comes_it_is_a_value_or_an_error_of_the_caller(raw):
    try:
        checked = checked_value(raw)
    except ApiError:
        return
    assert len(checked) == 1
    assert checked_value(checked) == checked
    assert value_size(checked) >= 0


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"X": "a"}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"S": None}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes",
        ),
        ({"NULL": False}, INVALID + "Null attribute value types must have the value of true"),
        ({"SS": []}, INVALID + "An string set  may not be empty"),
        ({"NS": []}, INVALID + "An number set  may not be empty"),
        ({"BS": []}, INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, INVALID + 'Input collection ["a", "a"] contains duplicates.'),
        ({"SS": ["b", "a", "b"]}, INVALID + 'Input collection ["a", "b", "b"] contains duplicates.'),
        ({"NS": ["1", "1.0"]}, INVALID + "Input collection contains duplicates."),
        ({"BS": ["/w==", "AA==", "AA=="]}, INVALID + BINARIES),
        ({"SS": [None]}, INVALID + "An string set may not have a null string as a member"),
        ({"M": {"": {"S": "a"}}}, "Empty attribute name"),
        ({"M": {"n" * 65_536: {"S": "a"}}}, "Attribute name is too large, must be less than 65536 bytes"),
        ({"L": [None]}, "The supplied Item contains a null AttributeValue"),
        ({"M": {"a": None}}, "The supplied Item contains a null AttributeValue: a is null"),
        ({"L": [{"M": {"a": {"N": "x"}}}]}, "The parameter cannot be converted to a numeric value: x"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_refused_with_awss_words(raw, message):
    with pytest.raises(Invalid) as refused:
        checked_item({"a": raw})
    assert (refused.value.code, refused.value.message) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"S": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"S": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ({"S": True}, "TRUE_VALUE cannot be converted to String"),
        ({"N": False}, "FALSE_VALUE cannot be converted to String"),
        ({"S": []}, "Unrecognized collection type class java.lang.String"),
        ({"S": {}}, "Start of structure or map found where not expected"),
        ({"BOOL": "true"}, "Unexpected token received from parser"),
        ({"BOOL": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"NULL": []}, "Unrecognized collection type class java.lang.Boolean"),
        ({"B": 1}, "only base-64-encoded strings are convertible to bytes"),
        ({"B": []}, "Unrecognized collection type class java.nio.ByteBuffer"),
        ({"B": "23456"}, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        ({"B": "+/+="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "=+/="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "Y!=="}, "Invalid Base64 character: '!'"),
        ({"B": "Yé=="}, "Invalid Base64 character: 'é'"),
        ({"SS": "a"}, "Unexpected field type"),
        ({"SS": {}}, "Start of structure or map found where not expected"),
        ({"NS": [1]}, "NUMBER_VALUE cannot be converted to String"),
        ({"L": "a"}, "Unexpected field type"),
        ({"L": ["a"]}, "Unexpected value type in payload"),
        ({"L": [[]]}, "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"),
        (
            {"M": []},
            "Unrecognized collection type java.util.Map<java.lang.String, "
            "com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        ("a", "Unexpected value type in payload"),
    ],
)
def test_json_of_the_wrong_type_is_a_serialization_error(raw, message):
    with pytest.raises(Malformed) as refused:
        checked_item({"a": raw})
    assert (refused.value.code, refused.value.message) == ("SerializationException", message)


def test_an_item_is_an_object():
    with pytest.raises(Malformed):
        checked_item([])
    with pytest.raises(Invalid) as refused:
        checked_item({"a": None})
    assert refused.value.message == "The supplied Item contains a null AttributeValue: a is null"


@pytest.mark.parametrize("wrap", [lambda value: {"L": [value]}, lambda value: {"M": {"a": value}}])
def test_a_value_may_be_thirty_two_levels_deep(wrap):
    value = {"S": "x"}
    for _ in range(31):
        value = wrap(value)
    assert checked_value(value) == value
    with pytest.raises(Invalid) as refused:
        checked_value(wrap(value))
    assert refused.value.message.startswith("Nesting Levels have exceeded supported limits")


def test_null_members_are_dropped_and_numbers_rewritten():
    assert checked_value({"S": "a", "N": None}) == {"S": "a"}
    assert checked_item({"n": {"N": "1.50"}, "l": {"L": [{"N": "1E2"}]}}) == {
        "n": {"N": "1.5"},
        "l": {"L": [{"N": "100"}]},
    }


def test_empty_strings_and_binary_are_values():
    item = {"s": {"S": ""}, "b": {"B": ""}, "ss": {"SS": [""]}}
    assert checked_item(item) == item


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"S": "abc"}, 3),
        ({"B": b64(b"abcd")}, 4),
        ({"B": b64(b"abc")}, 3),
        ({"B": ""}, 0),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"N": "27"}, 2),
        ({"SS": ["a", "bc"]}, 3),
        ({"BS": [b64(b"a"), b64(b"bc")]}, 3),
        ({"NS": ["1", "123"]}, 5),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}, {"S": "b"}]}, 7),
        ({"M": {}}, 3),
        ({"M": {"ab": {"S": "c"}}}, 7),
    ],
)
def test_the_size_of_a_value_is_as_documented(value, size):
    assert value_size(value) == size
    assert item_size({"né": value}) == 3 + size
