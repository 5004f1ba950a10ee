"""Updates: what they make of an item, and AWS's words for those that cannot be."""

import copy

import pytest

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import Parameters, update

ITEM = {
    "n": {"N": "5"},
    "s": {"S": "x"},
    "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
    "m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "z"}}}}},
    "ss": {"SS": ["a", "b"]},
    "nul": {"NULL": True},
}
S, N, L = {":a": {"S": "q"}}, {":a": {"N": "7"}}, {":a": {"L": [{"S": "n"}]}}
SS = {":a": {"SS": ["b", "c"]}}


def updated(text, values=None, names=None, item=ITEM):
    before = copy.deepcopy(item)
    parameters = Parameters(names, values)
    found = update(text, parameters)
    parameters.finish()
    after = found.apply(item)
    assert item == before
    return after


def refusal(text, values=None, names=None, item=ITEM):
    with pytest.raises(Invalid) as refused:
        updated(text, values, names, item)
    return refused.value.message


def numbers(*texts):
    return {"L": [{"N": text} for text in texts]}


@pytest.mark.parametrize(
    ("text", "values", "changes"),
    [
        ("SET a = :a", S, {"a": {"S": "q"}}),
        ("set a = s", None, {"a": {"S": "x"}}),
        ("SET a = l[0]", None, {"a": {"N": "1"}}),
        ("SET a = m.b.c, n = :a", S, {"a": {"S": "z"}, "n": {"S": "q"}}),
        ("SET n = n + :a", N, {"n": {"N": "12"}}),
        ("SET n = :a - n", N, {"n": {"N": "2"}}),
        ("SET n = n + n", None, {"n": {"N": "10"}}),
        ("SET n = (n + (:a))", N, {"n": {"N": "12"}}),
        ("SET n = (n) - :a", N, {"n": {"N": "-2"}}),
        ("SET n = if_not_exists(zz, :a) + :a", N, {"n": {"N": "14"}}),
        ("SET a = if_not_exists(zz, if_not_exists(zy, :a))", N, {"a": {"N": "7"}}),
        ("SET a = if_not_exists(n, :a)", N, {"a": {"N": "5"}}),
        ("SET l = list_append(l, :a)", L, {"l": {"L": [*ITEM["l"]["L"], {"S": "n"}]}}),
        ("SET l = list_append(:a, l)", L, {"l": {"L": [{"S": "n"}, *ITEM["l"]["L"]]}}),
        ("SET a = list_append(if_not_exists(zz, :a), :a)", L, {"a": {"L": [{"S": "n"}, {"S": "n"}]}}),
        ("SET l[1] = :a", N, {"l": numbers("1", "7", "3")}),
        ("SET l[9] = :a, l[7] = n", N, {"l": numbers("1", "2", "3", "5", "7")}),
        ("SET l[0] = l[1], l[1] = l[0]", None, {"l": numbers("2", "1", "3")}),
        ("SET a = s, s = n, n = :a", N, {"a": {"S": "x"}, "s": {"N": "5"}, "n": {"N": "7"}}),
        ("SET m.zz = :a", N, {"m": {"M": {**ITEM["m"]["M"], "zz": {"N": "7"}}}}),
        ("SET m.a = :a, m.b.c = :a", S, {"m": {"M": {"a": {"S": "q"}, "b": {"M": {"c": {"S": "q"}}}}}}),
        ("REMOVE l[0], l[2]", None, {"l": numbers("2")}),
        ("REMOVE l[7]", None, {}),
        ("REMOVE l[0], l[1], l[2]", None, {"l": {"L": []}}),
        ("REMOVE l[0] SET l[1] = :a", N, {"l": numbers("7", "3")}),
        ("REMOVE l[0] SET l[9] = :a", N, {"l": numbers("2", "3", "7")}),
        ("REMOVE m.a, zz, m.zz", None, {"m": {"M": {"b": ITEM["m"]["M"]["b"]}}}),
        ("ADD n :a", N, {"n": {"N": "12"}}),
        ("ADD zz :a", N, {"zz": {"N": "7"}}),
        ("ADD m.a :a, m.zz :a", N, {"m": {"M": {**ITEM["m"]["M"], "a": {"N": "8"}, "zz": {"N": "7"}}}}),
        ("ADD l[0] :a, l[8] :a", N, {"l": numbers("8", "2", "3", "7")}),
        ("ADD ss :a", SS, {"ss": {"SS": ["a", "b", "c"]}}),
        ("ADD zz :a", SS, {"zz": {"SS": ["b", "c"]}}),
        ("DELETE ss :a", SS, {"ss": {"SS": ["a"]}}),
        ("DELETE zz :a, m.zz :a", SS, {}),
    ],
)
def test_an_update_changes_what_it_says(text, values, changes):
    assert updated(text, values) == {**ITEM, **changes}


