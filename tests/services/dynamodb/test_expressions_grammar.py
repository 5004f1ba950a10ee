"""The grammar, whatever comes: errors are the caller's, work is as long as the text, what is printed is read."""

import sys
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.services.dynamodb.errors import Invalid
from pileus.services.dynamodb.expressions import (
    Parameters,
    condition,
    condition_grammar,
    key_condition,
    projection,
    update,
    update_grammar,
)
from pileus.services.dynamodb.expressions.reserved import is_reserved, words
from pileus.services.dynamodb.expressions.syntax import (
    Action,
    Comparison,
    Function,
    Junction,
    Not,
    Path,
    Ref,
    Sum,
)

NAMES = {"#a": "a", "#b": "status"}
VALUES = {
    ":n": {"N": "1"},
    ":s": {"S": "S"},
    ":b": {"B": "YQ=="},
    ":l": {"L": []},
    ":ss": {"SS": ["x"]},
    ":t": {"BOOL": True},
}
ITEMS = (
    {},
    {"a": {"N": "1"}, "b": {"S": "x"}, "status": {"SS": ["x"]}},
    {"a": {"L": [{"N": "2"}, {"M": {"b": {"N": "3"}}}]}, "b": {"M": {"a": {"B": "YQ=="}, "status": {"L": []}}}},
)
WORDS = [
    *("a", "b", "c.d", "status", "#a", "#b", "#z", ":n", ":s", ":b", ":l", ":ss", ":t", ":z", "[0]", "[1]", ".", ","),
    *("(", ")", "((", "))", "=", "<>", "<", "<=", ">", ">=", "+", "-", "AND", "OR", "NOT", "BETWEEN", "IN", "SET"),
    *("REMOVE", "ADD", "DELETE", "size(", "begins_with(", "contains(", "attribute_exists(", "attribute_type("),
    *("if_not_exists(", "list_append(", "foo(", "1", "00", "!", "é", "#", ":", "\x00", "\n"),
]
soups = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


def all_of(text):
    """What each grammar says of a text: whether it took it."""
    taken = []
    for read in (
        lambda parameters: condition("FilterExpression", text, parameters).test,
        lambda parameters: update(text, parameters).apply,
        lambda parameters: projection(text, parameters).of,
        lambda parameters: key_condition(text, parameters, "a", "b"),
    ):
        try:
            found = read(Parameters(NAMES, VALUES))
        except ApiError:
            taken.append(False)
            continue
        taken.append(True)
        for item in ITEMS if callable(found) else ():
            with suppress(ApiError):
                found(item)
    return taken


@settings(deadline=None)
@given(st.one_of(soups, st.text(max_size=40)))
@example("a = :n")
@example("SET a = :n")
def test_whatever_text_comes_the_only_error_is_the_callers(text):
    taken = all_of(text)
    assert sum(taken) <= 2  # a condition may be a key condition too; nothing else is two things
    assert taken[0] or not taken[3]


# Sentences of the grammar, as trees and as text.

