"""Point-in-time recovery: a table as it was at any moment since it was switched on, up to 35 days back.

Source: DynamoDB Developer Guide, "Point-in-time recovery for DynamoDB"; API Reference, "UpdateContinuousBackups". AWS's
latest restorable moment is some minutes past; here it is now.
"""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Call
from pileus.store import Transaction

from ..addressing import policy_of, table_resource
from ..errors import Invalid
from ..records import TableRecord, keep, tables
from ..service import dynamodb
from . import past
from .on_demand import table_there

Request = dict[str, Any]
DAY_S = 86_400.0
DAYS_MAX = 35
EVERY_S = 3_600.0
CHUNK = 500


@dynamodb.operation("UpdateContinuousBackups", resource=table_resource, resource_policy=policy_of)
def update_continuous_backups(call: Call, request: Request) -> dict[str, Any]:
    table = table_there(call, request["TableName"])
    wanted = request["PointInTimeRecoverySpecification"]
    enabled, days = wanted["PointInTimeRecoveryEnabled"], wanted.get("RecoveryPeriodInDays")
    if days is not None and not (enabled and 1 <= days <= DAYS_MAX):
        raise Invalid(
            "One or more parameter values were invalid: RecoveryPeriodInDays must be between 1 and 35, and can only be "
            "given when point-in-time recovery is enabled"
        )
    since = (table.recoverable_since or call.now) if enabled else 0.0
    changed = msgspec.structs.replace(table, recoverable_since=since, recovery_days=days or DAYS_MAX)
    keep(call.tx, changed)
    return {"ContinuousBackupsDescription": description(changed, call.now)}


@dynamodb.operation("DescribeContinuousBackups", resource=table_resource, resource_policy=policy_of)
def describe_continuous_backups(call: Call, request: Request) -> dict[str, Any]:
    return {"ContinuousBackupsDescription": description(table_there(call, request["TableName"]), call.now)}


def earliest(table: TableRecord, now: float) -> float:
    return max(table.recoverable_since, now - table.recovery_days * DAY_S)


def since(call: Call, table: TableRecord, at: float) -> bytes:
    """The place in the table's past from which on changes are undone, for the table as it was at that moment."""
    if at >= call.now:
        return past.now_of(call.tx, table.space)
    return past.place_of(table.space, max(at, table.recoverable_since))


def description(table: TableRecord, now: float) -> dict[str, Any]:
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if table.recoverable_since:
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": table.recovery_days,
            "EarliestRestorableDateTime": earliest(table, now),
            "LatestRestorableDateTime": now,
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}


class TrimPast:
    """Forgets of each table what nobody can go back to any more."""

    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> tuple[TableRecord | None, bool]:
            table = tables.get(tx, *key)
            if table is None or table.captures:
                return table, False
            now = world.clock.now()
            before = now - table.recovery_days * DAY_S if table.recoverable_since else now
            return table, past.trim(tx, table.space, before, CHUNK)

        table, more = await world.store.transact(work)
        while more:
            await asyncio.sleep(0)  # callers go first
            table, more = await world.store.transact(work)
        recoverable = table is not None and table.recoverable_since
        return RequeueAt(world.clock.now() + EVERY_S) if recoverable else Done
