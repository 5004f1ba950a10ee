"""Which regions a table is in: replicas that come, go, and stay alike.

Source: DynamoDB API Reference, "UpdateTable" (ReplicaUpdates); DynamoDB Developer Guide, "Global tables: how it works",
"Settings that are always synchronized across replicas" (billing, global indexes, time to live).
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.service import Call, must_allow
from pileus.store import Transaction

from ..errors import Invalid, ResourceInUse
from ..items.locks import purpose_of
from ..records import SecondaryIndex, TableRecord, keep, tables
from ..streams import journal
from ..tables.schema import stream_of

Request = dict[str, Any]
WRONG = "One or more parameter values were invalid: "
ALIKE = ("on_demand", "billing_changed", "throughput", "ceiling", "types", "ttl", "ttl_status", "ttl_changed")
replace = msgspec.structs.replace


def others(tx: Transaction, table: TableRecord) -> list[TableRecord]:
    found = (tables.get(tx, table.account, region, table.name) for region in table.replicas)
    return [one for one in found if one is not None]


def updated(call: Call, table: TableRecord, updates: list[dict[str, Any]]) -> TableRecord:
    """The table after a request's ReplicaUpdates. Raises what AWS refuses them with."""
    if len(updates) != 1 or len(updates[0]) != 1:
        raise Invalid(f"{WRONG}Only one replica can be created or deleted at a time")
    way, one = next(iter(updates[0].items()))
    region = one["RegionName"]
    if way not in ("Create", "Delete") or set(one) != {"RegionName"}:
        raise Invalid(f"{WRONG}Pileus's replicas have no settings of their own: only RegionName can be given")
    if way == "Create":
        return _created(call, table, region)
    if region not in table.replicas:
        raise Invalid(f"{WRONG}Replica not found: there is no replica of table {table.name} in region {region}")
    _may(call, table, region, "DeleteTableReplica")
    gone = tables.get(call.tx, table.account, region, table.name)
    if gone is not None:
        if gone.protected:
            raise Invalid(f"{WRONG}The replica in region {region} is protected against deletion")
        if gone.status != "ACTIVE" or gone.captures:
            raise ResourceInUse(f"Attempt to change a resource which is still in use: replica in region {region}")
        leave(call.tx, gone)
        keep(call.tx, replace(gone, replicas=(), status="DELETING"))
    return replace(table, replicas=tuple(there for there in table.replicas if there != region))


def _may(call: Call, table: TableRecord, region: str, action: str) -> None:
    must_allow(call, f"dynamodb:{action}", table.arn.replace(f":{table.region}:", f":{region}:"))


def _created(call: Call, table: TableRecord, region: str) -> TableRecord:
    if region == table.region or region in table.replicas:
        raise Invalid(f"{WRONG}Replica already exists: table {table.name} is in region {region}")
    if tables.get(call.tx, table.account, region, table.name) is not None:
        raise ResourceInUse(f"Table already exists: {table.name} in region {region}")
    if not table.on_demand:
        raise Invalid(
            f"{WRONG}A table with provisioned capacity needs auto scaling for its replicas: use BillingMode "
            f"PAY_PER_REQUEST"
        )
    if table.kms_key:
        raise Invalid(f"{WRONG}Pileus does not replicate tables under a KMS key yet")
    if any(index.status != "ACTIVE" for index in table.indexes):
        raise ResourceInUse("Attempt to change a resource which is still in use: an index is being created or deleted")
    _may(call, table, region, "CreateTableReplica")
    table = _with_stream(call, table)
    id_ = ids.secret_uuid()
    made = replace(
        table,
        region=region,
        arn=table.arn.replace(f":{table.region}:", f":{region}:"),
        id=id_,
        space=ids.rising(call.now),
        status="CREATING",
        created=call.now,
        data_key=call.cloud.keyring.new_key(purpose_of(id_)),
        indexes=tuple(replace(index, space=ids.rising(call.now)) for index in table.indexes),
        tags={},
        policy="",
        policy_revision="",
        stream=stream_of({"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}, call.now),
        recoverable_since=0.0,
        captures=0,
        restored={},
        replicas=(table.region, *table.replicas),
        held=True,
        protected=False,
    )
    assert made.stream is not None
    journal.open_stream(call.tx, made, made.stream, call.now)
    for other in others(call.tx, table):
        keep(call.tx, replace(other, replicas=(*other.replicas, region)))
    keep(call.tx, made)
    return replace(table, replicas=(*table.replicas, region))


def _with_stream(call: Call, table: TableRecord) -> TableRecord:
    if table.stream is None or not table.stream.enabled:
        stream = stream_of({"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}, call.now)
        assert stream is not None
        journal.open_stream(call.tx, table, stream, call.now)
        return replace(table, stream=stream)
    if table.stream.view != "NEW_AND_OLD_IMAGES":
        raise Invalid(f"{WRONG}A replicated table's stream must have the StreamViewType NEW_AND_OLD_IMAGES")
    return table


def leave(tx: Transaction, table: TableRecord) -> None:
    """A table that goes is nobody's replica any more."""
    for other in others(tx, table):
        keep(tx, replace(other, replicas=tuple(there for there in other.replicas if there != table.region)))


def keep_alike(call: Call, table: TableRecord) -> None:
    """What one replica was changed to, all are."""
    changes = {name: getattr(table, name) for name in ALIKE}
    for other in others(call.tx, table):
        keep(call.tx, replace(other, **changes, indexes=_indexes(call, table, other)))


def _indexes(call: Call, table: TableRecord, other: TableRecord) -> tuple[SecondaryIndex, ...]:
    found = []
    for index in table.indexes:
        known = other.index(index.name)
        if known is None:
            found.append(replace(index, space=ids.rising(call.now), filled=b"", backfilling=False))
        elif index.status == "DELETING":
            found.append(replace(known, status="DELETING"))
        else:
            found.append(replace(known, throughput=index.throughput, ceiling=index.ceiling))
    return tuple(found)


def description(tx: Transaction, table: TableRecord) -> list[dict[str, Any]]:
    """The replicas in other regions."""
    return [
        {"RegionName": other.region, "ReplicaStatus": "CREATING" if other.held else "ACTIVE", "ReplicaArn": other.arn}
        for other in others(tx, table)
    ]
