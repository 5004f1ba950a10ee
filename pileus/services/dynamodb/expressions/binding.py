"""From an expression read once to one that a request can use: names filled in, values checked."""

from collections.abc import Callable
from typing import Any

from .parameters import Parameters
from .syntax import Findings

Check = Callable[[Parameters, bool], None]
Build = Callable[[dict[str, str]], Any]

_KEPT = 64
_SHORT = 1024


class Template:
    """An expression as read. What `build` makes of it for some names is kept: it depends on nothing else.

    `check_first` asks every rule about names and values, with `again` only those that depend on values; an expression
    that has none of these has no `check_again`.
    """

    __slots__ = ("_build", "_built", "_check_again", "_check_first", "names", "values")

    def __init__(self, found: Findings, check_again: Check | None, check_first: Check, build: Build):
        self.names = tuple(found.names)
        self.values = tuple(found.values)
        self._check_again = check_again
        self._check_first = check_first
        self._build = build
        self._built: dict[tuple[str | None, ...], Any] = {}

    def bind(self, parameters: Parameters) -> Any:
        """What was built for the parameters' names. Raises Invalid."""
        names = self.names
        key = tuple([parameters.names.get(name) for name in names]) if names else ()
        built = self._built.get(key)
        given = parameters.values
        if built is None or not all(name in given for name in self.values):
            self._check_first(parameters, False)
            built = self._build(parameters.names)
            if sum(map(len, filter(None, key))) <= _SHORT:
                if len(self._built) >= _KEPT:
                    self._built.clear()
                self._built[key] = built
        elif self._check_again is not None:
            self._check_again(parameters, True)
        if names or self.values:
            parameters.use(names, self.values)
        return built
