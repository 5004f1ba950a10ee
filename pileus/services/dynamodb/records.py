"""Where DynamoDB's state lives: the records and the tables they stand in.

A table's items live in a *space*, a number of its own; so do the entries of each of its indexes. What is given up (a
deleted table, a deleted index) is given up whole, and the background removes its rows. Rows of items and of index
entries are not records of msgspec: `items/rows.py` says how they are kept.
"""

import msgspec

from pileus.store import Table
from pileus.store.table import Index as TableIndex


class Keys(msgspec.Struct, frozen=True, array_like=True):
    """A key schema with its types ('S', 'N' or 'B'); no sort key: `sort` is empty."""

    hash: str
    hash_type: str
    sort: str = ""
    sort_type: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash, self.sort) if self.sort else (self.hash,)


class Throughput(msgspec.Struct, frozen=True, array_like=True):
    """Provisioned units a second. `decreases`: how often it was lowered on the UTC day `day`."""

    read: int = 0
    write: int = 0
    raised: float = 0.0
    lowered: float = 0.0
    decreases: int = 0
    day: int = 0


class Ceiling(msgspec.Struct, frozen=True, array_like=True):
    """On-demand maxima, units a second; -1: none."""

    read: int = -1
    write: int = -1


class SecondaryIndex(msgspec.Struct, frozen=True):
    """`local`: shares the table's partition key. `projection`: ALL, KEYS_ONLY or INCLUDE (of `included`).
    `status`: CREATING (being filled while writes go on; `filled` says how far), ACTIVE, UPDATING or DELETING."""

    name: str
    local: bool
    keys: Keys
    projection: str
    included: tuple[str, ...]
    space: int
    status: str = "ACTIVE"
    filled: bytes = b""
    backfilling: bool = False
    throughput: Throughput = Throughput()
    ceiling: Ceiling | None = None
    warm: tuple[int, int] | None = None


class Stream(msgspec.Struct, frozen=True):
    """A table's stream: `label` is when it was enabled, `view` what its records show; `id` numbers its rows."""

    label: str
    view: str
    id: int
    enabled: bool = True


class Lock(msgspec.Struct, frozen=True, array_like=True):
    """What opens rows (items/locks.py): a wrapped key, and what it is bound to. `kms_key`: the ARN of the KMS key that
    wraps it, '' for the cloud's own."""

    data_key: bytes
    table_id: str
    kms_key: str = ""
    table: str = ""
    account: str = ""


class TableRecord(msgspec.Struct, frozen=True):
    """`types` are the attribute definitions. `status`: CREATING, ACTIVE, UPDATING or DELETING. `data_key` seals the
    rows (wrapped, by `kms_key` if there is one). `recoverable_since`: from when on its past is kept; `captures`: how
    many copies of it are being made, which need the past too. `held`: its rows are still being brought, and who brings
    them makes it active. `replicas`: the other regions it is in."""

    account: str
    region: str
    name: str
    arn: str
    id: str
    space: int
    status: str
    created: float
    keys: Keys
    types: dict[str, str]
    data_key: bytes
    indexes: tuple[SecondaryIndex, ...] = ()
    on_demand: bool = False
    billing_changed: float = 0.0
    throughput: Throughput = Throughput()
    ceiling: Ceiling | None = None
    warm: tuple[int, int] | None = None
    table_class: str = "STANDARD"
    class_changed: float = 0.0
    protected: bool = False
    tags: dict[str, str] = {}
    policy: str = ""
    policy_revision: str = ""
    stream: Stream | None = None
    ttl: str = ""
    ttl_status: str = "DISABLED"
    ttl_changed: float = 0.0
    kms_key: str = ""
    recoverable_since: float = 0.0
    recovery_days: int = 35
    captures: int = 0
    restored: dict[str, str | float | bool] = {}
    held: bool = False
    replicas: tuple[str, ...] = ()

    @property
    def lock(self) -> Lock:
        return Lock(self.data_key, self.id, self.kms_key, self.name, self.account)

    def index(self, name: str) -> SecondaryIndex | None:
        return next((index for index in self.indexes if index.name == name), None)


class Doomed(msgspec.Struct, frozen=True):
    """A space whose rows nobody can reach any more."""

    of: str = ""


class Counts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is in a space: items and their bytes (by AWS's own measure)."""

    items: int = 0
    octets: int = 0


def _by_id(key: tuple[str | int | bytes, ...], table: TableRecord) -> list[tuple[str | int | bytes, ...]]:
    return [(table.id,)]


by_id: TableIndex[TableRecord] = TableIndex("dynamodb.table.id", _by_id)
tables = Table("dynamodb.table", TableRecord, hot=True, watched=True, indexes=(by_id,))  # account, region, name
doomed = Table("dynamodb.doomed", Doomed, watched=True)  # space
