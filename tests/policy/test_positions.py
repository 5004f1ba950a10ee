"""Statements are found where they stand."""

import json

from pileus.policy.positions import Position, statement_positions

DOCUMENT = """{
  "Version":"2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Action": "a:b",
    "Resource": "*", "Condition": {"Bool": {"a:\\"{": "true"}}
  }
}"""


def test_a_single_statement_starts_at_its_brace_and_ends_behind_it() -> None:
    assert statement_positions(DOCUMENT) == [(Position(3, 16), Position(7, 4))]


def test_every_statement_of_a_list_is_found() -> None:
    statements = [{"Sid": f"S{n}", "Condition": {"Bool": {"a:b": "{"}}} for n in range(3)]
    text = json.dumps({"Id": "Statement", "Statement": statements, "Version": "2012-10-17"})
    parts = [text[start.column - 1 : end.column - 1] for start, end in statement_positions(text)]
    assert [json.loads(part) for part in parts] == statements
