"""Many structures of one form, as columns: a page of a thousand is made and written without a dict for each.

Wherever an answer has a list of structures it may have `Rows`, which reads like the list of dicts it stands for.
"""

from collections.abc import Sequence
from typing import Any, overload

Row = dict[str, Any]


class Rows(Sequence[Row]):
    """`columns`: by member name, the member's values, one for each structure."""

    __slots__ = ("_size", "columns")

    def __init__(self, columns: dict[str, Sequence[Any]]):
        self.columns = columns
        self._size = len(next(iter(columns.values())))
        if any(len(column) != self._size for column in columns.values()):
            raise ValueError("columns of one height make rows")

    @classmethod
    def of(cls, structures: Sequence[Row]) -> "Rows | None":
        """None when they are of several forms, or there are none."""
        if isinstance(structures, cls):
            return structures
        names = structures[0].keys() if structures else ()
        if not names or set(map(len, structures)) != {len(names)}:
            return None
        try:
            return cls({name: [one[name] for one in structures] for name in names})
        except KeyError:  # as many members, but others
            return None

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._size))]
        return {name: column[index] for name, column in self.columns.items()}
