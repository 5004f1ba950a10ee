"""Conditions: what they mean of an item, and AWS's words for those that mean nothing."""

import pytest

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import Parameters, condition

ITEM = {
    "s": {"S": "hello"},
    "n": {"N": "5"},
    "b": {"B": "YWJj"},
    "bo": {"BOOL": True},
    "nu": {"NULL": True},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": ["YWJj"]},
    "l": {"L": [{"N": "1"}, {"M": {"x": {"S": "deep"}}}, {"L": [{"S": "q"}]}]},
    "m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "z"}}}}},
    "wide": {"S": "é😀"},
}
S, N = {":a": {"S": "x"}}, {":a": {"N": "1"}}


def bound(kind, text, values, names):
    parameters = Parameters(names, values)
    found = condition(kind, text, parameters)
    parameters.finish()
    return found


def holds(text, values=None, names=None, item=ITEM):
    return bound("ConditionExpression", text, values, names).test(item)


def refusal(text, values=None, names=None, kind="ConditionExpression"):
    with pytest.raises(Invalid) as refused:
        bound(kind, text, values, names)
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s = :v", {"S": "hello"}),
        ("s <> :v", {"S": "other"}),
        ("s <> :v", {"N": "5"}),
        ("absent <> :v", {"N": "5"}),
        ("n = :v", {"N": "5.0"}),
        ("n < :v", {"N": "10"}),
        ("n >= :v", {"N": "5"}),
        ("s > :v", {"S": "Z"}),
        ("b < :v", {"B": "gA=="}),
        ("ss = :v", {"SS": ["b", "a"]}),
        ("m.b = :v", {"M": {"c": {"S": "z"}}}),
        ("l[1].x = :v", {"S": "deep"}),
        ("l[2][0] = :v", {"S": "q"}),
        ("NOT n = :v", {"N": "6"}),
        ("not not n = :v", {"N": "5"}),
        ("n in (s, :v)", {"N": "5"}),
        ("l[2] in (:v)", {"L": [{"S": "q"}]}),
        ("n between m.a and :v", {"N": "5"}),
        (":v between m.a and n", {"N": "3"}),
        ("begins_with(s, :v)", {"S": "he"}),
        ("begins_with(s, :v)", {"S": ""}),
        ("begins_with(b, :v)", {"B": "YQ=="}),
        ("contains(s, :v)", {"S": "ell"}),
        ("contains(ss, :v)", {"S": "a"}),
        ("contains(ns, :v)", {"N": "1.0"}),
        ("contains(bs, :v)", {"B": "YWJj"}),
        ("contains(b, :v)", {"B": "Yg=="}),
        ("contains(l, :v)", {"L": [{"S": "q"}]}),
        ("contains(:v, s)", {"S": "say hello"}),
        ("contains(l, size(l[2])) and size(l) = :v", {"N": "3"}),
        ("size(s) = :v", {"N": "5"}),
        ("size(b) = :v", {"N": "3"}),
        ("size(ss) = :v", {"N": "2"}),
        ("size(m) = :v", {"N": "2"}),
        ("size(wide) = :v", {"N": "3"}),
        ("size(n) <> :v", {"N": "1"}),
        ("attribute_type(l, :v)", {"S": "L"}),
        ("attribute_type(nu, :v)", {"S": "NULL"}),
        ("(s = :v) or attribute_exists(m.b.c)", {"S": "other"}),
        ("s = :v or n = :v and bo = :v or attribute_not_exists(m.zz)", {"S": "other"}),
        ("attribute_not_exists(l[3]) and not (s = :v)", {"S": "other"}),
        ("attribute_exists ( m . a ) AND\n s\t<>\r:v", {"S": "other"}),
    ],
)
def test_a_condition_holds(text, value):
    assert holds(text, {":v": value})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s = :v", {"N": "5"}),
        ("absent = :v", {"N": "5"}),
        ("absent < :v", {"N": "5"}),
        ("n < :v", {"S": "10"}),
        ("n < :v", {"N": "5"}),
        ("s.x = :v", {"S": "hello"}),
        ("l[9] = :v", {"S": "hello"}),
        ("m[0] = :v", {"S": "hello"}),
        ("n between s and :v", {"N": "9"}),
        ("absent in (:v)", {"N": "9"}),
        ("begins_with(n, :v)", {"S": "5"}),
        ("begins_with(s, n) or n = :v", {"S": "5"}),
        ("contains(n, :v)", {"N": "5"}),
        ("contains(ss, :v)", {"SS": ["a"]}),
        ("contains(m, :v)", {"S": "a"}),
        ("contains(absent, :v)", {"S": "a"}),
        ("size(n) = :v", {"N": "1"}),
        ("size(bo) < :v", {"N": "100"}),
        ("size(absent) = :v", {"N": "0"}),
        ("attribute_type(absent, :v)", {"S": "S"}),
        ("attribute_exists(s.x) or s = :v", {"S": "x"}),
        ("attribute_not_exists(m.a) or s = :v", {"S": "x"}),
        ("s = :v and attribute_exists(s) or s = :v", {"S": "x"}),
    ],
)
def test_a_condition_does_not_hold(text, value):
    assert not holds(text, {":v": value})


