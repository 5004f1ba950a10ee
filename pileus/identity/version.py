"""What an account's identities may do is compiled once and kept until any of them changes.

Every table of identities writes a new version of its account in the same transaction; what is kept is keyed by it.
"""

from functools import lru_cache
from typing import TypeVar

from pileus.base import ids
from pileus.store import Index, Table, Transaction, pack
from pileus.store.table import END
from pileus.store.tuples import Part

Record = TypeVar("Record")


@lru_cache(maxsize=4_096)
def _key(account: str) -> bytes:
    return pack(("identity.version", account))


def version_of(tx: Transaction, account: str) -> bytes:
    return tx.get(_key(account), True) or b""


def bump(tx: Transaction, account: str) -> None:
    key = _key(account)
    # Never counted up: a version that was written and not committed must not come again with other contents.
    tx.put(key, ids.unique_hex(16).encode())


class IdentityTable(Table[Record]):
    """A table whose keys begin with the account, and whose every write is a new version of it."""

    def __init__(
        self,
        name: str,
        record: type[Record],
        *,
        hot: bool = False,
        watched: bool = False,
        indexes: tuple[Index[Record], ...] = (),
    ):
        super().__init__(name, record, hot=hot, watched=watched, indexes=indexes)

    def count(self, tx: Transaction, account: str, most: int) -> int:
        """How many records the account has, counted up to `most`."""
        head = self.prefix + pack((account,))
        return len(tx.scan(head, head + END, most))

    def put(self, tx: Transaction, *key: Part, record: Record) -> None:
        bump(tx, str(key[0]))
        super().put(tx, *key, record=record)

    def delete(self, tx: Transaction, *key: Part) -> None:
        bump(tx, str(key[0]))
        super().delete(tx, *key)
