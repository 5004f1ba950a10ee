"""From an expression read once to one that a request can use: names filled in, values checked."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .parameters import Parameters
from .syntax import Findings

_KEPT = 4
"""What is built for so many choices of names is kept with a text."""
_NAMES_LENGTH_MAX = 1024
_SHORT = 256
"""A text takes about 150 bytes of memory a character once it is built: fewer of the long ones are kept."""

Read = Callable[[str, str], "Template"]


class Template:
    """An expression as read. What is built of it for some names is kept: it depends on nothing else.

    `build` asks every rule about names and values; `check_values`, if there is any need for it, only those that depend
    on values. Both raise Invalid.
    """

    __slots__ = ("_build", "_built", "_check_values", "_used_names", "names", "values")

    def __init__(
        self, found: Findings, build: Callable[[Parameters], Any], check_values: Callable[[Parameters], None] | None
    ):
        self.names = tuple(found.names)
        self.values = frozenset(found.values)
        self._used_names = frozenset(found.names)
        self._build = build
        self._check_values = check_values
        self._built: dict[tuple[str | None, ...], Any] = {}

    def bind(self, parameters: Parameters) -> Any:
        """What was built for the parameters' names. Raises Invalid."""
        names = self.names
        key = tuple([parameters.names.get(name) for name in names]) if names else ()
        built = self._built.get(key)
        if built is None or not parameters.values.keys() >= self.values:
            built = self._build(parameters)
            if sum(map(len, filter(None, key))) <= _NAMES_LENGTH_MAX:
                if len(self._built) >= _KEPT:
                    self._built.clear()
                self._built[key] = built
        elif self._check_values is not None:
            self._check_values(parameters)
        if names or self.values:
            parameters.use(self._used_names, self.values)
        return built


def template(read: Read, kind: str, text: str) -> Template:
    """What `read` makes of a text, kept for the next request. Raises Invalid, each time again."""
    return (_short if len(text) <= _SHORT else _long)(read, kind, text)


@lru_cache(maxsize=1024)
def _short(read: Read, kind: str, text: str) -> Template:
    return read(kind, text)


@lru_cache(maxsize=64)
def _long(read: Read, kind: str, text: str) -> Template:
    return read(kind, text)