paths = st.builds(
    lambda first, rest: Path((first, *rest)),
    st.sampled_from(["a", "b", "#a"]),
    st.lists(st.one_of(st.sampled_from(["x", "#b"]), st.integers(0, 99)), max_size=3),
)
refs = st.sampled_from(sorted(VALUES)).map(Ref)
sizes = paths.map(lambda path: Function("size", (path,)))
operands = st.one_of(paths, refs, sizes)
comparisons = st.one_of(
    st.builds(
        lambda operator, left, right: Comparison(operator, (left, right)),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        operands,
        operands,
    ),
    st.tuples(operands, operands, operands).map(lambda found: Comparison("BETWEEN", found)),
    st.lists(operands, min_size=2, max_size=4).map(lambda found: Comparison("IN", tuple(found))),
    st.builds(
        lambda name, left, right: Function(name, (left, right)),
        st.sampled_from(["begins_with", "contains"]),
        paths,
        refs,
    ),
    paths.map(lambda path: Function("attribute_exists", (path,))),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map(Not),
        st.builds(Junction, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)
BINDS = {"OR": 1, "AND": 2}


def printed(node):
    if isinstance(node, Path):
        first, *rest = node.parts
        return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    if isinstance(node, Ref):
        return node.name
    if isinstance(node, Function):
        return f"{node.name}({', '.join(map(printed, node.args))})"
    if isinstance(node, Sum):
        return f"{printed(node.left)} {node.operator} {printed(node.right)}"
    if isinstance(node, Comparison):
        first, *rest = map(printed, node.operands)
        if node.operator == "IN":
            return f"{first} IN ({', '.join(rest)})"
        return f"{first} {node.operator} {' AND '.join(rest)}"
    if isinstance(node, Not):
        return "NOT " + within(node.condition, isinstance(node.condition, Junction))
    binds = BINDS[node.operator]
    return f" {node.operator} ".join(
        within(inner, isinstance(inner, Junction) and BINDS[inner.operator] <= binds) for inner in node.conditions
    )


def within(node, parentheses):
    return f"({printed(node)})" if parentheses else printed(node)


A = Function("attribute_exists", (Path(("a",)),))


@settings(deadline=None)
@given(conditions)
@example(Junction("AND", [Junction("AND", [A, A]), A]))
@example(Junction("OR", [A, Junction("OR", [A, A])]))
@example(Junction("AND", [Junction("OR", [A, A]), Not(Junction("AND", [A, A]))]))
def test_a_printed_condition_is_read_as_it_was(node):
    read, _ = condition_grammar.read("ConditionExpression", printed(node))
    assert read == node


terms = st.one_of(
    operands.filter(lambda operand: not isinstance(operand, Function)),
    st.builds(lambda path, ref: Function("if_not_exists", (path, ref)), paths, refs),
)
actions = st.one_of(
    st.builds(lambda path, term: Action("SET", path, term), paths, terms),
    st.builds(lambda path, *sum: Action("SET", path, Sum(*sum)), paths, st.sampled_from("+-"), terms, terms),
    st.builds(lambda path: Action("REMOVE", path), paths),
    st.builds(lambda section, path, ref: Action(section, path, ref), st.sampled_from(["ADD", "DELETE"]), paths, refs),
)


@settings(deadline=None)
@given(st.lists(actions, min_size=1, max_size=6))
def test_a_printed_update_is_read_as_it_was(wanted):
    by_section: dict[str, list[Action]] = {}
    for action in wanted:
        by_section.setdefault(action.section, []).append(action)
    between = {"SET": " = ", "REMOVE": "", "ADD": " ", "DELETE": " "}
    text = " ".join(
        f"{section} "
        + ", ".join(
            printed(action.path) + between[section] + ("" if action.operand is None else printed(action.operand))
            for action in group
        )
        for section, group in by_section.items()
    )
    read, sections, _ = update_grammar.read("UpdateExpression", text)
    assert read == [action for group in by_section.values() for action in group]
    assert sections == list(by_section)


@settings(deadline=None)
@given(conditions)
def test_a_condition_means_the_same_with_parentheses_around_everything(node):
    """Printed with every parenthesis, a tree is tested as it is printed with the fewest."""
    text = printed(node)
    full = fully(node)
    for item in ITEMS:
        outcomes = []
        for each in (text, full):
            try:
                outcomes.append(condition("FilterExpression", each, Parameters(NAMES, VALUES)).test(item))
            except Invalid as fault:
                outcomes.append(fault.message)
        assert outcomes[0] == outcomes[1]


def fully(node):
    if isinstance(node, Not):
        return f"(NOT {fully(node.condition)})"
    if isinstance(node, Junction):
        return "(" + f" {node.operator} ".join(map(fully, node.conditions)) + ")"
    return f"({printed(node)})"


# Work: Python's calls, counted, so that the machine's speed is of no matter.

LONG = {
    "parentheses": lambda size: "(" * (size // 2) + "a=:n" + ")" * (size // 2),
    "open parentheses": lambda size: "(" * size,
    "nots": lambda size: "not " * (size // 4) + "a=:n",
    "ands": lambda size: " and ".join(["a=:n"] * (size // 9)),
    "or in and": lambda size: " and ".join(["(a=:n or b=:n)"] * (size // 20)),
    "functions": lambda size: "f(" * (size // 3) + "a" + ")" * (size // 3),
    "arguments": lambda size: "f(" + "a," * (size // 2) + "a)",
    "in": lambda size: "a in (" + "b," * (size // 2) + "b)",
    "path": lambda size: "a" + ".b" * (size // 2) + "=:n",
    "set": lambda size: "SET " + ",".join(f"a{n}=:n" for n in range(size // 8)),
    "nested paths": lambda size: "REMOVE " + ",".join(f"a.b.c{n}" for n in range(size // 10)),
    "overlaps": lambda size: "REMOVE " + ",".join(f"a[{n}].b" for n in range(size // 9)),
    "projection": lambda size: ",".join(f"a{n}" for n in range(size // 5)),
    "unknown": lambda size: "é" * size,
}


def calls(work):
    count = 0

    def counting(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("shape", LONG)
def test_no_text_costs_more_than_its_length(shape):
    all_of("a=:n")
    short, long = (calls(lambda size=size: all_of(LONG[shape](size))) for size in (1000, 4000))
    assert long < 6 * short + 2000
    assert long < 150 * 4000


DEEPEST = [
    "not (" * 299 + "a = :n" + ")" * 299,
    "(a = :n or " * 149 + "a = :n" + ")" * 149,
    "SET a = " + "if_not_exists(b," * 239 + ":n" + ")" * 239,
]


@pytest.mark.parametrize("text", DEEPEST)
def test_the_deepest_expression_leaves_room_on_the_stack(text):
    """Pileus's own frames stand below: a fifth of Python's thousand must be left."""
    before = sys.getrecursionlimit()
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 800)
    try:
        taken = all_of(text)
    finally:
        sys.setrecursionlimit(before)
    assert sum(taken) == 1


def test_the_reserved_words_are_awss_573():
    assert len(words()) == 573
    assert all(word == word.upper() for word in words())
    assert is_reserved("Status")
    assert not is_reserved("pk")