def test_or_binds_less_than_and_and_not_the_most():
    values = {":y": {"N": "5"}, ":n": {"N": "0"}}
    assert holds("n = :y or n = :n and n = :n", values)
    assert not holds("(n = :y or n = :n) and n = :n", values)
    assert holds("not n = :n and n = :y", values)
    assert not holds("not (n = :n or n = :y)", values)


def test_strings_compare_by_their_bytes_not_by_their_utf16():
    assert holds("a > :v", {":v": {"S": "\uffff"}}, item={"a": {"S": "\U00010000"}})


def test_a_missing_item_has_no_attributes():
    assert holds("attribute_not_exists(pk)", item=None)
    assert not holds("attribute_exists(pk)", item=None)


def test_names_stand_for_whole_attributes_even_with_dots():
    assert holds("#a.#b = :v", {":v": {"S": "z"}}, {"#a": "m", "#b": "x.y"}, {"m": {"M": {"x.y": {"S": "z"}}}})
    assert holds("#s = :v", {":v": {"S": "z"}}, {"#s": "status"}, {"status": {"S": "z"}})


def test_the_attributes_of_a_condition_are_the_top_level_ones():
    parameters = Parameters({"#m": "map"}, {":v": {"S": "x"}})
    found = condition("FilterExpression", "#m.a.b = :v or size(l[0]) < n and contains(:v, s)", parameters)
    assert found.attributes == {"map", "l", "n", "s"}


def test_one_text_serves_requests_with_other_names_and_values():
    for name, value, expected in (("s", "hello", True), ("s", "x", False), ("n", "hello", False), ("s", "hello", True)):
        assert holds("#n = :v", {":v": {"S": value}}, {"#n": name}) is expected


def test_values_are_judged_for_every_request_again():
    assert holds("n < :v", {":v": {"N": "9"}})
    assert "operand type: BOOL" in refusal("n < :v", {":v": {"BOOL": True}})
    for text in ("n < :v", "n = :v", "n in (:v)"):
        assert holds(text.replace("<", "<="), {":v": {"N": "5"}})
        assert holds(text, {":v": {"N": "9"}}) is ("<" in text)
        assert "is not defined; attribute value: :v" in refusal(text, {":w": {"N": "9"}})


@pytest.mark.parametrize("word", ["status", "Name", "SIZE", "ttl", "url", "data"])
def test_a_reserved_word_is_refused_by_name(word):
    said = f"Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: {word}"
    assert refusal(f"{word} = :a", S) == said
    assert refusal(f"a.{word}[0] = :a", S) == said


@pytest.mark.parametrize(
    ("text", "token", "near"),
    [
        ("   ", "<EOF>", "   "),
        ("a", "<EOF>", "a"),
        ("a =", "<EOF>", "="),
        ("a  =  ", "<EOF>", "=  "),
        ("a b", "b", "a b"),
        ("   a b", "b", "a b"),
        ("a = :a  b c", "b", ":a  b c"),
        ("= :a", "=", "= :a"),
        ("a := b", ":", "a :="),
        ('a = "x"', '"', '= "x'),
        ("a = 1", "1", "= 1"),
        ("a != :a", "!", "a !="),
        ("a==:a", "=", "==:a"),
        ("a< >:a", ">", "< >:a"),
        ("a = :a AND AND b = :a", "AND", "AND AND b"),
        ("a = :a)", ")", ":a)"),
        ("(a = :a", "<EOF>", ":a"),
        ("a[1.5] = :a", ".", "1.5"),
        ("a[x] = :a", "x", "[x]"),
        ("a[-1] = :a", "-", "[-1"),
        ("a[00] = :a", "0", "00]"),
        ("a. = :a", "=", ". = :a"),
        (".a = :a", ".", ".a"),
        ("_a = :a", "_", "_a"),
        ("a.1b = :a", "1", ".1b"),
        ("a in ()", ")", "()"),
        ("a in :a", ":a", "in :a"),
        ("(a).b = :a", ".", ").b"),
        ("(a) and b = :a", "and", ") and b"),
        ("a = (b = :a)", "=", "b = :a"),
        ("(a = :a) = b", "=", ") = b"),
        ("a = :a = :a", "=", ":a = :a"),
        ("begins_with()", ")", "()"),
        ("set = :a", "set", "set ="),
        ("é = :a", "é", "é ="),
        ("#", "#", "#"),
        ("AND", "AND", "AND"),
        ("(", "<EOF>", "("),
        ("not (a)", "<EOF>", ")"),
    ],
)
def test_a_syntax_error_shows_the_token_between_its_neighbours(text, token, near):
    assert refusal(text, S) == f'Invalid ConditionExpression: Syntax error; token: "{token}", near: "{near}"'


