"""Time to live: items whose time is over are removed, at no cost, and streams tell that the service did it.

Source: DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB" (a Number of epoch seconds, not more than five
years past; deletion within a few days, here within a quarter of an hour of the cloud's clock); API Reference,
"UpdateTimeToLive" (one change an hour).
"""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Call
from pileus.store import Transaction

from ..addressing import table_operation
from ..errors import Invalid
from ..items import changing
from ..items.keys import rows_after
from ..items.locks import DYNAMODB, as_service, sealer
from ..items.rows import Kept
from ..records import TableRecord, keep, tables
from ..replicas import members
from ..values import Item

Request = dict[str, Any]
EVERY_S = 900.0
CHANGE_EVERY_S = 3600.0
PAST_MAX_S = 5 * 365.25 * 86_400
CHUNK = 100
replace = msgspec.structs.replace


@table_operation("UpdateTimeToLive")
def update_time_to_live(call: Call, table: TableRecord, request: Request) -> dict[str, Any]:
    wanted = request["TimeToLiveSpecification"]
    name, enabled = wanted["AttributeName"], wanted["Enabled"]
    is_enabled = table.ttl_status in ("ENABLED", "ENABLING")
    if enabled == is_enabled:
        raise Invalid(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    if not enabled and name != table.ttl:
        raise Invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {table.ttl}")
    if table.ttl_changed and call.now - table.ttl_changed < CHANGE_EVERY_S:
        raise Invalid("Time to live has been modified multiple times within a fixed interval")
    status = "ENABLING" if enabled else "DISABLING"
    changed = replace(table, ttl=name, ttl_status=status, ttl_changed=call.now)
    keep(call.tx, changed)
    if changed.replicas:
        members.keep_alike(call, changed)
    return {"TimeToLiveSpecification": {"AttributeName": name, "Enabled": enabled}}


@table_operation("DescribeTimeToLive")
def describe_time_to_live(call: Call, table: TableRecord, request: Request) -> dict[str, Any]:
    found = {"TimeToLiveStatus": table.ttl_status}
    if table.ttl_status != "DISABLED":
        found["AttributeName"] = table.ttl
    return {"TimeToLiveDescription": found}


class Expire:
    """Walks each table that has a time to live every quarter of an hour."""

    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        table = await world.store.transact(lambda tx: _settled(tx, key))
        if table is None or table.ttl_status != "ENABLED":
            return Done
        walked: bytes | None = b""
        while walked is not None:
            at = walked
            walked = await world.store.transact(lambda tx, at=at: _expire(world, tx, key, at))
            await asyncio.sleep(0)  # callers go first
        return RequeueAt(world.clock.now() + EVERY_S)


def _settled(tx: Transaction, key: tuple[Any, ...]) -> TableRecord | None:
    table = tables.get(tx, *key)
    if table is not None and table.ttl_status in ("ENABLING", "DISABLING"):
        changes = ("ENABLED", table.ttl) if table.ttl_status == "ENABLING" else ("DISABLED", "")
        table = replace(table, ttl_status=changes[0], ttl=changes[1])
        keep(tx, table)
    return table


def _expire(world: Any, tx: Transaction, key: tuple[Any, ...], walked: bytes) -> bytes | None:
    """How far the walk came; None at the end."""
    table = tables.get(tx, *key)
    if table is None or table.ttl_status != "ENABLED" or table.status == "DELETING":
        return None
    rows = rows_after(tx, table.space, walked, CHUNK)
    call = as_service(world, tx, table.region)
    sealing = sealer(call, table)
    for row, sealed in rows:
        kept = Kept(sealing.open(row, sealed))
        if expired(kept.item, table.ttl, call.now):
            changing.change(call, table, row, kept, None, 0, by_service=DYNAMODB, free=True)
    return rows[-1][0] if len(rows) == CHUNK else None


def expired(item: Item, name: str, now: float) -> bool:
    text = item.get(name, {}).get("N")
    if text is None:
        return False
    moment = float(text)
    return now - PAST_MAX_S < moment < now
