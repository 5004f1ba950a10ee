"""PartiQL's words.

Source: DynamoDB Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
"""

import re
from typing import NamedTuple

from ..errors import Invalid

STATEMENT_CHARACTERS_MAX = 8_192
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<sign><<|>>|<>|!=|<=|>=|[=<>+\-*.,;:()\[\]{}?])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """`kind`: string, quoted, number, word, sign or end; `text`: what it stands for."""

    kind: str
    text: str
    at: int


def malformed(why: str) -> Invalid:
    return Invalid(f"Statement wasn't well formed, can't be processed: {why}")


def tokens(statement: str) -> list[Token]:
    """Raises Invalid for what is no word of the language."""
    if len(statement) > STATEMENT_CHARACTERS_MAX:
        raise malformed(f"a statement has at most {STATEMENT_CHARACTERS_MAX} characters")
    found, at = [], 0
    while at < len(statement):
        match = _TOKEN.match(statement, at)
        if match is None:
            raise malformed(f"Unexpected character at {at + 1}: {statement[at]}")
        kind, text = match.lastgroup or "", match[0]
        if kind in ("string", "quoted"):
            text = text[1:-1].replace(text[0] * 2, text[0])
        if kind != "space":
            found.append(Token(kind, text, at))
        at = match.end()
    found.append(Token("end", "", at))
    return found
