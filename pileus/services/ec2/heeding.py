"""A request that notices which of its members were looked at.

EC2's requests have thousands of members. One that is given and that no code looks at has no effect, which is what
Pileus refuses: so the request itself keeps count, and nobody keeps a list.
"""

from collections.abc import Iterator
from typing import Any


class Heeded(dict[str, Any]):
    """Reads like the request. Structures inside keep count as well; a list's do for each item."""

    def __init__(self, request: dict[str, Any]):
        super().__init__({name: _heeded(value) for name, value in request.items()})
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return super().get(name, default)

    def pop(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return super().pop(name, default)

    def plain(self) -> dict[str, Any]:
        """All of it, as it came: for what is kept or handed on whole. Everything counts as read."""
        self._read.update(dict.keys(self))
        return {name: _plain(value) for name, value in dict.items(self)}

    def unread(self, path: str = "") -> list[str]:
        """Paths of the members that were given and never looked at."""
        found: list[str] = []
        for name, value in dict.items(self):
            if name not in self._read:
                found.append(path + name)
            else:
                found += _unread(value, f"{path}{name}.")
        return found

    # Whoever walks over all members has seen them all.
    def __iter__(self) -> Iterator[str]:
        self._read.update(dict.keys(self))
        return super().__iter__()

    def items(self) -> Any:
        self._read.update(dict.keys(self))
        return super().items()

    def keys(self) -> Any:
        self._read.update(dict.keys(self))
        return super().keys()

    def values(self) -> Any:
        self._read.update(dict.keys(self))
        return super().values()


def _heeded(value: Any) -> Any:
    if isinstance(value, dict):
        return Heeded(value)
    if isinstance(value, list):
        return [_heeded(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Heeded):
        return value.plain()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _unread(value: Any, path: str) -> list[str]:
    if isinstance(value, Heeded):
        return value.unread(path)
    if isinstance(value, list):
        return list(dict.fromkeys(name for item in value for name in _unread(item, path)))
    return []
