"""Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`; `${*}`, `${?}`, `${$}` are plain signs.

Source: IAM User Guide, "IAM policy elements: Variables and tags". Only documents of version 2012-10-17 have them.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pileus.policy.context import Context
from pileus.policy.wildcards import Token, tokens

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*", re.DOTALL)
_SIGNS = ("*", "?", "$")


class Variable(NamedTuple):
    key: str
    default: str | None


Template = list[Token | Variable]


def template(text: str, variables: bool) -> Template:
    """The value's wildcards, literals and variables in order."""
    if not variables or "${" not in text:
        return list(tokens(text))
    parts: Template = []
    rest = 0
    for found in _VARIABLE.finditer(text):
        parts.extend(tokens(text[rest : found.start()]))
        name = found.group(1)
        if name in _SIGNS:
            parts.append(name)
        elif pair := _DEFAULT.fullmatch(name):
            parts.append(Variable(pair.group(1), pair.group(2)))
        else:
            parts.append(Variable(name.strip(), None))
        rest = found.end()
    parts.extend(tokens(text[rest:]))
    return parts


def fixed(parts: Template) -> bool:
    """True when no variable is in it."""
    return not any(isinstance(part, Variable) for part in parts)


def keys_in(parts: Template) -> set[str]:
    return {part.key for part in parts if isinstance(part, Variable)}


def fill(parts: Template, context: Context) -> list[Token] | None:
    """The template with its variables' values, which are never wildcards; None when one cannot be resolved."""
    filled: list[Token] = []
    for part in parts:
        if isinstance(part, Variable):
            value = context.single(part.key)
            value = part.default if value is None else value
            if value is None:
                return None
            filled.append(value)
        else:
            filled.append(part)
    return filled


def literal(parts: Sequence[Token]) -> str:
    """Back to text, wildcards as the characters they are: for operators that know none."""
    return "".join(part if isinstance(part, str) else part.value for part in parts)
