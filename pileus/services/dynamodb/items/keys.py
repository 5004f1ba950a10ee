"""Keys: what a request says, checked against the schema, and where that stands in the store.

A row of a table stands under (space, digest of the partition key, sort key): the items of one partition key lie side by
side in the order of their sort keys, and partition keys lie in no order that means anything, as in AWS. An entry of an
index stands under (space, digest of its partition key, its sort key, digest of the item's own key). The digest keeps
rows of long keys short; its 128 bits are one-way, so that nobody can make two partition keys fall together.

Source: Amazon DynamoDB Developer Guide, "Core components of Amazon DynamoDB" and "Constraints in Amazon DynamoDB".
"""

from hashlib import blake2b
from typing import Any

from ..errors import Invalid
from ..records import Keys, SecondaryIndex, TableRecord
from ..values import Item, Value, sort_bytes

HASH_BYTES_MAX = 2_048
SORT_BYTES_MAX = 1_024
DIGEST_BYTES = 16
ROWS = b"\x02dynamodb.i\0"
"""Before every row of an item or an index entry; the space follows, in eight bytes."""

MISMATCH = "The provided key element does not match the schema"


def space_prefix(space: int) -> bytes:
    return ROWS + space.to_bytes(8, "big")


def digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=DIGEST_BYTES).digest()


def partition(space: int, hash_value: Value) -> bytes:
    """How all rows of a partition key begin."""
    return ROWS + space.to_bytes(8, "big") + digest(sort_bytes(hash_value))


def row_key(table: TableRecord, item: Item) -> bytes:
    """Of an item, or of its key, that has been checked."""
    keys = table.keys
    head = partition(table.space, item[keys.hash])
    return head + sort_bytes(item[keys.sort]) if keys.sort else head


def escaped(raw: bytes) -> bytes:
    """In the order of the bytes, and with an end that sorts before whatever goes on."""
    return raw.replace(b"\0", b"\0\xff") + b"\0\1"


def entry_key(table: TableRecord, index: SecondaryIndex, item: Item) -> bytes | None:
    """Where an item stands in an index; None when it has not all of the index's key attributes, of the right types
    (an item that was there before the index may have others)."""
    keys = index.keys
    hash_value = item.get(keys.hash)
    if hash_value is None or keys.hash_type not in hash_value:
        return None
    head = partition(index.space, hash_value)
    if keys.sort:
        sort_value = item.get(keys.sort)
        if sort_value is None or keys.sort_type not in sort_value:
            return None
        head += escaped(sort_bytes(sort_value))
    return head + digest(row_key(table, item)[len(ROWS) + 8 :])


def checked_key(table: TableRecord, key: Any) -> Item:
    """A request's Key: exactly the key attributes, of the right types, neither empty nor too long."""
    from ..values import checked_item

    found = checked_item(key)
    keys = table.keys
    if len(found) != len(keys.names):
        raise Invalid(MISMATCH)
    _right(found, keys.hash, keys.hash_type)
    check_hash(found[keys.hash], keys.hash)
    if keys.sort:
        _right(found, keys.sort, keys.sort_type)
        check_sort(found[keys.sort], keys.sort)
    return found


def _right(key: Item, name: str, kind: str) -> None:
    value = key.get(name)
    if value is None or kind not in value:
        raise Invalid(MISMATCH)


def check_hash(value: Value, name: str) -> None:
    _within(value, name, HASH_BYTES_MAX, "Size of hashkey has exceeded the maximum size limit of2048 bytes")


def check_sort(value: Value, name: str) -> None:
    _within(value, name, SORT_BYTES_MAX, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")


def _within(value: Value, name: str, most: int, too_long: str) -> None:
    if "N" in value:
        return
    octets = len(sort_bytes(value))
    if not octets:
        kind = "string" if "S" in value else "binary"
        raise Invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
            "an empty "
            f"{kind} value. Key: {name}"
        )
    if octets > most:
        raise Invalid(f"One or more parameter values were invalid: {too_long}")


def check_item_keys(table: TableRecord, item: Item) -> None:
    """The key attributes of an item that is put: there, of their types, within their sizes; and those of indexes, where
    they are there."""
    keys = table.keys
    for name, kind in ((keys.hash, keys.hash_type), (keys.sort, keys.sort_type)):
        if not name:
            continue
        value = item.get(name)
        if value is None:
            raise Invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if kind not in value:
            given = next(iter(value))
            raise Invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} expected: {kind} "
                f"actual: {given}"
            )
    check_hash(item[keys.hash], keys.hash)
    if keys.sort:
        check_sort(item[keys.sort], keys.sort)
    for index in table.indexes:
        check_index_keys(index, item)


def check_index_keys(index: SecondaryIndex, item: Item) -> None:
    keys = index.keys
    pairs = ((keys.hash, keys.hash_type, HASH_BYTES_MAX), (keys.sort, keys.sort_type, SORT_BYTES_MAX))
    for name, kind, most in pairs:
        value = item.get(name) if name else None
        if value is None:
            continue
        if kind not in value:
            given = next(iter(value))
            raise Invalid(
                f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {kind} "
                f"Actual: {given} IndexName: {index.name}"
            )
        if kind == "N":
            continue
        octets = len(sort_bytes(value))
        if not octets:
            raise Invalid(
                "One or more parameter values are not valid. A value specified for a secondary index key is not "
                f"supported. The AttributeValue for a key attribute cannot contain an empty "
                f"{'string' if kind == 'S' else 'binary'} value. IndexName: {index.name}, IndexKey: {name}"
            )
        if octets > most:
            raise Invalid(
                "One or more parameter values were invalid: "
                + (
                    "Size of hashkey has exceeded the maximum size limit of2048 bytes"
                    if most == HASH_BYTES_MAX
                    else "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
                )
            )


def key_of(keys: Keys, item: Item) -> Item:
    """The key attributes of an item."""
    if keys.sort:
        return {keys.hash: item[keys.hash], keys.sort: item[keys.sort]}
    return {keys.hash: item[keys.hash]}
