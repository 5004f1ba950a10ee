"""Projections: which parts of an item they leave."""

import pytest

from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import Parameters, projection

ITEM = {
    "pk": {"S": "a"},
    "s": {"S": "s"},
    "l": {"L": [{"N": "1"}, {"L": [{"S": "a"}, {"S": "b"}]}, {"M": {"x": {"S": "1"}, "y": {"S": "2"}}}]},
    "m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "z"}, "d": {"S": "w"}}}, "e": {"M": {}}}},
}


def projected(text, names=None):
    parameters = Parameters(names, None)
    found = projection(text, parameters)
    parameters.finish()
    return found.of(ITEM)


def refusal(text, names=None):
    with pytest.raises(Invalid) as refused:
        projected(text, names)
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("pk", {"pk": ITEM["pk"]}),
        ("pk, m, zz", {"pk": ITEM["pk"], "m": ITEM["m"]}),
        ("l[0]", {"l": {"L": [{"N": "1"}]}}),
        ("l[1][1], l[0]", {"l": {"L": [{"N": "1"}, {"L": [{"S": "b"}]}]}}),
        ("l[2].y, l[2].zz, l[9]", {"l": {"L": [{"M": {"y": {"S": "2"}}}]}}),
        ("l[1][1], l[1][0]", {"l": {"L": [{"L": [{"S": "a"}, {"S": "b"}]}]}}),
        ("m.b.c, m.a", {"m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "z"}}}}}}),
        ("m.e", {"m": {"M": {"e": {"M": {}}}}}),
        ("m.zz, m.b.zz, s.x, s[0], l.x, m.b[0], l[2].zz, l[0].x", None),
        ("m.e.x, pk", {"pk": ITEM["pk"]}),
    ],
)
def test_a_projection_leaves_the_paths_it_names(text, left):
    if left is None:
        for path in text.split(", "):
            assert projected(path) == {}
    else:
        assert projected(text) == left


def test_names_stand_for_attributes_and_are_no_paths():
    assert projected("#m.b", {"#m": "m"}) == {"m": {"M": {"b": ITEM["m"]["M"]["b"]}}}
    assert projected("#m", {"#m": "m.b"}) == {}


def test_the_attributes_of_a_projection_are_the_top_level_ones():
    assert projection("#a.b, l[0], l[1], s", Parameters({"#a": "m"}, None)).attributes == {"m", "l", "s"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The expression can not be empty;"),
        (" ", 'Syntax error; token: "<EOF>", near: " "'),
        ("pk,", 'Syntax error; token: "<EOF>", near: ","'),
        ("pk sk", 'Syntax error; token: "sk", near: "pk sk"'),
        ("*", 'Syntax error; token: "*", near: "*"'),
        (":a", 'Syntax error; token: ":a", near: ":a"'),
        ("(pk)", 'Syntax error; token: "(", near: "(pk"'),
        ("size(a)", 'Syntax error; token: "(", near: "size(a"'),
        ("l[-1]", 'Syntax error; token: "-", near: "[-1"'),
        ("status", "Attribute name is a reserved keyword; reserved keyword: status"),
        ("#a", "An expression attribute name used in the document path is not defined; attribute name: #a"),
        (".".join(["a"] * 33), "The document path has too many nesting levels; nesting levels: 33"),
        (
            "m, m.a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [m], path two: [m, a]",
        ),
        (
            "l[0], l.x",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; "
            "path one: [l, [0]], path two: [l, x]",
        ),
    ],
)
def test_a_projection_that_means_nothing_is_refused_with_awss_words(text, message):
    assert refusal(text) == "Invalid ProjectionExpression: " + message


def test_a_projection_of_four_thousand_bytes_is_read():
    names = [f"a{index}" for index in range(800)]
    text = ",".join(names)[:4096].rpartition(",")[0]
    assert projection(text, Parameters(None, None)).attributes == set(text.split(","))
