"""Capacity: what reads and writes cost, what a provisioned table has, and what is told of it.

A table with provisioned throughput is throttled for real. What it does not use is kept for five minutes (burst
capacity) and an operation runs if anything at all is left, as AWS does for a partition. The buckets belong to the
process: they are full again after a restart, and gateways that share a store would have one each.

Sources: DynamoDB Developer Guide, "DynamoDB read and write operations", "Provisioned capacity mode", "Burst and
adaptive capacity", "DynamoDB maximum throughput for on-demand tables"; API Reference, "ConsumedCapacity".
"""

from typing import Any, NamedTuple

from pileus.service import Call

from ..errors import ProvisionedThroughputExceeded, ThrottlingException
from ..records import TableRecord

READ_BYTES = 4_096
WRITE_BYTES = 1_024
BURST_S = 300.0
_BUCKETS_MAX = 8_192

EXCEEDED = (
    "The level of configured provisioned throughput for the {what} was exceeded. Consider increasing your provisioning "
    "level with the {how} API."
)
OVER_MAXIMUM = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


def read_units(size: int, consistent: bool) -> float:
    units = -(-size // READ_BYTES)
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    return -(-size // WRITE_BYTES) * 1.0 if size else 1.0


class Spent(NamedTuple):
    """Units of the table itself and of its indexes, by name."""

    table: float
    indexes: dict[str, float]

    @property
    def total(self) -> float:
        return self.table + sum(self.indexes.values())


class _Bucket:
    __slots__ = ("at", "left", "rate")

    def __init__(self, rate: float, at: float):
        self.rate, self.at, self.left = rate, at, rate * BURST_S

    def take(self, units: float, rate: float, now: float) -> bool:
        """Whether anything is left; what is taken may go beyond."""
        earned = max(0.0, now - self.at) * self.rate
        self.left, self.at = min(self.left + earned, rate * BURST_S), max(self.at, now)
        if rate != self.rate:
            # What was earned under another setting stays, as far as the new one may keep it.
            self.rate = rate
        if self.left <= 0:
            return False
        self.left -= units
        return True


_buckets: dict[tuple[str, str, str], _Bucket] = {}


def charge(call: Call, table: TableRecord, spent: Spent, kind: str) -> None:
    """Takes the units, or raises what a client is throttled with. `kind`: 'read' or 'write'."""
    if table.on_demand and table.ceiling is None and not (table.indexes and any(one.ceiling for one in table.indexes)):
        return
    _take(call, table, "", spent.table, kind)
    for name, units in spent.indexes.items():
        index = table.index(name)
        if index is not None and not index.local:
            _take(call, table, name, units, kind)
        else:
            _take(call, table, "", units, kind)


def _take(call: Call, table: TableRecord, index: str, units: float, kind: str) -> None:
    if not units:
        return
    of = table.index(index) if index else table
    assert of is not None
    if table.on_demand:
        rate = -1 if of.ceiling is None else (of.ceiling.read if kind == "read" else of.ceiling.write)
    else:
        rate = of.throughput.read if kind == "read" else of.throughput.write
    if rate < 0:
        return
    key = (table.id, index, kind)
    bucket = _buckets.get(key)
    if bucket is None:
        if len(_buckets) >= _BUCKETS_MAX:
            _buckets.clear()
        bucket = _buckets[key] = _Bucket(rate, call.now)
    if not bucket.take(units, rate, call.now):
        raise _throttled(table, index, kind)


def _throttled(table: TableRecord, index: str, kind: str) -> Exception:
    subject = f"{'Index' if index else 'Table'}{kind.title()}"
    resource = f"{table.arn}/index/{index}" if index else table.arn
    if table.on_demand:
        reasons = [{"reason": f"{subject}MaxOnDemandThroughputExceeded", "resource": resource}]
        return ThrottlingException(f"{OVER_MAXIMUM}: {resource}", members={"throttlingReasons": reasons})
    message = EXCEEDED.format(
        what="index" if index else "table", how="UpdateGlobalSecondaryIndex" if index else "UpdateTable"
    )
    reasons = [{"reason": f"{subject}ProvisionedThroughputExceeded", "resource": resource}]
    return ProvisionedThroughputExceeded(message, members={"ThrottlingReasons": reasons})


def told(request: dict[str, Any], table: TableRecord, spent: Spent, kind: str = "") -> dict[str, Any]:
    """The answer's member, if it was asked for. `kind`: 'Read' or 'Write' in transactions, which tell both."""
    asked = request.get("ReturnConsumedCapacity", "NONE")
    return {"ConsumedCapacity": capacity_of(asked, table, spent, kind)} if asked != "NONE" else {}


def capacity_of(asked: str, table: TableRecord, spent: Spent, kind: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"TableName": table.name, **_units(spent.total, kind)}
    if asked == "INDEXES":
        found["Table"] = _units(spent.table, kind)
        for name, units in spent.indexes.items():
            index = table.index(name)
            where = "LocalSecondaryIndexes" if index is not None and index.local else "GlobalSecondaryIndexes"
            found.setdefault(where, {})[name] = _units(units, kind)
    return found


def _units(units: float, kind: str) -> dict[str, float]:
    found = {"CapacityUnits": units}
    if kind:
        found[f"{kind}CapacityUnits"] = units
    return found


def together(one: Spent, other: Spent) -> Spent:
    if not other.indexes:
        return Spent(one.table + other.table, one.indexes)
    indexes = dict(one.indexes)
    for name, units in other.indexes.items():
        indexes[name] = indexes.get(name, 0.0) + units
    return Spent(one.table + other.table, indexes)


NOTHING = Spent(0.0, {})
