"""UpdateTable: throughput, billing, streams, global indexes, class and protection.

Source: DynamoDB API Reference, "UpdateTable"; DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" (decreases of
provisioned throughput; one index made or removed at a time), "Switching capacity modes".
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..addressing import table_operation
from ..errors import Invalid, LimitExceeded, ResourceInUse, ResourceNotFound
from ..records import SecondaryIndex, TableRecord, Throughput, keep
from ..replicas import members
from ..streams import journal
from . import encryption, schema
from .describing import description

Request = dict[str, Any]
DAY_S = 86_400.0
DECREASES_FREE = 4
CLASS_CHANGES_S = 15 * DAY_S
CHANGES = (
    "AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexUpdates",
    "OnDemandThroughput", "ProvisionedThroughput", "ReplicaUpdates", "SSESpecification", "StreamSpecification",
    "TableClass", "WarmThroughput",
)  # fmt: skip

replace = msgspec.structs.replace


@table_operation(
    "UpdateTable",
    without=("DisassociationProtectionEnabled", "GlobalTableSettingsReplicationMode", "GlobalTableWitnessUpdates",
             "MultiRegionConsistency", "VectorIndexUpdates"),
)  # fmt: skip
def update_table(call: Call, table: TableRecord, request: Request) -> dict[str, Any]:
    if not any(name in request for name in CHANGES):
        raise Invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    if table.status != "ACTIVE":
        doing = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}[table.status]
        raise ResourceInUse(f"Attempt to change a resource which is still in use: Table is being {doing}: {table.name}")
    changed = _billing(call, table, request)
    changed = _indexes(call, changed, request, table.on_demand != changed.on_demand)
    changed = _plain(call, changed, request)
    changed = _stream(call, changed, request)
    if "SSESpecification" in request:
        changed = encryption.changed(call, changed, request["SSESpecification"])
    if "ReplicaUpdates" in request:
        changed = members.updated(call, changed, request["ReplicaUpdates"])
    if changed.replicas:
        members.keep_alike(call, changed)
    changed = replace(changed, status="UPDATING")
    keep(call.tx, changed)
    return {"TableDescription": description(call, changed)}


def _billing(call: Call, table: TableRecord, request: Request) -> TableRecord:
    mode = request.get("BillingMode")
    on_demand = table.on_demand if mode is None else mode == "PAY_PER_REQUEST"
    wanted = request.get("ProvisionedThroughput")
    if mode is None and wanted is None:
        return table
    if on_demand:
        throughput = schema.throughput_of(request, True)
        if table.on_demand:
            return table
        indexes = tuple(replace(index, throughput=throughput) for index in table.indexes)
        return replace(table, on_demand=True, billing_changed=call.now, throughput=throughput, indexes=indexes)
    made = schema.throughput_of(request, False) if wanted is not None or table.on_demand else table.throughput
    schema.check_units(made)
    if table.on_demand:
        return replace(table, on_demand=False, throughput=made, ceiling=None)
    return replace(table, throughput=changed_throughput(call, "table", table.throughput, made))


def changed_throughput(call: Call, what: str, old: Throughput, new: Throughput) -> Throughput:
    """Raises what AWS says to no change at all, and to too many decreases."""
    if (old.read, old.write) == (new.read, new.write):
        raise Invalid(
            f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
            f"Current ReadCapacityUnits provisioned for the {what}: {old.read}. Requested ReadCapacityUnits: "
            f"{new.read}. Current WriteCapacityUnits provisioned for the {what}: {old.write}. Requested "
            f"WriteCapacityUnits: {new.write}. Refer to the Amazon DynamoDB Developer Guide for current limits and how "
            "to request higher limits."
        )
    day = int(call.now // DAY_S)
    decreases = old.decreases if old.day == day else 0
    if new.read < old.read or new.write < old.write:
        if decreases >= DECREASES_FREE and call.now - old.lowered < 3600:
            raise LimitExceeded(
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. "
                f"After the first {DECREASES_FREE} decreases, each subsequent decrease in the same UTC day can be "
                f"performed at most once every 3600 seconds. Number of decreases today: {decreases}. Last decrease at: "
                f"{old.lowered}."
            )
        return replace(new, raised=old.raised, lowered=call.now, decreases=decreases + 1, day=day)
    return replace(new, raised=call.now, lowered=old.lowered, decreases=decreases, day=day)


def _plain(call: Call, table: TableRecord, request: Request) -> TableRecord:
    changes: dict[str, Any] = {}
    if "DeletionProtectionEnabled" in request:
        changes["protected"] = request["DeletionProtectionEnabled"]
    if "OnDemandThroughput" in request:
        changes["ceiling"] = schema.ceiling_of(request, table.on_demand)
    if "WarmThroughput" in request:
        changes["warm"] = schema.warm_of(request)
    kind = request.get("TableClass")
    if kind is not None and kind != table.table_class:
        if table.class_changed and call.now - table.class_changed < CLASS_CHANGES_S:
            raise LimitExceeded(
                "Subscriber limit exceeded: The table class can be changed at most twice in a 30-day trailing period"
            )
        changes.update(table_class=kind, class_changed=call.now)
    return replace(table, **changes) if changes else table


def _stream(call: Call, table: TableRecord, request: Request) -> TableRecord:
    wanted = request.get("StreamSpecification")
    if wanted is None:
        return table
    enabled = table.stream is not None and table.stream.enabled
    made = schema.stream_of(wanted, call.now)
    if made is not None:
        if enabled:
            raise Invalid(f"Table already has an enabled stream: TableName: {table.name}")
        journal.open_stream(call.tx, table, made, call.now)
        return replace(table, stream=made)
    if not enabled:
        raise Invalid(f"Table has no stream to disable: TableName: {table.name}")
    journal.close_stream(call.tx, table, call.now)
    if table.replicas:
        raise Invalid(f"A replicated table's stream cannot be disabled: TableName: {table.name}")
    assert table.stream is not None
    return replace(table, stream=replace(table.stream, enabled=False))


# -- global indexes -------------------------------------------------------------------------------------------------


def _indexes(call: Call, table: TableRecord, request: Request, mode_changed: bool) -> TableRecord:
    updates = request.get("GlobalSecondaryIndexUpdates", [])
    if not updates:
        return table
    ways = [(way, update[way]) for update in updates for way in ("Create", "Update", "Delete") if way in update]
    if len(ways) != len(updates):
        raise Invalid(
            "One or more parameter values were invalid: Each GlobalSecondaryIndexUpdate must have exactly one of "
            "Update, Create and Delete"
        )
    names = [one["IndexName"] for _, one in ways]
    if len(set(names)) != len(names):
        raise Invalid("One or more parameter values were invalid: Only one global secondary index update per index is "
                      "allowed simultaneously. Index: " + next(n for n in names if names.count(n) > 1))  # fmt: skip
    gone = {one["IndexName"] for way, one in ways if way == "Delete"}
    busy = sum(
        index.status == "DELETING" or (index.status == "CREATING" and not (index.backfilling and index.name in gone))
        for index in table.indexes
    )
    if busy + sum(way != "Update" for way, _ in ways) > 1:
        raise LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
        )
    for way, one in ways:
        if way == "Create":
            table = _created(call, table, request, one)
        elif way == "Delete":
            _there(table, one["IndexName"])
            table = _with(table, one["IndexName"], status="DELETING")
        else:
            table = _updated(call, table, one, mode_changed)
    return table


def _there(table: TableRecord, name: str) -> SecondaryIndex:
    index = table.index(name)
    if index is None or index.local:
        raise ResourceNotFound("Requested resource not found")
    return index


def _with(table: TableRecord, name: str, **changes: Any) -> TableRecord:
    indexes = tuple(replace(index, **changes) if index.name == name else index for index in table.indexes)
    return replace(table, indexes=indexes)


def _created(call: Call, table: TableRecord, request: Request, one: dict[str, Any]) -> TableRecord:
    if table.index(one["IndexName"]) is not None:
        raise Invalid("One or more parameter values were invalid: Index with name already exists: " + one["IndexName"])
    types = {**table.types, **schema.definitions(request.get("AttributeDefinitions", []))}
    index = schema.global_of(one, types, table.on_demand, call.now)
    if sum(not known.local for known in table.indexes) >= schema.GLOBAL_MAX:
        raise LimitExceeded(
            f"One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit of "
            f"{schema.GLOBAL_MAX}"
        )
    indexes = (*table.indexes, replace(index, status="CREATING"))
    schema.check_names(indexes)
    used = {*table.keys.names, *(name for known in indexes for name in known.keys.names)}
    return replace(table, indexes=indexes, types={name: kind for name, kind in types.items() if name in used})


def _updated(call: Call, table: TableRecord, one: dict[str, Any], mode_changed: bool) -> TableRecord:
    index = _there(table, one["IndexName"])
    if index.status == "DELETING":
        raise ResourceInUse(f"Attempt to change a resource which is still in use: Index is being deleted: {index.name}")
    changes: dict[str, Any] = {}
    if "ProvisionedThroughput" in one:
        made = schema.throughput_of(one, table.on_demand, index.name)
        changes["throughput"] = made if mode_changed else changed_throughput(call, "index", index.throughput, made)
    if "OnDemandThroughput" in one:
        changes["ceiling"] = schema.ceiling_of(one, table.on_demand)
    if "WarmThroughput" in one:
        changes["warm"] = schema.warm_of(one)
    return _with(table, index.name, **changes)
