"""The regular expressions of AWS's models, which are Java's, as Python's."""

from __future__ import annotations

import re

_JAVA_CLASSES = {
    r"\p{L}": r"[^\W\d_]", r"\p{N}": r"\d", r"\p{Alpha}": "[a-zA-Z]", r"\p{Alnum}": "[a-zA-Z0-9]",
    r"\p{Digit}": "[0-9]", r"\p{Lower}": "[a-z]", r"\p{Upper}": "[A-Z]", r"\p{Space}": r"\s", r"\p{Punct}":
    r"[!-/:-@\[-`{-~]", r"\p{ASCII}": r"[\x00-\x7f]", r"\p{Print}": r"[\x20-\x7e]", r"\p{Graph}": r"[\x21-\x7e]",
    r"\p{XDigit}": "[0-9a-fA-F]", r"\p{Cntrl}": r"[\x00-\x1f\x7f]", r"\p{Blank}": r"[ \t]",
    r"\p{javaLowerCase}": "[a-z]", r"\p{javaUpperCase}": "[A-Z]",
    r"\p{Z}": r"[\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"\p{M}": r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]",
    r"\p{S}": r"[$+<=>^`|~\xa2-\xa9\xac\xae-\xb1\xb4\xb8\xd7\xf7\u02c2-\u02df\u2030-\u23ff\u2500-\u2bff]",
    r"\p{P}": r"[!-#%-*,-/:;?@\[-\]_{}\xa1\xa7\xab\xb6\xb7\xbb\xbf\u2010-\u2027\u2030-\u205e\u3001-\u3003]",
}  # fmt: skip
_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF"  # Java names what is beyond 16 bits by its halves
_CLASS_THEN_DASH = re.compile(r"(\\[wds])-(?!\])")  # `[\w-_]`: Java takes the dash for itself
_JAVA_CLASS = re.compile(r"\\p\{(?:Is)?(\w+)\}|\\p([LNZMSP])(?!\w)")


def compiled(pattern: str) -> re.Pattern[str] | None:
    """Java's expression as Python's; None when Python cannot say it, or when a caller could make it take for ever:
    such a pattern is not checked here.
    """
    if may_explode(pattern):
        return None
    python = pattern.replace(_ASTRAL, r"\U00010000-\U0010ffff")
    python = _CLASS_THEN_DASH.sub(r"\1\\-", _CODE_POINT.sub(lambda found: re.escape(chr(int(found[1], 16))), python))
    translated = _translate_classes(python)
    if translated is None:
        return None
    try:
        return re.compile(translated)
    except re.error:
        return None


def _translate_classes(pattern: str) -> str | None:
    """`\\p{…}` inside brackets loses its own brackets, which Python cannot nest."""
    made: list[str] = []
    position, depth = 0, 0
    while position < len(pattern):
        found = _JAVA_CLASS.match(pattern, position)
        if found is not None:
            replacement = _JAVA_CLASSES.get(f"\\p{{{found[1] or found[2]}}}")
            if replacement is None or (depth and replacement.startswith("[^")):
                return None if not depth or (found[1] not in ("L",) and found[2] != "L") else _letters_in_class(pattern)
            made.append(replacement[1:-1] if depth and replacement.startswith("[") else replacement)
            position = found.end()
            continue
        character = pattern[position]
        if character == "\\":
            made.append(pattern[position : position + 2])
            position += 2
            continue
        depth += (character == "[" and not depth) - (character == "]" and depth > 0)
        made.append(character)
        position += 1
    return "".join(made)


def _letters_in_class(pattern: str) -> str | None:
    """Inside brackets letters are what `\\w` is, near enough: digits and `_` come along, as in AWS's tag patterns."""
    widened = pattern.replace(r"\p{L}", r"\w").replace(r"\p{IsL}", r"\w").replace(r"\pL", r"\w")
    return _translate_classes(widened) if widened != pattern else None


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
