"""What a request says of itself: condition keys, asked for only when a statement needs them."""

from collections.abc import Callable, Mapping, Sequence

Value = str | bool | int | float | Sequence[str] | None
Lookup = Callable[[str], Value]
Source = Lookup | Mapping[str, Value]


class Context:
    """Case-insensitive, lazy and remembered. A callable source is asked with lower-case keys, each at most once."""

    __slots__ = ("_lookup", "_source", "_unknown", "seen")

    def __init__(self, source: Source):
        self._source = source
        self._lookup: Lookup | None = None
        self._unknown: tuple[str, ...] = ()
        self.seen: dict[str, tuple[str, ...]] | None = None

    def missing(self) -> tuple[str, ...]:
        """The keys that were asked for in vain, as the policies spell them."""
        return self._unknown

    def values(self, key: str) -> tuple[str, ...]:
        """The values of a key; empty when the request has none."""
        name = key.lower()
        if self.seen is None:
            self.seen = {}
        found = self.seen.get(name)
        if found is None:
            found = self.seen[name] = self._fetch(name)
            if not found:
                self._unknown += (key,)
        return found

    def single(self, key: str) -> str | None:
        """The value a policy variable takes: multivalued keys have none (IAM User Guide, "Policy variables")."""
        found = self.values(key)
        return found[0] if len(found) == 1 else None

    def _fetch(self, name: str) -> tuple[str, ...]:
        if self._lookup is None:
            if callable(self._source):
                self._lookup = self._source
            else:
                self._lookup = {key.lower(): value for key, value in self._source.items()}.get
        value = self._lookup(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, bool | int | float):
            return (text_of(value),)
        return tuple(value)


def text_of(value: str | bool | int | float) -> str:
    """A JSON scalar as policies compare it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
