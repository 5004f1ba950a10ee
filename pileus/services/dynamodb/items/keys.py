"""Keys: what a request says, checked against the schema, and where that stands in the store.

A row of a table stands under (space, digest of the partition key, sort key): the items of one partition key lie side by
side in the order of their sort keys, and partition keys lie in no order that means anything, as in AWS. An entry of an
index stands under (space, digest of its partition key, its sort key, digest of the item's own key). The digest keeps
rows of long keys short; its 128 bits are one-way, so that nobody can make two partition keys fall together.

Source: Amazon DynamoDB Developer Guide, "Core components of Amazon DynamoDB" and "Constraints in Amazon DynamoDB".
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from pileus.store import Transaction

from ..errors import Invalid
from ..records import Keys, SecondaryIndex, TableRecord
from ..values import Item, Value, checked_item, sort_bytes

HASH_BYTES_MAX = 2_048
SORT_BYTES_MAX = 1_024
DIGEST_BYTES = 16
ROWS = b"\x02dynamodb.i\0"
"""Before every row of an item or an index entry; the space follows, in eight bytes."""

_PLACE = len(ROWS) + 8
WRONG = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "
HASH_TOO_LONG = "Size of hashkey has exceeded the maximum size limit of2048 bytes"
SORT_TOO_LONG = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
MISMATCH = "The provided key element does not match the schema"


@lru_cache(maxsize=4_096)
def space_prefix(space: int) -> bytes:
    return ROWS + space.to_bytes(8, "big")


def rows_after(tx: Transaction, space: int, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    """Rows of a space in their order: those behind the row `after`, from the beginning if it is empty."""
    head = space_prefix(space)
    return tx.scan(after + b"\0" if after else head, head + b"\xff" * (DIGEST_BYTES + 1), limit)


def digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=DIGEST_BYTES).digest()


def partition(space: int, hash_value: Value) -> bytes:
    """How all rows of a partition key begin."""
    return space_prefix(space) + digest(sort_bytes(hash_value))


def row_key(table: TableRecord, item: Item) -> bytes:
    """Of an item, or of its key, that has been checked."""
    keys = table.keys
    head = partition(table.space, item[keys.hash])
    return head + sort_bytes(item[keys.sort]) if keys.sort else head


def escaped(raw: bytes) -> bytes:
    """In the order of the bytes, and with an end that sorts before whatever goes on."""
    return raw.replace(b"\0", b"\0\xff") + b"\0\1"


def entry_key(index: SecondaryIndex, item: Item, row: bytes) -> bytes | None:
    """Where an item, whose row is given, stands in an index. None when it has not all of the index's key attributes,
    of the right types and sizes: an item that was there before the index may have others."""
    keys = index.keys
    hash_value = item.get(keys.hash)
    if hash_value is None or keys.hash_type not in hash_value:
        return None
    raw = sort_bytes(hash_value)
    if not 0 < len(raw) <= HASH_BYTES_MAX:
        return None
    head = space_prefix(index.space) + digest(raw)
    if keys.sort:
        sort_value = item.get(keys.sort)
        if sort_value is None or keys.sort_type not in sort_value:
            return None
        raw = sort_bytes(sort_value)
        if not 0 < len(raw) <= SORT_BYTES_MAX:
            return None
        head += escaped(raw)
    return head + digest(row[_PLACE:])


def checked_key(table: TableRecord, key: Any) -> Item:
    """A request's Key: exactly the key attributes, of the right types, neither empty nor too long."""
    return placed_key(table, key)[0]


def placed_key(table: TableRecord, key: Any) -> tuple[Item, bytes]:
    """A request's Key, checked, and its row."""
    found = checked_item(key)
    keys = table.keys
    if len(found) != len(keys.names):
        raise Invalid(MISMATCH)
    _right(found, keys.hash, keys.hash_type)
    if keys.sort:
        _right(found, keys.sort, keys.sort_type)
    return found, _placed(table, found)


