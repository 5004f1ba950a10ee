"""Numbers: one text each, exact sums, bytes in their order."""

from decimal import Context, Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.values import compare, numbers, sort_bytes

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
EXACT = Context(prec=400, Emax=9999, Emin=-9999)


@st.composite
def number_texts(draw):
    """Every number DynamoDB keeps, in every way it may be written."""
    digits = draw(st.text("0123456789", min_size=1, max_size=38))
    sign = draw(st.sampled_from(["", "-", "+"]))
    point = draw(st.integers(0, len(digits)))
    exponent = draw(st.integers(-130, 125))
    text = f"{sign}{digits[:point]}.{digits[point:]}" if draw(st.booleans()) else sign + digits
    value = Decimal(f"{text}E{exponent}")
    if value and not -130 <= value.adjusted() <= 125:
        exponent = 0
        value = Decimal(text)
    e = draw(st.sampled_from(["e", "E", "E+"])) if exponent >= 0 else "E"
    return (f"{text}{e}{exponent}" if exponent else text), value


@settings(deadline=None)
@given(number_texts())
@example(("1E-130", Decimal("1E-130")))
@example(("9.9999999999999999999999999999999999999E+125", Decimal("9.9999999999999999999999999999999999999E+125")))
@example(("-0", Decimal(0)))
def test_the_canonical_text_is_the_same_number_without_exponent(written):
    text, value = written
    canonical = numbers.canonical(text)
    assert Decimal(canonical) == value
    assert not {"E", "+"} & set(canonical)
    assert numbers.canonical(canonical) == canonical
    assert canonical == (f"{value.normalize(EXACT):f}" if value else "0")


@settings(deadline=None)
@given(number_texts(), number_texts())
def test_bytes_of_numbers_sort_as_the_numbers_do(one, other):
    a, b = {"N": numbers.canonical(one[0])}, {"N": numbers.canonical(other[0])}
    order = (one[1] > other[1]) - (one[1] < other[1])
    first, second = sort_bytes(a), sort_bytes(b)
    assert (first > second) - (first < second) == order
    assert compare(a, b) == order
    assert max(len(first), len(second)) <= 23


def test_bytes_of_neighbouring_numbers_are_in_order():
    least = "0." + "0" * 129 + "1"
    greatest = "9" * 38 + "0" * 88
    ascending = [
        *(f"-{text}" for text in (greatest, "1000", "999.5", "100.001", "100", "1.0001", "1", "0.5", least)),
        "0",
        *(least, "0.05", "0.5", "0.55", "1", "1.0001", "1.01", "2", "10", "100", "100.001", "999.5", greatest),
    ]
    keys = [numbers.sort_bytes(text) for text in ascending]
    assert keys == sorted(set(keys))


@settings(deadline=None)
@given(number_texts(), number_texts())
@example(*[("1.0001E-128", Decimal("1.0001E-128"))] * 2)
@example(*[("1.2345678E-130", Decimal("1.2345678E-130"))] * 2)
def test_sums_and_differences_are_exact_or_refused(one, other):
    a, b = numbers.canonical(one[0]), numbers.canonical(other[0])
    for computed, operation in ((numbers.add, EXACT.add), (numbers.subtract, EXACT.subtract)):
        exact = operation(one[1], other[1])
        fits = not exact or (len(exact.normalize(EXACT).as_tuple().digits) <= 38 and -130 <= exact.adjusted() <= 125)
        if fits:
            assert computed(a, b) == (f"{exact.normalize(EXACT):f}" if exact else "0")
        else:
            with pytest.raises(Invalid) as refused:
                computed(a, b)
            assert refused.value.message in (OVERFLOW, UNDERFLOW)


def test_a_sum_of_too_many_digits_is_called_an_overflow():
    for computed in (numbers.add, numbers.subtract):
        with pytest.raises(Invalid) as refused:
            computed("1" + "0" * 50, "1")
        assert refused.value.message == OVERFLOW


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+1", "1"),
        ("007", "7"),
        ("100", "100"),
        ("0E-130", "0"),
        ("0E125", "0"),
        ("1" * 38 + "0", "1" * 38 + "0"),
        ("1E125", "1" + "0" * 125),
    ],
)
def test_a_number_is_printed_as_dynamodb_prints_it(text, canonical):
    assert numbers.canonical(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        " 1",
        "1 ",
        "0x1",
        "NaN",
        "Infinity",
        "1_0",
        "١",
        "²",
        ".",
        "-",
        "1e",
        "1e+",
        "",
        "1e9223372036854775808",
        "1e" + "9" * 5000,
    ],
)
def test_a_text_that_is_no_number_is_refused_by_itself(text):
    with pytest.raises(Invalid) as refused:
        numbers.canonical(text)
    assert refused.value.message == f"The parameter cannot be converted to a numeric value: {text}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("1E126", OVERFLOW),
        ("-1E126", OVERFLOW),
        ("1E9223372036854775807", OVERFLOW),
        ("1E-131", UNDERFLOW),
        ("1E-9223372036854775808", UNDERFLOW),
        ("0E126", OVERFLOW),
        ("0E-131", UNDERFLOW),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(text, message):
    with pytest.raises(Invalid) as refused:
        numbers.canonical(text)
    assert refused.value.message == message


def test_a_very_long_number_costs_no_more_than_its_length():
    with pytest.raises(Invalid):
        numbers.canonical("9" * 1_000_000)
    assert numbers.canonical("0" * 1_000_000 + "7") == "7"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("0", 1), ("1", 2), ("12", 2), ("123", 3), ("-123", 4), ("100", 2), ("123456", 4), ("9" * 38, 20)),
        *(("3.14159", 5), ("1.5", 3), ("0.05", 2), ("0.15", 2), ("100.5", 4), ("1.05", 3), ("-0.5", 3), ("1010", 3)),
    ],
)
def test_a_number_takes_a_byte_for_two_digits_on_each_side_of_the_point_and_one(text, size):
    assert numbers.size(text) == size