@pytest.mark.parametrize(
    ("text", "values", "gone"),
    [("REMOVE n, s", None, {"n", "s"}), ("DELETE ss :a", {":a": {"SS": ["b", "a", "c"]}}, {"ss"})],
)
def test_an_update_takes_attributes_away(text, values, gone):
    assert updated(text, values) == {name: value for name, value in ITEM.items() if name not in gone}


def test_all_sections_work_in_any_order():
    after = updated("delete ss :s add n :one remove s set a = s", {":s": {"SS": ["a"]}, ":one": {"N": "1"}})
    assert after["a"] == {"S": "x"}
    assert after["n"] == {"N": "6"}
    assert after["ss"] == {"SS": ["b"]}
    assert "s" not in after


def test_names_stand_for_attributes():
    after = updated("SET #m.#d = :a, #s = :a", S, {"#m": "m", "#d": "with.dot", "#s": "status"})
    assert after["m"]["M"]["with.dot"] == after["status"] == {"S": "q"}


PATH = "The document path provided in the update expression is invalid for update"
MISSING = "The provided expression refers to an attribute that does not exist in the item"
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
TYPE = "An operand in the update expression has an incorrect data type"


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("SET zz.x = :a", S, PATH),
        ("SET s.x = :a", S, PATH),
        ("SET l[0].x = :a", S, PATH),
        ("SET l[9].x = :a", S, PATH),
        ("SET l.x = :a", S, PATH),
        ("SET m[0] = :a", S, PATH),
        ("REMOVE zz.x", None, PATH),
        ("REMOVE s[0]", None, PATH),
        ("DELETE zz.x :a", SS, PATH),
        ("SET a = b", None, MISSING),
        ("SET a = l[9]", None, MISSING),
        ("SET n = zz + :a", N, MISSING),
        ("SET a = if_not_exists(zz, zy)", None, MISSING),
        ("SET a = if_not_exists(n, zz)", None, MISSING),
        ("SET l = list_append(zz, :a)", L, MISSING),
        ("SET n = s + :a", N, TYPE),
        ("SET l = list_append(l, s)", None, TYPE),
        ("ADD s :a", N, TYPE),
        ("ADD nul :a", N, TYPE),
        ("ADD ss :a", {":a": {"NS": ["1"]}}, TYPE),
        ("DELETE n :a", SS, TYPE),
        ("SET n = n + :a", {":a": {"N": "1E60"}}, OVERFLOW),
    ],
)
def test_an_update_that_does_not_fit_the_item_is_refused(text, values, message):
    assert refusal(text, values) == message


