"""One change of one item: its row, its index entries, the counts, and whoever must hear of it, in one transaction.

So a crash between a table and its indexes cannot be seen. A global index may answer later than its table in AWS; here
it does not. Source: DynamoDB Developer Guide, "Using Global Secondary Indexes in DynamoDB", "Local Secondary Indexes".
"""

from pileus.service import Call
from pileus.store import Transaction

from .. import spaces
from ..backups import past
from ..errors import Invalid, ItemCollectionSizeLimitExceeded
from ..records import SecondaryIndex, TableRecord
from ..replicas import stamps
from ..streams import journal
from ..values import Item, item_size
from .capacity import Spent, charge, write_units
from .keys import DIGEST_BYTES, ROWS, entry_key
from .locks import sealer
from .rows import Kept, Sealer

ITEM_BYTES_MAX = 400 * 1024
COLLECTION_BYTES_MAX = 10 * 1024**3
_PARTITION = slice(len(ROWS) + 8, len(ROWS) + 8 + DIGEST_BYTES)


def read(call: Call, table: TableRecord, key: bytes) -> Kept | None:
    row = call.tx.get(key)
    return None if row is None else Kept(sealer(call, table).open(key, row))


def checked_size(item: Item) -> int:
    """Of an item that is put."""
    size = item_size(item)
    if size > ITEM_BYTES_MAX:
        raise Invalid("Item size has exceeded the maximum allowed size")
    return size


def change(
    call: Call,
    table: TableRecord,
    key: bytes,
    old: Kept | None,
    new: Item | None,
    size: int,
    *,
    by_service: str = "",
    free: bool = False,
    twice: bool = False,
    written: int = 0,
) -> Spent:
    """Puts `new`, of that size, where `old` was (None: nothing). Raises when throttled; `free`: costs nothing
    (what the background does). `twice`: in a transaction, which costs double. `by_service`: who did it, if not a
    caller. `written`: the stamp of a write that comes from another region (replicas/stamps.py)."""
    old_size = old.size if old is not None else 0
    sealing = sealer(call, table)
    moves = (
        [(index, *_move(table, index, key, old, new)) for index in table.indexes if index.status != "DELETING"]
        if table.indexes
        else ()
    )
    if moves and size > old_size:
        _check_collection(call, table, key, size - old_size)
    if not free:
        factor = 2 if twice else 1
        spent = Spent(
            factor * write_units(size if size > old_size else old_size),
            {index.name: factor * units for index, _, _, _, units in moves if units} if moves else {},
        )
        charge(call, table, spent, "write")
    else:
        spent = Spent(0.0, {})
    tx = call.tx
    if new is not None:
        tx.put(key, sealing.seal(key, new, size))
    elif old is not None:
        tx.delete(key)
    more = (new is not None) - (old is not None)
    spaces.add(tx, table.space, more, size - old_size)
    for index, before, after, entry, _ in moves:
        _enter(call, index, sealing, before, after, entry)
    if moves and has_local(table):
        spaces.add(tx, table.space, more, size - old_size, key[_PARTITION])
    if old is not None or new is not None:
        journal.note(call, table, old, new, by_service)
        if table.replicas:
            stamps.note(call, table, key, written)
        if table.recoverable_since or table.captures:
            past.note(call, table, key, old)
    return spent


def projected(table: TableRecord, index: SecondaryIndex, item: Item) -> Item:
    """What an index shows of an item."""
    if index.projection == "ALL":
        return item
    names = {*table.keys.names, *index.keys.names, *index.included}
    return {name: value for name, value in item.items() if name in names}


def _move(
    table: TableRecord, index: SecondaryIndex, key: bytes, old: Kept | None, new: Item | None
) -> tuple[bytes | None, bytes | None, Item | None, float]:
    """(where it stood, where it stands, what stands there unless it is the same, units)."""
    before = entry_key(index, old.item, key) if old is not None else None
    after = entry_key(index, new, key) if new is not None else None
    entry = projected(table, index, new) if new is not None and after is not None else None
    if before is None and after is None:
        return None, None, None, 0.0
    gone = projected(table, index, old.item) if old is not None and before is not None else None
    if before == after and gone == entry:
        return before, after, None, 0.0
    was, now = (item_size(one) if one is not None else 0 for one in (gone, entry))
    if before == after:
        return before, after, entry, write_units(max(was, now))
    return before, after, entry, sum(write_units(size) for size in (was, now) if size)


def _enter(
    call: Call, index: SecondaryIndex, sealing: Sealer, before: bytes | None, after: bytes | None, entry: Item | None
) -> None:
    """An index that is still being filled may not have the entry yet."""
    tx = call.tx
    if entry is None and before == after:
        return
    had = tx.get(before) if before is not None else None
    if had is not None and before is not None:
        spaces.add(tx, index.space, -1, -Kept(sealing.open(before, had)).size)
        if before != after:
            tx.delete(before)
    if after is not None and entry is not None:
        size = item_size(entry)
        tx.put(after, sealing.seal(after, entry, size))
        spaces.add(tx, index.space, 1, size)


def enter_if_missing(
    tx: Transaction, table: TableRecord, index: SecondaryIndex, sealing: Sealer, row: bytes, item: Item
) -> None:
    """For an index that comes after its items: enters one, unless a change has done so already."""
    at = entry_key(index, item, row)
    if at is None or tx.get(at) is not None:
        return
    entry = projected(table, index, item)
    size = item_size(entry)
    tx.put(at, sealing.seal(at, entry, size))
    spaces.add(tx, index.space, 1, size)


def has_local(table: TableRecord) -> bool:
    return any(index.local for index in table.indexes)


def _check_collection(call: Call, table: TableRecord, key: bytes, more: int) -> None:
    """An item collection: the items of one partition key, in a table with local indexes. Before anything is changed:
    batches of statements go on after it."""
    if has_local(table) and collection_bytes(call, table, key) + more > COLLECTION_BYTES_MAX:
        raise ItemCollectionSizeLimitExceeded("Collection size exceeded.")


def collection_bytes(call: Call, table: TableRecord, key: bytes) -> int:
    return spaces.counts(call.tx, table.space, key[_PARTITION]).octets
