"""Where the rows of a query or scan begin and end, and where the next page goes on."""

from typing import Any

from ..errors import Invalid
from ..expressions import KeyRange
from ..records import Keys, SecondaryIndex, TableRecord
from ..values import checked_item, sort_bytes
from .keys import check_index_keys, entry_key, escaped, partition, placed_item, space_prefix


def segment_of(space: int, segment: int, total: int) -> tuple[bytes, bytes]:
    """A segment's share of the space: digests are spread evenly."""
    head = space_prefix(space)
    edge = 1 << 64
    start = head if segment == 0 else head + (edge * segment // total).to_bytes(8, "big")
    stop = head + b"\xff" * 17 if segment + 1 == total else head + (edge * (segment + 1) // total).to_bytes(8, "big")
    return start, stop


def bounds(space: int, is_index: bool, keys: Keys, found: KeyRange) -> tuple[bytes, bytes]:
    """Where the rows of a key condition begin and end."""
    head = partition(space, found.hash)
    end = head + b"\xff" * (2 * 1_024 + 64)
    if not found.operator or not keys.sort:
        return head, end
    if found.operator == "begins_with":
        assert found.low is not None
        raw = sort_bytes(found.low)
        begin = head + (raw.replace(b"\0", b"\0\xff") if is_index else raw)
        return begin, begin + b"\xff" * (2 * 1_024 + 64)
    low = _edges(head, found.low, is_index)
    if found.operator == "=":
        return low
    if found.operator == "<":
        return head, low[0]
    if found.operator == "<=":
        return head, low[1]
    if found.operator == ">":
        return low[1], end
    if found.operator == ">=":
        return low[0], end
    return low[0], _edges(head, found.high, is_index)[1]


def _edges(head: bytes, value: Any, is_index: bool) -> tuple[bytes, bytes]:
    """The first row with this sort key, and the first one beyond. In a table a sort key ends the row; in an index the
    digest of the item's key follows."""
    raw = sort_bytes(value)
    if not is_index:
        return head + raw, head + raw + b"\0"
    at = head + escaped(raw)
    return at, at[:-1] + b"\2"


def place_of(table: TableRecord, index: SecondaryIndex | None, start_key: Any) -> bytes:
    """The row of an ExclusiveStartKey."""
    key = checked_item(start_key)
    names = {*table.keys.names, *(index.keys.names if index is not None else ())}
    types = {**_types(table.keys), **(_types(index.keys) if index is not None else {})}
    if key.keys() != names or any(types[name] not in value for name, value in key.items()):
        raise Invalid("The provided starting key is invalid: The provided key element does not match the schema")
    try:
        row = placed_item(table, {name: key[name] for name in table.keys.names})
        if index is not None:
            check_index_keys(index, key)
    except Invalid as fault:
        raise Invalid(f"The provided starting key is invalid: {fault.message}") from None
    place = row if index is None else entry_key(index, key, row)
    assert place is not None
    return place


def _types(keys: Keys) -> dict[str, str]:
    return {keys.hash: keys.hash_type, **({keys.sort: keys.sort_type} if keys.sort else {})}