OVERLAP = "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: "
CONFLICT = "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: "
OPERAND = "Incorrect operand type for operator or function; operator"
MISUSED = "The function is not allowed to be used this way in an expression; function: "


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("", None, "The expression can not be empty;"),
        ("SET", None, 'Syntax error; token: "<EOF>", near: "SET"'),
        ("SET a", None, 'Syntax error; token: "<EOF>", near: "a"'),
        ("SET a  =  :a   b  ", S, 'Syntax error; token: "b", near: ":a   b  "'),
        ("SET a = :a,", S, 'Syntax error; token: "<EOF>", near: ","'),
        ("SET :a = :a", S, 'Syntax error; token: ":a", near: "SET :a ="'),
        ("SET (a) = :a", S, 'Syntax error; token: "(", near: "SET (a"'),
        ("SETa = :a", S, 'Syntax error; token: "SETa", near: "SETa ="'),
        ("SET n = n + :a + :a", N, 'Syntax error; token: "+", near: ":a + :a"'),
        ("SET n = (n + :a) + :a", N, 'Syntax error; token: "+", near: ") + :a"'),
        ("SET n = n * :a", N, 'Syntax error; token: "*", near: "n * :a"'),
        ("SET a = list_append(:a, n + :a)", N, 'Syntax error; token: "+", near: "n + :a"'),
        ("ADD a = :a", N, 'Syntax error; token: "=", near: "a = :a"'),
        ("ADD n n", None, 'Syntax error; token: "n", near: "n n"'),
        ("DELETE ss", None, 'Syntax error; token: "<EOF>", near: "ss"'),
        ("FOO a", None, 'Syntax error; token: "FOO", near: "FOO a"'),
        ("SET a = :a SET b = :a", S, 'The "SET" section can only be used once in an update expression;'),
        ("REMOVE a REMOVE b", None, 'The "REMOVE" section can only be used once in an update expression;'),
        ("SET n = ((n + :a))", N, "The expression has redundant parentheses;"),
        ("SET n = ((n)) + :a", N, "The expression has redundant parentheses;"),
        ("SET n = foo(n)", None, "Invalid function name; function: foo"),
        ("SET n = size(l)", None, "The function is not allowed in an update expression; function: size"),
        ("SET a = list_append(list_append(l, :a), :a)", L, MISUSED + "list_append"),
        ("SET n = n + list_append(l, :a)", L, MISUSED + "list_append"),
        ("SET n = status", None, "Attribute name is a reserved keyword; reserved keyword: status"),
        ("SET a = :b", S, "An expression attribute value used in expression is not defined; attribute value: :b"),
        (
            "REMOVE #a",
            None,
            "An expression attribute name used in the document path is not defined; attribute name: #a",
        ),
        ("SET a = :a, a = :a", S, OVERLAP + "[a], path two: [a]"),
        ("SET m.a = :a, m = :a", S, OVERLAP + "[m, a], path two: [m]"),
        ("SET m.a = :a REMOVE m.a.b", S, OVERLAP + "[m, a], path two: [m, a, b]"),
        ("SET a.b.c = :a, a.b.d = :a, a = :a", S, OVERLAP + "[a, b, d], path two: [a]"),
        ("SET m.a = :a, m[0] = :a", S, CONFLICT + "[m, a], path two: [m, [0]]"),
        ("SET n = n + :a", S, OPERAND + " or function: +, operand type: S"),
        ("SET n = :a - n", S, OPERAND + " or function: -, operand type: S"),
        ("SET l = list_append(l, :a)", S, OPERAND + " or function: list_append, operand type: S"),
        ("ADD n :a", S, OPERAND + ": ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND"),
        ("ADD l :a", L, OPERAND + ": ADD, operand type: LIST, typeSet: ALLOWED_FOR_ADD_OPERAND"),
        ("DELETE n :a", N, OPERAND + ": DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND"),
        (
            "SET n = if_not_exists(:a, :a)",
            N,
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
        (
            "SET n = if_not_exists(n)",
            None,
            "Incorrect number of operands for operator or function; "
            "operator or function: if_not_exists, number of operands: 1",
        ),
        (
            "SET n = if_not_exists(n, n)",
            None,
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: if_not_exists, first operand: [n]",
        ),
        (
            "SET " + ", ".join(f"a{index}=:a+:a" for index in range(301)),
            N,
            "The expression contains too many operators; operator count: 301",
        ),
    ],
)
def test_an_update_that_means_nothing_is_refused_with_awss_words(text, values, message):
    assert refusal(text, values) == "Invalid UpdateExpression: " + message


def test_two_names_of_one_attribute_overlap():
    said = refusal("SET #a = :a, #b = :a", S, {"#a": "x", "#b": "x"})
    assert said == "Invalid UpdateExpression: " + OVERLAP + "[x], path two: [x]"


def test_a_list_may_be_appended_to_itself():
    assert updated("SET l = list_append(l, l)")["l"] == numbers("1", "2", "3", "1", "2", "3")


def test_values_are_judged_for_every_request_again():
    assert updated("ADD n :a", N)["n"] == {"N": "12"}
    assert "operand type: STRING" in refusal("ADD n :a", S)
    assert "attribute value: :a" in refusal("ADD n :a", {":b": {"N": "1"}})


def nested(levels):
    value = {"S": "x"}
    for _ in range(levels):
        value = {"M": {"a": value}}
    return value


def test_an_update_may_not_nest_deeper_than_an_item_may():
    item = {"m": nested(31)}
    deepest = "m" + ".a" * 30
    assert updated(f"SET {deepest} = :a", {":a": {"M": {"b": {"S": "y"}}}}, item=item)
    assert refusal(f"SET {deepest} = :a", {":a": {"M": {"b": {"L": []}}}}, item=item) == (
        "Nesting Levels have exceeded supported limits"
    )


def test_what_an_update_touched_can_be_picked_from_before_and_after():
    parameters = Parameters(None, {":a": {"N": "7"}})
    found = update("SET m.a = :a, l[1] = :a, zz = :a REMOVE s", parameters)
    after = found.apply(ITEM)
    assert found.picked(ITEM) == {"m": {"M": {"a": {"N": "1"}}}, "l": numbers("2"), "s": {"S": "x"}}
    assert found.picked(after) == {"m": {"M": {"a": {"N": "7"}}}, "l": numbers("7"), "zz": {"N": "7"}}
    assert found.touched == (("m", "a"), ("l", 1), ("zz",), ("s",))


def test_the_attributes_of_an_update_are_those_it_reads_and_writes():
    parameters = Parameters({"#o": "other"}, {":a": {"N": "7"}})
    found = update("SET a.b = if_not_exists(#o.c, d) ADD n :a", parameters)
    assert found.attributes == {"a", "other", "d", "n"}
