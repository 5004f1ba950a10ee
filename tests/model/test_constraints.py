"""A model's constraints, in AWS's words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pileus.model import load, patterns, services
from pileus.model.constraints import check

KEY = {"AttributeName": "k", "KeyType": "HASH"}
DEFINITION = {"AttributeName": "k", "AttributeType": "S"}


def wrong(service: str, operation: str, request: dict[str, Any]) -> str | None:
    return check(load(service).operation(operation), request)


def test_a_request_that_keeps_every_constraint_has_no_message() -> None:
    assert wrong("iam", "CreateUser", {"UserName": "alice", "Path": "/a/"}) is None
    table = {"TableName": "table", "KeySchema": [KEY], "AttributeDefinitions": [DEFINITION]}
    assert wrong("dynamodb", "CreateTable", table) is None


def test_a_name_that_is_too_long_is_told_as_iam_tells_it() -> None:
    name = "x" * 65
    assert wrong("iam", "CreateUser", {"UserName": name}) == (
        f"1 validation error detected: Value '{name}' at 'userName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_a_missing_member_is_null() -> None:
    assert wrong("iam", "CreateUser", {}) == (
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"
    )


def test_several_errors_are_counted_and_joined() -> None:
    assert wrong("sts", "AssumeRole", {"RoleArn": "short", "RoleSessionName": "x", "DurationSeconds": 1}) == (
        "3 validation errors detected: "
        "Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; "
        "Value 'x' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2; "
        "Value '1' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 900"
    )


def test_a_pattern_is_printed_as_the_model_has_it() -> None:
    found = wrong("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "a b"})
    assert found == (
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_an_enumeration_is_printed_with_its_values() -> None:
    odd = {"AttributeName": "k", "AttributeType": "X"}
    assert wrong(
        "dynamodb", "CreateTable", {"TableName": "table", "KeySchema": [KEY], "AttributeDefinitions": [odd]}
    ) == (
        "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [S, N, B]"
    )


def test_a_member_of_a_map_is_named_by_its_key() -> None:
    found = wrong("dynamodb", "BatchGetItem", {"RequestItems": {"table": {"Keys": []}}})
    assert found is not None
    assert "Value '[]' at 'requestItems.table.member.keys'" in found
    assert "Member must have length greater than or equal to 1" in found


def test_length_is_counted_in_utf16_as_java_does() -> None:
    assert wrong("iam", "TagUser", {"UserName": "u", "Tags": [{"Key": "𝐀" * 64, "Value": ""}]}) is None
    assert "length less than or equal to 128" in str(
        wrong("iam", "TagUser", {"UserName": "u", "Tags": [{"Key": "𝐀" * 65, "Value": ""}]})
    )


def test_a_huge_value_is_not_sent_back_whole() -> None:
    assert len(str(wrong("iam", "CreateUser", {"UserName": "x" * 100_000}))) < 3_000


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\w+=,.@-]+", "a.b@c", "a b"),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "é 1", "a\x00"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a😹\n", "\x00"),
        (r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", "/a/b/", "a/b"),
        (r"[\w-_]*", "a-b_", "a b"),
        (r"[\x{0020}-\x{00FF}]*", "é", "日"),
    ],
)
def test_javas_expressions_are_read(pattern: str, good: str, bad: str) -> None:
    compiled = patterns.compiled(pattern)
    assert compiled is not None
    assert compiled.fullmatch(good)
    assert not compiled.fullmatch(bad)


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)*", "([a-z]*)*x", "((a+)b?)+", "(/[a-z/]+)*"])
def test_an_expression_that_could_take_for_ever_is_not_run(pattern: str) -> None:
    assert patterns.compiled(pattern) is None


TEXTS = (
    "a" * 26 + "!",
    "-" * 26 + "!",
    "arn:aws:" + "a:" * 12 + "!",
    "a." * 13 + "!",
    "/" + "a/" * 12 + "\n",
    "1" * 26 + "!",
)


def test_no_pattern_of_aws_takes_long() -> None:
    slow, seen = [], set()
    for name in ("iam", "sts", "sqs", "dynamodb", "lambda", "events", "cloudformation", "ssm", "rds", "apigateway"):
        assert name in {entry.name for entry in services()}
        for raw in load(name).model["shapes"].values():
            pattern = raw.get("pattern")
            if pattern is None or pattern in seen or (compiled := patterns.compiled(pattern)) is None:
                continue
            seen.add(pattern)
            started = time.process_time()
            for text in TEXTS:
                compiled.fullmatch(text)
            if time.process_time() - started > 0.2:
                slow.append(pattern)
    assert slow == []
    assert len(seen) > 200
