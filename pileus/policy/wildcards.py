"""Wildcard patterns (`*`, `?`) compiled to the cheapest matcher that answers them, in time linear in the text.

Two languages share the signs. A *plain* pattern (actions, StringLike) lets `*` and `?` stand for anything. In an *ARN*
pattern the parts before the resource are apart from each other: a `?` is never a colon, and a `*` stays inside its part
unless it ends the part (IAM User Guide, "IAM JSON policy elements: Resource"). In the resource part everything goes.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

Matcher = Callable[[str], bool]


class Wild(Enum):
    ANY = "*"
    ONE = "?"
    ANY_BUT_COLON = "*:"
    ONE_BUT_COLON = "?:"


Token = str | Wild

_SIGNS = re.compile(r"([*?])")
_CLASS = {Wild.ANY: ".", Wild.ONE: ".", Wild.ANY_BUT_COLON: "[^:]", Wild.ONE_BUT_COLON: "[^:]"}
_STARS = (Wild.ANY, Wild.ANY_BUT_COLON)
_REMEMBERED = 256


def everything(_: str) -> bool:
    return True


def tokens(pattern: str) -> list[Token]:
    """The pattern's literal runs and wildcards, in order."""
    found: list[Token] = []
    for piece in _SIGNS.split(pattern):
        if piece == "*":
            found.append(Wild.ANY)
        elif piece == "?":
            found.append(Wild.ONE)
        elif piece:
            found.append(piece)
    return found


def compile_plain(parts: Iterable[Token]) -> Matcher:
    return _compile(_tidy(parts))


def compile_arn(parts: Iterable[Token]) -> Matcher:
    return _compile(_tidy(_bound_to_parts(_tidy(parts))))


def plain(pattern: str) -> Matcher:
    return compile_plain(tokens(pattern))


def arn(pattern: str) -> Matcher:
    return compile_arn(tokens(pattern))


def any_of(patterns: Sequence[Sequence[Token]], one: Callable[[Iterable[Token]], Matcher]) -> Matcher:
    """One matcher for several patterns: literals become a set, the rest are tried in turn."""
    literal: set[str] = set()
    rest: list[Matcher] = []
    for parts in patterns:
        if all(isinstance(part, str) for part in parts):
            literal.add("".join(str(part) for part in parts))
        else:
            rest.append(one(parts))
    if everything in rest:
        return everything
    if literal:
        exact = next(iter(literal)).__eq__ if len(literal) == 1 else frozenset(literal).__contains__
        rest.insert(0, exact)
    if len(rest) == 1:
        return rest[0]
    matchers = tuple(rest)

    def match(text: str) -> bool:
        for matcher in matchers:  # noqa: SIM110 - a loop costs a third of any() here
            if matcher(text):
                return True
        return False

    return match


class Remembered:
    """Matchers of patterns whose variables are filled in for each request; bounded, since callers choose the values."""

    __slots__ = ("_compile", "_known")

    def __init__(self, compile_all: Callable[[list[list[Token]]], Matcher]):
        self._compile = compile_all
        self._known: dict[tuple[tuple[Token, ...], ...], Matcher] = {}

    def matcher(self, patterns: list[list[Token]]) -> Matcher:
        key = tuple(tuple(parts) for parts in patterns)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = self._compile(patterns)
        return known


def _tidy(parts: Iterable[Token]) -> list[Token]:
    """Joins neighbouring literals and neighbouring stars."""
    tidy: list[Token] = []
    for part in parts:
        last = tidy[-1] if tidy else None
        if isinstance(part, str) and isinstance(last, str):
            tidy[-1] = last + part
        elif part in _STARS and last in _STARS:
            tidy[-1] = Wild.ANY if Wild.ANY in (part, last) else Wild.ANY_BUT_COLON
        elif part != "":
            tidy.append(part)
    return tidy


def _bound_to_parts(parts: list[Token]) -> list[Token]:
    bound: list[Token] = []
    colons = 0
    for position, part in enumerate(parts):
        if isinstance(part, str):
            colons += part.count(":")
        elif colons < 5:
            after = parts[position + 1] if position + 1 < len(parts) else ":"
            if part is Wild.ONE:
                part = Wild.ONE_BUT_COLON
            elif not (isinstance(after, str) and after.startswith(":")):
                part = Wild.ANY_BUT_COLON
        bound.append(part)
    return bound


def _compile(parts: list[Token]) -> Matcher:
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts).__eq__
    if parts == [Wild.ANY]:
        return everything
    if len(parts) == 2 and isinstance(parts[0], str) and parts[1] is Wild.ANY:
        prefix = parts[0]
        return lambda text: text.startswith(prefix)
    stars = [part for part in parts if part in _STARS]
    if Wild.ANY_BUT_COLON in stars[stars.index(Wild.ANY) :] if Wild.ANY in stars else False:
        return _automaton(parts)
    match = re.compile(_regex(parts), re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _regex(parts: list[Token]) -> str:
    """Each star takes the nearest place its literal fits, for good (atomic groups): stars never backtrack."""
    pieces: list[tuple[str, str]] = [("", "")]
    for part in parts:
        star, text = pieces[-1]
        if isinstance(part, str):
            pieces[-1] = (star, text + re.escape(part))
        elif part in _STARS:
            pieces.append((_CLASS[part], ""))
        else:
            pieces[-1] = (star, text + _CLASS[part])
    *early, last = pieces[1:] or [("", "")]
    middle = "".join(f"(?>{star}*?{text})" for star, text in early)
    end = f"{last[0]}*{last[1]}" if last[0] else ""
    return pieces[0][1] + middle + end


def _automaton(parts: list[Token]) -> Matcher:
    """All ways through the pattern at once, one bit a position: for mixtures where the nearest place may be wrong."""
    accepts: dict[str, int] = {}
    ones = ones_but_colon = loops = loops_but_colon = 0
    size = 0
    for part in parts:
        if isinstance(part, str):
            for character in part:
                accepts[character] = accepts.get(character, 0) | 1 << size
                size += 1
        elif part is Wild.ANY:
            loops |= 1 << size
        elif part is Wild.ANY_BUT_COLON:
            loops_but_colon |= 1 << size
        else:
            ones |= 1 << size if part is Wild.ONE else 0
            ones_but_colon |= 1 << size
            size += 1
    end = 1 << size

    def match(text: str) -> bool:
        states = 1
        for character in text:
            colon = character == ":"
            steps = accepts.get(character, 0) | (ones if colon else ones_but_colon)
            stays = loops if colon else loops | loops_but_colon
            states = (states & steps) << 1 | states & stays
            if not states:
                return False
        return bool(states & end)

    return match