PARENTHESES = "The expression has redundant parentheses;"
OPERAND = "Incorrect operand type for operator or function; operator or function: "
DISTINCT = "The first operand must be distinct from the remaining operands for this operator or function; operator: "
MISUSED = "The function is not allowed to be used this way in an expression; function: "
PATH = "Operator or function requires a document path; operator or function: "
ELSEWHERE = "The function is not allowed in a condition expression; function: "
TYPES = "Invalid attribute type name found; type: {}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
TOO_MANY = "The IN operator is provided with too many operands; number of operands: "
NAMES_KEY, VALUES_KEY = (f"ExpressionAttribute{what} contains invalid key: " for what in ("Names", "Values"))
UNUSED_NAMES, UNUSED_VALUES = (
    f"Value provided in ExpressionAttribute{what} unused in expressions: keys: " for what in ("Names", "Values")
)
COUNT = "Incorrect number of operands for operator or function; operator or function: "


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("", S, "The expression can not be empty;"),
        ("((a = :a))", S, PARENTHESES),
        ("((a)) = :a", S, PARENTHESES),
        ("a = ((:a))", S, PARENTHESES),
        ("attribute_exists(((a)))", None, PARENTHESES),
        ("(((a = :a) and b = :a))", S, PARENTHESES),
        ("foo(a)", None, "Invalid function name; function: foo"),
        ("ATTRIBUTE_EXISTS(a)", None, "Invalid function name; function: ATTRIBUTE_EXISTS"),
        ("if_not_exists(a, :a) = :a", S, ELSEWHERE + "if_not_exists"),
        ("list_append(a, :a)", S, ELSEWHERE + "list_append"),
        ("size(a)", None, MISUSED + "size"),
        ("attribute_exists(a) = :a", S, MISUSED + "attribute_exists"),
        ("contains(a, contains(b, c))", None, MISUSED + "contains"),
        ("a = :b", S, "An expression attribute value used in expression is not defined; attribute value: :b"),
        ("#a = :a", S, "An expression attribute name used in the document path is not defined; attribute name: #a"),
        ("begins_with(a)", None, COUNT + "begins_with, number of operands: 1"),
        ("begins_with(a, :a, :a)", S, COUNT + "begins_with, number of operands: 3"),
        ("attribute_exists(a, b)", None, COUNT + "attribute_exists, number of operands: 2"),
        ("attribute_exists(:a)", S, PATH + "attribute_exists"),
        ("begins_with(a, :a)", N, OPERAND + "begins_with, operand type: N"),
        ("begins_with(size(a), :a)", S, OPERAND + "begins_with, operand type: N"),
        ("size(:a) > :a", N, OPERAND + "size, operand type: N"),
        ("size(size(a)) > :a", N, OPERAND + "size, operand type: N"),
        ("a < :a", {":a": {"BOOL": True}}, OPERAND + "<, operand type: BOOL"),
        ("a >= :a", {":a": {"SS": ["a"]}}, OPERAND + ">=, operand type: SS"),
        ("a between :a and b", {":a": {"L": []}}, OPERAND + "BETWEEN, operand type: L"),
        ("attribute_type(a, :a)", N, OPERAND + "attribute_type, operand type: N"),
        ("attribute_type(a, :a)", S, TYPES.format("x")),
        ("attribute_type(a, b)", None, OPERAND + "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}"),
        ("a = a", None, DISTINCT + "=, first operand: [a]"),
        ("a.b[0] <> a.b[0]", None, DISTINCT + "<>, first operand: [a, b, [0]]"),
        ("a in (b, a)", None, DISTINCT + "IN, first operand: [a]"),
        ("contains(a, a)", None, DISTINCT + "contains, first operand: [a]"),
        ("a between a and :a", S, DISTINCT + "BETWEEN, first operand: [a]"),
        ("a[2147483648] = :a", S, "List index is not within the allowable range; index: [2147483648]"),
        (
            "a between :a and :b",
            {":a": {"S": "x"}, ":b": {"N": "1"}},
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {S:x}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a between :a and :b",
            {":a": {"N": "10"}, ":b": {"N": "9"}},
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:10}, upper bound operand: AttributeValue: {N:9}",
        ),
    ],
)  # fmt: skip
def test_a_condition_that_means_nothing_is_refused_with_awss_words(text, values, message):
    assert refusal(text, values) == "Invalid ConditionExpression: " + message