def _right(key: Item, name: str, kind: str) -> None:
    value = key.get(name)
    if value is None or kind not in value:
        raise Invalid(MISMATCH)


def placed_item(table: TableRecord, item: Item, in_batch: bool = False) -> bytes:
    """The row of an item that is put. Its key attributes are there, of their types, within their sizes; and those of
    indexes, where they are there. Batches have other words for a wrong key."""
    keys = table.keys
    for name, kind in ((keys.hash, keys.hash_type), (keys.sort, keys.sort_type)):
        value = item.get(name)
        if value is not None and kind in value:
            continue
        if not name:
            break
        if in_batch:
            raise Invalid(MISMATCH)
        if value is None:
            raise Invalid(f"{WRONG}Missing the key {name} in the item")
        raise Invalid(f"{WRONG}Type mismatch for key {name} expected: {kind} actual: {next(iter(value))}")
    row = _placed(table, item)
    for index in table.indexes:
        check_index_keys(index, item)
    return row


def _placed(table: TableRecord, item: Item) -> bytes:
    """The row of an item whose key attributes are there and of their types."""
    keys = table.keys
    raw = sort_bytes(item[keys.hash])
    if not 0 < len(raw) <= HASH_BYTES_MAX:
        raise _unfit(item[keys.hash], keys.hash, HASH_TOO_LONG)
    head = space_prefix(table.space) + digest(raw)
    if not keys.sort:
        return head
    raw = sort_bytes(item[keys.sort])
    if not 0 < len(raw) <= SORT_BYTES_MAX:
        raise _unfit(item[keys.sort], keys.sort, SORT_TOO_LONG)
    return head + raw


def kind_of(value: Value) -> str:
    return "string" if "S" in value else "binary"


def _unfit(value: Value, name: str, too_long: str) -> Invalid:
    return Invalid(WRONG + too_long) if sort_bytes(value) else empty_key(value, name)


def empty_key(value: Value, name: str) -> Invalid:
    return Invalid(f"{NOT_VALID}The AttributeValue for a key attribute cannot contain an empty {kind_of(value)} value. "
                   f"Key: {name}")  # fmt: skip


def check_index_keys(index: SecondaryIndex, item: Item, updated: frozenset[str] | None = None) -> None:
    """`updated`: the attributes that an update expression writes; what it leaves alone may be unfit for an index that
    came after it."""
    keys = index.keys
    pairs = ((keys.hash, keys.hash_type, HASH_BYTES_MAX), (keys.sort, keys.sort_type, SORT_BYTES_MAX))
    for name, kind, most in pairs:
        value = item.get(name) if name else None
        if value is None or (updated is not None and name not in updated):
            continue
        if kind not in value:
            if updated is not None:
                raise Invalid("The update expression attempted to update the secondary index key to unsupported type")
            raise Invalid(
                f"{WRONG}Type mismatch for Index Key {name} Expected: {kind} Actual: {next(iter(value))} "
                f"IndexName: {index.name}"
            )
        octets = len(sort_bytes(value))
        if not octets:
            raise empty_index_key(index, value, name, updated is not None)
        if octets > most:
            raise Invalid(WRONG + (HASH_TOO_LONG if most == HASH_BYTES_MAX else SORT_TOO_LONG))


def empty_index_key(index: SecondaryIndex, value: Value, name: str, by_update: bool = False) -> Invalid:
    what = (
        "The update expression attempted to update a secondary index key to a value that is not supported."
        if by_update
        else "A value specified for a secondary index key is not supported."
    )
    where = "" if by_update else f" IndexName: {index.name}, IndexKey: {name}"
    return Invalid(f"{NOT_VALID}{what} The AttributeValue for a key attribute cannot contain an empty {kind_of(value)} "
                   f"value.{where}")  # fmt: skip


def key_of(keys: Keys, item: Item) -> Item:
    """The key attributes of an item."""
    if keys.sort:
        return {keys.hash: item[keys.hash], keys.sort: item[keys.sort]}
    return {keys.hash: item[keys.hash]}
