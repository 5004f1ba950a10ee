"""CreateBackup, DescribeBackup, ListBackups, DeleteBackup.

Source: DynamoDB Developer Guide, "Working with on-demand backups"; API Reference, "CreateBackup".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Call
from pileus.store import Transaction

from ..addressing import place_of as table_place
from ..addressing import policy_of, table_resource
from ..errors import BackupInUse, BackupNotFound, Invalid, TableInUse, TableNotFound
from ..records import TableRecord
from ..service import dynamodb
from ..spaces import give_up
from ..tables.describing import schema
from . import past
from .copying import Copy, begin, rows_of
from .records import Backup, backups, place_of

Request = dict[str, Any]
PAGE = 100
SYSTEM_KEEPS_S = 35 * 86_400.0
replace = msgspec.structs.replace


def table_there(call: Call, name: str) -> TableRecord:
    table: TableRecord | None = call.subject
    if table is None or table.status == "DELETING":
        raise TableNotFound(f"Table not found: {name}")
    if table.status == "CREATING":
        raise TableInUse(f"Table is being created: {name}")
    return table


def backup_resource(call: Call, request: Request) -> str:
    arn: str = request["BackupArn"]
    place = place_of(arn)
    if place is None:
        raise Invalid(f"1 validation error detected: Value '{arn}' at 'backupArn' failed to satisfy constraint: "
                      "it is no ARN of a backup")  # fmt: skip
    call.subject = backups.get(call.tx, *place) if place[:2] == (call.account, call.region) else None
    return arn


def backup_there(call: Call, request: Request) -> Backup:
    backup: Backup | None = call.subject
    if backup is None:
        raise BackupNotFound(f"Backup not found: {request['BackupArn']}")
    return backup


def place(backup: Backup) -> tuple[str, str, str, str]:
    found = place_of(backup.arn)
    assert found is not None
    return found


@dynamodb.operation("CreateBackup", resource=table_resource, resource_policy=policy_of)
def create_backup(call: Call, request: Request) -> dict[str, Any]:
    table = table_there(call, request["TableName"])
    backup = new_backup(call.tx, table, request["BackupName"], call.now)
    source = rows_of(table)
    of = (table.account, table.region, table.name)
    begin(call.tx, Copy(source, backup.rows, past.now_of(call.tx, table.space), of, backup=backup.arn), call.now)
    return {"BackupDetails": details(backup)}


def new_backup(tx: Transaction, table: TableRecord, name: str, now: float, **more: Any) -> Backup:
    id_ = f"{int(now * 1_000):014d}-{ids.unique_hex(8)}"
    rows = more.pop("rows", None) or rows_of(table, ids.rising(now))
    backup = Backup(f"{table.arn}/backup/{id_}", name, table, rows, now, more.pop("status", "CREATING"), **more)
    backups.put(tx, *place(backup), record=backup)
    return backup


def details(backup: Backup) -> dict[str, Any]:
    found: dict[str, Any] = {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.octets,
        "BackupStatus": backup.status,
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created,
    }
    if backup.expires:
        found["BackupExpiryDateTime"] = backup.expires
    return found


def description(backup: Backup) -> dict[str, Any]:
    table = backup.table
    source: dict[str, Any] = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table.arn,
        "TableSizeBytes": backup.octets,
        "KeySchema": schema(table.keys),
        "TableCreationDateTime": table.created,
        "ProvisionedThroughput": {
            "ReadCapacityUnits": table.throughput.read,
            "WriteCapacityUnits": table.throughput.write,
        },
        "ItemCount": backup.items,
        "BillingMode": "PAY_PER_REQUEST" if table.on_demand else "PROVISIONED",
    }
    features: dict[str, Any] = {}
    for member, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        shown = []
        for index in table.indexes:
            if index.local is not local:
                continue
            one: dict[str, Any] = {
                "IndexName": index.name,
                "KeySchema": schema(index.keys),
                "Projection": {"ProjectionType": index.projection},
            }
            if index.included:
                one["Projection"]["NonKeyAttributes"] = list(index.included)
            if not local:
                own = index.throughput
                one["ProvisionedThroughput"] = {"ReadCapacityUnits": own.read, "WriteCapacityUnits": own.write}
            shown.append(one)
        if shown:
            features[member] = shown
    if table.stream is not None and table.stream.enabled:
        features["StreamDescription"] = {"StreamEnabled": True, "StreamViewType": table.stream.view}
    if table.ttl:
        features["TimeToLiveDescription"] = {"TimeToLiveStatus": table.ttl_status, "AttributeName": table.ttl}
    return {"BackupDetails": details(backup), "SourceTableDetails": source, "SourceTableFeatureDetails": features}


@dynamodb.operation("DescribeBackup", resource=backup_resource)
def describe_backup(call: Call, request: Request) -> dict[str, Any]:
    return {"BackupDescription": description(backup_there(call, request))}


@dynamodb.operation("ListBackups")
def list_backups(call: Call, request: Request) -> dict[str, Any]:
    limit = request.get("Limit", PAGE)
    start = request.get("ExclusiveStartBackupArn")
    after = None
    if start is not None:
        at = place_of(start)
        if at is None or at[:2] != (call.account, call.region):
            raise Invalid(f"Invalid ExclusiveStartBackupArn: {start}")
        after = at[2:]
    wanted = table_place(call, request["TableName"])[2] if "TableName" in request else None
    kind = request.get("BackupType", "USER")
    low, high = request.get("TimeRangeLowerBound", 0.0), request.get("TimeRangeUpperBound", float("inf"))
    found = [
        backup
        for _, backup in backups.scan(call.tx, call.account, call.region, after=after, limit=1_000_000)
        if wanted in (None, backup.table.name) and kind in ("ALL", backup.kind) and low <= backup.created < high
    ]
    shown = [_summary(backup) for backup in found[:limit]]
    answer: dict[str, Any] = {"BackupSummaries": shown}
    if len(found) > limit:
        answer["LastEvaluatedBackupArn"] = shown[-1]["BackupArn"]
    return answer


def _summary(backup: Backup) -> dict[str, Any]:
    table = backup.table
    return {"TableName": table.name, "TableId": table.id, "TableArn": table.arn, **details(backup)}


@dynamodb.operation("DeleteBackup", resource=backup_resource)
def delete_backup(call: Call, request: Request) -> dict[str, Any]:
    backup = backup_there(call, request)
    if backup.status == "CREATING" or backup.restoring:
        raise BackupInUse(f"Backup is being {'created' if backup.status == 'CREATING' else 'restored'}: {backup.arn}")
    if backup.kind == "SYSTEM":
        raise Invalid("System backups cannot be deleted")
    remove(call.tx, backup)
    return {"BackupDescription": description(replace(backup, status="DELETED"))}


def remove(tx: Transaction, backup: Backup) -> None:
    give_up(tx, backup.rows.space)
    backups.delete(tx, *place(backup))


def leave_behind(tx: Transaction, table: TableRecord, items: int, octets: int, now: float) -> None:
    """A table that is deleted while it can be recovered leaves its rows as a backup of 35 days (Developer Guide,
    "Point-in-time recovery: Deleting a table")."""
    new_backup(
        tx,
        table,
        f"{table.name}$DeletedTableBackup",
        now,
        status="AVAILABLE",
        kind="SYSTEM",
        expires=now + SYSTEM_KEEPS_S,
        items=items,
        octets=octets,
        rows=rows_of(table),
    )


class ExpireBackups:
    watches = backups.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> Outcome:
            backup = backups.get(tx, *key)
            if backup is None or not backup.expires:
                return Done
            if backup.expires > world.clock.now() or backup.restoring:
                return RequeueAt(max(backup.expires, world.clock.now() + 60))
            remove(tx, backup)
            return Done

        return await world.store.transact(work)
