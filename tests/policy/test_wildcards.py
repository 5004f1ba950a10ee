"""Wildcards: every matcher answers as the plainest one would, and none can be made slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.base.clock import monotonic
from pileus.policy import wildcards


def naive(pattern: str, text: str) -> bool:
    rows = [[False] * (len(text) + 1) for _ in range(len(pattern) + 1)]
    rows[0][0] = True
    for i, sign in enumerate(pattern, 1):
        rows[i][0] = rows[i - 1][0] and sign == "*"
        for j, character in enumerate(text, 1):
            if sign == "*":
                rows[i][j] = rows[i - 1][j] or rows[i][j - 1]
            else:
                rows[i][j] = rows[i - 1][j - 1] and sign in ("?", character)
    return rows[-1][-1]


def naive_arn(pattern: str, text: str) -> bool:
    """The documented rule, read aloud: backtracking over every way to place the stars."""
    if not pattern:
        return not text
    return _naive_arn(pattern, text, 0, 0, {})


def _naive_arn(pattern: str, text: str, i: int, j: int, memo: dict[tuple[int, int], bool]) -> bool:
    if i == len(pattern):
        return j == len(text)
    if (i, j) not in memo:
        in_head = pattern[:i].count(":") < 5
        sign = pattern[i]
        if sign == "*":
            last = pattern[i:].lstrip("*")
            crosses = not in_head or not last or last.startswith(":")
            here = j < len(text) and (crosses or text[j] != ":")
            memo[i, j] = _naive_arn(pattern, text, i + 1, j, memo) or (
                here and _naive_arn(pattern, text, i, j + 1, memo)
            )
        elif sign == "?":
            here = j < len(text) and not (in_head and text[j] == ":")
            memo[i, j] = here and _naive_arn(pattern, text, i + 1, j + 1, memo)
        else:
            memo[i, j] = text[j : j + 1] == sign and _naive_arn(pattern, text, i + 1, j + 1, memo)
    return memo[i, j]


@given(st.text("ab:*?", max_size=12), st.text("ab:", max_size=16))
def test_a_plain_pattern_matches_what_the_naive_matcher_matches(pattern: str, text: str) -> None:
    assert wildcards.plain(pattern)(text) == naive(pattern, text)


@given(st.text("ab:*?", max_size=16), st.text("ab:", max_size=20))
def test_an_arn_pattern_matches_what_the_documented_rule_says(pattern: str, text: str) -> None:
    assert wildcards.arn(pattern)(text) == naive_arn(pattern, text)


PIECES = st.lists(st.sampled_from(["*", "?", ":", "a:", ":a", "*:", "b", "a*"]), max_size=9).map("".join)


@given(PIECES, st.text("aab:", max_size=14))
def test_an_arn_pattern_that_mixes_both_stars_is_still_right(pattern: str, text: str) -> None:
    assert wildcards.arn(pattern)(text) == naive_arn(pattern, text)


@given(st.text(max_size=8), st.text(max_size=8))
def test_regular_expression_signs_in_a_pattern_are_plain_characters(pattern: str, text: str) -> None:
    assert wildcards.plain(pattern)(text) == naive(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("*", "arn:aws:sqs:us-east-1:111122223333:orders", True),
        ("arn:aws:sqs:us-east-1:111122223333:orders", "arn:aws:sqs:us-east-1:111122223333:orders", True),
        ("arn:aws:sqs:us-east-1:111122223333:orders", "arn:aws:sqs:us-east-1:111122223333:Orders", False),
        ("arn:aws:sqs:*:111122223333:orders", "arn:aws:sqs:eu-west-1:111122223333:orders", True),
        ("arn:aws:sqs:us-*-1:111122223333:*", "arn:aws:sqs:us-east-1:111122223333:orders", True),
        ("arn:aws:sqs:us-*t-1:111122223333:*", "arn:aws:sqs:us-x:444455556666:east-1:111122223333:o", False),
        ("arn:aws:s3:::bucket/*.txt", "arn:aws:s3:::bucket/a:b/c.txt", True),
        ("arn:aws:s3:::bucket/?", "arn:aws:s3:::bucket/a", True),
        ("arn:aws:s3:::bucket/?", "arn:aws:s3:::bucket/", False),
        ("arn:aws:iam::11112222333?:user/*", "arn:aws:iam::111122223333:user/a/b", True),
        ("arn:aws:sqs:us-east-1:1*1:q", "arn:aws:sqs:us-east-1:111:q", True),
        ("arn:aws:sqs:us-east-1:1*1:q", "arn:aws:sqs:us-east-1:1:1:q", False),
        ("arn:aws:sqs:us-east-1:1?1:q", "arn:aws:sqs:us-east-1:1:1:q", False),
        ("x*:y*z:w", "x1:yq:yaz:w", True),
        ("x*:y*z:w", "x1:yq:ya:z:w", False),
        ("arn:aws:sqs:*", "arn:aws:sqs:us-east-1:111122223333:orders", True),
    ],
)
def test_resources_match_part_by_part(pattern: str, resource: str, matches: bool) -> None:
    assert wildcards.arn(pattern)(resource) is matches


@pytest.mark.parametrize("compile_one", [wildcards.plain, wildcards.arn])
@pytest.mark.parametrize(
    "pattern",
    ["a*" * 200 + "b", "*a" * 200 + "b", "*?a" * 100 + "b*", "arn:*:" + "x*a" * 60 + ":*b", "*" * 500 + "b"],
)
def test_a_nasty_pattern_costs_time_linear_in_the_text(compile_one, pattern: str) -> None:  # type: ignore[no-untyped-def]
    match = compile_one(pattern)
    started = monotonic()
    assert match("arn:" + "a" * 20_000) is False
    assert monotonic() - started < 2


def test_many_patterns_become_one_matcher() -> None:
    patterns = [wildcards.tokens(text) for text in ("sqs:sendmessage", "sqs:get*", "s3:*")]
    match = wildcards.any_of(patterns, wildcards.compile_plain)
    assert [match(text) for text in ("sqs:sendmessage", "sqs:getqueueurl", "s3:x", "sqs:purge")] == [1, 1, 1, 0]
