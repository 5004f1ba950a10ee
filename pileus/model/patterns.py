"""The regular expressions of AWS's models, which are Java's, as Python's."""

from __future__ import annotations

import re

_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_JAVA_CLASS = re.compile(r"\\p\{(?:Is)?(\w+)\}|\\p([LNZMSP])(?!\w)|\\([wds])")
_ESCAPES = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r" \t\n\x0b\f\r"}  # Java's are ASCII
# What stands inside brackets for each class. Python has no Unicode classes: letters are `\w`, and `_` comes along.
_CLASSES = {
    "L": r"\w", "N": r"\d", "Alpha": "a-zA-Z", "Alnum": "a-zA-Z0-9", "Digit": "0-9", "Lower": "a-z", "Upper": "A-Z",
    "Ll": "a-z\u00df-\u00f6\u00f8-\u00ff", "Lu": "A-Z\u00c0-\u00d6\u00d8-\u00de", "Nd": r"\d", "LD": r"\w",
    "Space": r"\s", "Punct": r"!-/:-@\[-`{-~", "ASCII": r"\x00-\x7f", "Print": r"\x20-\x7e", "Graph": r"\x21-\x7e",
    "XDigit": "0-9a-fA-F", "Cntrl": r"\x00-\x1f\x7f", "Blank": r" \t",
    "Z": r"\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "Zs": r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000",
    "M": r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u1ab0-\u1aff"
    r"\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f",
    "S": r"$+<=>^`|~\xa2-\xa9\xac\xae-\xb1\xb4\xb8\xd7\xf7\u02c2-\u02df\u2030-\u23ff\u2500-\u2bff\U0001f000-\U0001faff",
    "P": r"!-#%-*,-/:;?@\[-\]_{}\xa1\xa7\xab\xb6\xb7\xbb\xbf\u2010-\u2027\u2030-\u205e\u3001-\u3003",
}  # fmt: skip
_ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF"  # Java names what is beyond 16 bits by its halves


def compiled(pattern: str) -> re.Pattern[str] | None:
    """Java's expression as Python's; None when Python cannot say it, or when a caller could make it take for ever:
    such a pattern is not checked here.
    """
    if may_explode(pattern):
        return None
    python = pattern.replace(_ASTRAL, r"\U00010000-\U0010ffff")
    translated = _translated(_CODE_POINT.sub(lambda found: re.escape(chr(int(found[1], 16))), python))
    if translated is None:
        return None
    try:
        return re.compile(translated)
    except re.error:
        return None


def _translated(pattern: str) -> str | None:
    """Java's classes as Python's; inside brackets a class has none of its own, and a `-` after it is itself."""
    made: list[str] = []
    position, inside = 0, False
    while position < len(pattern):
        found = _JAVA_CLASS.match(pattern, position)
        if found is not None:
            content = _ESCAPES.get(found[3] or "") or _CLASSES.get(found[1] or found[2] or "")
            if content is None:
                return None
            made.append(content if inside else f"[{content}]")
            position = found.end()
            if inside and pattern.startswith("-", position):
                made.append(r"\-")
                position += 1
            continue
        character = pattern[position]
        if character == "\\":
            made.append(pattern[position : position + 2])
            position += 2
            continue
        if inside and character == "[":  # a class within a class: Java's union, which Python has not
            return None
        inside = (inside or character == "[") and character != "]"
        made.append(character)
        position += 1
    return "".join(made)


_QUANTIFIER = re.compile(r"[*+]|\?|\{(\d+)(,?)(\d*)\}")


def may_explode(pattern: str) -> bool:
    """Whether a repeated group itself repeats or has alternatives, so that there are many ways to read one text.

    Python tries them all: some thirty characters would then hold the server for minutes. Cautious: some that are
    harmless are named too.
    """
    pattern = _SEPARATED.sub(_as_one, pattern)
    groups = [False]  # of each open group, whether it holds something of changing length
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 2
        elif character == "[":
            position = _class_end(pattern, position)
        elif character == "(":
            groups.append(False)
            position += 1
            continue
        elif character == "|":
            groups[-1] = True
            position += 1
            continue
        elif character == ")":
            held = groups.pop() if len(groups) > 1 else False
            position += 1
            repeats = _repeats(pattern, position)
            if held and repeats:
                return True
            groups[-1] = groups[-1] or held or repeats
            continue
        else:
            position += 1
        groups[-1] = groups[-1] or _repeats(pattern, position)
    return False


# `(/[a-z]+)*` and `([a-z]+-)+`: between separators that the class does not hold there is one way to read a text.
_SEPARATED = re.compile(
    r"\((?:\?:)?(?:(?P<before>\\?[-/.:,_#@ ])(?P<one>\[[^\]\[]+\])\+"
    r"|(?P<two>\[[^\]\[]+\])\+(?P<after>\\?[-/.:,_#@ ]))\)"
    r"(?=[*+{])"
)


def _as_one(group: re.Match[str]) -> str:
    """One plain character in the place of a group that is harmless."""
    separator = (group["before"] or group["after"])[-1]
    try:
        held = re.compile(group["one"] or group["two"]).fullmatch(separator)
    except re.error:
        return group[0]
    return group[0] if held else "x"


def _repeats(pattern: str, position: int) -> bool:
    """Whether a quantifier stands here that repeats a changing number of times. `?` alone does not multiply."""
    found = _QUANTIFIER.match(pattern, position)
    if found is None or found[0] == "?":
        return False
    return found[1] is None or (bool(found[2]) and found[3] != found[1])


def _class_end(pattern: str, position: int) -> int:
    """Behind the bracket that closes a character class."""
    position += 2 if pattern.startswith("[^", position) else 1
    if pattern.startswith("]", position):
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1
