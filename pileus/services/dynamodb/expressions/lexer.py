"""From an expression's text to its tokens."""

import re
from typing import NamedTuple

KEYWORDS = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"))

NAME, NAME_PLACEHOLDER, VALUE_PLACEHOLDER, INDEX, UNKNOWN, END = "name", "#", ":", "index", "?", "<EOF>"

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<hash>\#[A-Za-z0-9_]+)"
    r"|(?P<colon>:[A-Za-z0-9_]+)"
    r"|(?P<index>0|[1-9][0-9]*)"
    r"|(?P<symbol><=|>=|<>|[=<>()\[\].,+-])"
    r"|(?P<unknown>.)",
    re.DOTALL,
)
_KINDS = {"hash": NAME_PLACEHOLDER, "colon": VALUE_PLACEHOLDER, "index": INDEX, "unknown": UNKNOWN}


class Token(NamedTuple):
    """`kind` is one of the constants above, a keyword in capitals, or the symbol itself."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Every token and an END. What is no token of the language is a token too: the parser says where it stands."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        word = match.group()
        if group == "name":
            kind = word.upper() if word.upper() in KEYWORDS else NAME
        elif group == "symbol":
            kind = word
        elif group == "space" or group is None:
            continue
        else:
            kind = _KINDS[group]
        found.append(Token(kind, word, match.start(), match.end()))
    found.append(Token(END, "<EOF>", len(text), len(text)))
    return found
