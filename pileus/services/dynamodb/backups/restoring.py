"""RestoreTableFromBackup and RestoreTableToPointInTime: always a new table.

Source: DynamoDB API Reference, "RestoreTableFromBackup", "RestoreTableToPointInTime" (what is not restored: streams,
time to live, tags, policies, recovery settings).
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.service import Call

from ..addressing import check_name, find, table_arn
from ..addressing import place_of as table_place
from ..errors import (
    BackupInUse,
    Invalid,
    InvalidRestoreTime,
    PointInTimeRecoveryUnavailable,
    TableAlreadyExists,
    TableNotFound,
)
from ..records import SecondaryIndex, TableRecord, keep, tables
from ..service import dynamodb
from ..tables import encryption, schema
from ..tables.describing import description
from .continuous import earliest, since
from .copying import Copy, begin, rows_of
from .on_demand import backup_resource, backup_there, place
from .records import backups

Request = dict[str, Any]
replace = msgspec.structs.replace
LEFT_OUT = ("VectorIndexOverride",)


def _backup_and_target(call: Call, request: Request) -> list[str]:
    return [backup_resource(call, request), table_arn(call, request["TargetTableName"])]


@dynamodb.operation("RestoreTableFromBackup", resource=_backup_and_target, without=LEFT_OUT)
def restore_table_from_backup(call: Call, request: Request) -> dict[str, Any]:
    backup = backup_there(call, request)
    if backup.status != "AVAILABLE":
        raise BackupInUse(f"Backup is being created: {backup.arn}")
    origin: dict[str, str | float | bool] = {
        "SourceBackupArn": backup.arn,
        "SourceTableArn": backup.table.arn,
        "RestoreDateTime": backup.created,
        "RestoreInProgress": True,
    }
    table = _restored(call, request, backup.table, origin)
    backups.put(call.tx, *place(backup), record=replace(backup, restoring=backup.restoring + 1))
    begin(call.tx, Copy(backup.rows, rows_of(table), b"", None, _of(table), backup=backup.arn), call.now)
    return {"TableDescription": description(call, table)}


def _source(call: Call, request: Request) -> list[str]:
    text = request.get("SourceTableArn") or request.get("SourceTableName")
    if text is None:
        raise Invalid("One of SourceTableArn and SourceTableName must be given")
    call.subject = find(call, text)
    return [table_arn(call, text), table_arn(call, request["TargetTableName"])]


@dynamodb.operation("RestoreTableToPointInTime", resource=_source, without=LEFT_OUT)
def restore_table_to_point_in_time(call: Call, request: Request) -> dict[str, Any]:
    source: TableRecord | None = call.subject
    if source is None or source.status in ("CREATING", "DELETING"):
        raise TableNotFound(f"Table not found: {request.get('SourceTableName') or request.get('SourceTableArn')}")
    if not source.recoverable_since:
        raise PointInTimeRecoveryUnavailable(f"Point in time recovery is not enabled for table '{source.name}'")
    latest = request.get("UseLatestRestorableTime", False)
    at = call.now if latest else request.get("RestoreDateTime")
    if at is None or (latest and "RestoreDateTime" in request):
        raise Invalid("Exactly one of UseLatestRestorableTime and RestoreDateTime must be given")
    if not int(earliest(source, call.now)) <= at <= call.now:
        raise InvalidRestoreTime("The specified restore date time is not within the restorable window of the table")
    origin: dict[str, str | float | bool] = {
        "SourceTableArn": source.arn,
        "RestoreDateTime": at,
        "RestoreInProgress": True,
    }
    table = _restored(call, request, source, origin)
    copy = Copy(rows_of(source), rows_of(table), since(call, source, at), _of(source))
    begin(call.tx, replace(copy, into=_of(table)), call.now)
    return {"TableDescription": description(call, table)}


def _of(table: TableRecord) -> tuple[str, str, str]:
    return table.account, table.region, table.name


def _restored(call: Call, request: Request, old: TableRecord, origin: dict[str, str | float | bool]) -> TableRecord:
    """The new table, not active until its rows are there."""
    account, region, name = table_place(call, request["TargetTableName"])
    check_name(name, "TargetTableName")
    if tables.get(call.tx, account, region, name) is not None:
        raise TableAlreadyExists(f"Table already exists: {name}")
    mode = request.get("BillingModeOverride")
    on_demand = old.on_demand if mode is None else mode == "PAY_PER_REQUEST"
    throughput = old.throughput
    if "ProvisionedThroughputOverride" in request or on_demand != old.on_demand:
        given = {"ProvisionedThroughput": request.get("ProvisionedThroughputOverride")}
        throughput = schema.throughput_of({k: v for k, v in given.items() if v is not None}, on_demand)
    ceiling = old.ceiling if on_demand else None
    if "OnDemandThroughputOverride" in request:
        ceiling = schema.ceiling_of({"OnDemandThroughput": request["OnDemandThroughputOverride"]}, on_demand)
    id_ = ids.secret_uuid()
    indexes = tuple(
        replace(index, space=ids.rising(call.now), status="ACTIVE", filled=b"", throughput=throughput)
        if on_demand != old.on_demand
        else replace(index, space=ids.rising(call.now), status="ACTIVE", filled=b"")
        for index in _kept_indexes(request, old)
    )
    used = {*old.keys.names, *(name_ for index in indexes for name_ in index.keys.names)}
    table = TableRecord(
        account,
        region,
        name,
        table_arn(call, request["TargetTableName"]),
        id_,
        ids.rising(call.now),
        "CREATING",
        call.now,
        old.keys,
        {attribute: kind for attribute, kind in old.types.items() if attribute in used},
        b"",
        indexes,
        on_demand,
        throughput=throughput,
        ceiling=ceiling,
        table_class=old.table_class,
        billing_changed=call.now if on_demand else 0.0,
        restored=origin,
        held=True,
    )
    specification = request.get("SSESpecificationOverride")
    key_id = old.kms_key if specification is None else encryption.wanted(specification)
    table = encryption.locked(call, table, key_id)
    keep(call.tx, table)
    return table


def _kept_indexes(request: Request, old: TableRecord) -> list[SecondaryIndex]:
    """Overrides may leave indexes out, and nothing else."""
    kept = []
    for member, local in (("LocalSecondaryIndexOverride", True), ("GlobalSecondaryIndexOverride", False)):
        there = [index for index in old.indexes if index.local is local and index.status != "DELETING"]
        if member in request:
            names = {one["IndexName"] for one in request[member]}
            unknown = names - {index.name for index in there}
            if unknown:
                raise Invalid(f"{member} may only name indexes of the source table: {', '.join(sorted(unknown))}")
            there = [index for index in there if index.name in names]
        kept += there
    return kept
