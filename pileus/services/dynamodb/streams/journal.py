"""What must be known of every change: stream records, and the past for point-in-time recovery."""

from pileus.service import Call

from ..items.rows import Kept
from ..records import TableRecord
from ..values import Item


def note(call: Call, table: TableRecord, key: bytes, old: Kept | None, new: Item | None, by_service: str) -> None:
    """In the transaction of the change. `key` is the row's; `by_service`: the service that did it, if not a caller."""