def test_a_placeholder_for_the_same_attribute_is_not_distinct():
    assert refusal("#a = a", None, {"#a": "a"}) == "Invalid ConditionExpression: " + DISTINCT + "=, first operand: [a]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("((status = :b))", PARENTHESES),
        ("foo(status) = :b", "Invalid function name"),
        ("attribute_exists(status) = :b", MISUSED),
        ("status = :b and a = a", "reserved keyword"),
        ("#z = :z and begins_with(a)", "attribute name: #z"),
        ("begins_with(a) and #z = :z", COUNT),
        ("a = a and #z = :z", DISTINCT),
        ("begins_with(a, :n) and a = :zz", OPERAND),
    ],
)
def test_of_several_faults_the_one_that_aws_names_is_named(text, said):
    assert said in refusal(text, {":n": {"N": "1"}})


def test_the_parameter_is_named_in_the_refusal():
    assert refusal("", kind="FilterExpression") == "Invalid FilterExpression: The expression can not be empty;"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" " * 4090 + "a = :a ", "Expression size has exceeded the maximum allowed size; expression size: 4097"),
        (" and ".join(["a=:a"] * 151), "The expression contains too many operators; operator count: 301"),
        ("not " * 301 + "a=:a", "The expression contains too many operators; operator count: 301"),
        ("f(" * 301 + "a", "The expression contains too many operators; operator count: 301"),
        (f"a in ({','.join([':a'] * 101)})", TOO_MANY + "101"),
        (".".join(["a"] * 33) + " = :a", "The document path has too many nesting levels; nesting levels: 33"),
        ("(" * 2000 + "a=:a" + ")" * 2000, PARENTHESES),
        ("(" * 2000, 'Syntax error; token: "<EOF>", near: "("'),
        ("not (" * 800, 'Syntax error; token: "<EOF>", near: "("'),
    ],
)  # fmt: skip
def test_an_expression_beyond_a_limit_is_refused(text, message):
    assert refusal(text, S) == "Invalid ConditionExpression: " + message


@pytest.mark.parametrize(
    "text",
    [
        " " * 4092 + "a=:a",
        " and ".join(["a=:a"] * 150),
        "not " * 299 + "a=:a",
        "not (" * 299 + "a=:a" + ")" * 299,
        f"a in ({','.join([':a'] * 100)})",
        ".".join(["a"] * 32) + " = :a",
    ],
)
def test_an_expression_at_a_limit_is_tested(text):
    assert holds(text, S, item={}) == (text.count("not") % 2 == 1)
    assert holds(text, S, item={"a": {"S": "x"}}) == (text.count("not") % 2 == 0 and "." not in text)


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        ({}, None, "ExpressionAttributeNames must not be empty"),
        (None, {}, "ExpressionAttributeValues must not be empty"),
        ({"foo": "a"}, None, NAMES_KEY + 'Syntax error; key: "foo"'),
        ({"#": "a"}, None, NAMES_KEY + 'Syntax error; key: "#"'),
        ({"#a-b": "a"}, None, NAMES_KEY + 'Syntax error; key: "#a-b"'),
        ({"": "a"}, None, NAMES_KEY + "The expression attribute map contains an empty key;"),
        (
            {"#" + "n" * 255: "a"},
            None,
            NAMES_KEY + "The expression attribute map contains a key that is too long; size of key: 256",
        ),
        ({"#a": ""}, None, "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"),
        (None, {"a": {"S": "x"}}, VALUES_KEY + 'Syntax error; key: "a"'),
        (
            None,
            {":a": {}},
            "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, "
            "must contain exactly one of the supported datatypes for key :a",
        ),
        (
            None,
            {":a": {"SS": []}},
            "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: "
            "An string set  may not be empty for key :a",
        ),
        ({"#b": "x", "#a": "y"}, None, UNUSED_NAMES + "{#a, #b}"),
        (None, {":c": {"S": "x"}, ":b": {"S": "x"}}, UNUSED_VALUES + "{:b, :c}"),
    ],
)  # fmt: skip
def test_names_and_values_are_checked_and_must_be_used(names, values, message):
    assert refusal("attribute_exists(a)", values, names) == message


@pytest.mark.parametrize(
    ("names", "values", "parameter"),
    [
        ({f"#{index}": "n" * 60_000 for index in range(40)}, None, "ExpressionAttributeNames"),
        (None, {":a": {"S": "x" * 2_097_152}}, "ExpressionAttributeValues"),
        (None, {":a": {"L": [{"S": "x" * 1_100_000}, {"S": "x" * 1_100_000}]}}, "ExpressionAttributeValues"),
    ],
)
def test_names_and_values_are_two_megabytes_at_most(names, values, parameter):
    assert refusal("a = b", values, names) == f"{parameter} exceeds max size"
