"""DeleteTable, and the rows of spaces that were given up.

Source: DynamoDB API Reference, "DeleteTable"; DynamoDB Developer Guide, "Deletion protection".
"""

import asyncio
from typing import Any

import msgspec

from pileus.control import Done, Outcome
from pileus.service import Call
from pileus.store import Transaction

from .. import spaces
from ..addressing import table_operation
from ..backups import on_demand, past
from ..errors import Invalid, ResourceInUse
from ..items.keys import rows_after
from ..records import TableRecord, doomed, keep, tables
from ..replicas import members, stamps
from ..streams import journal
from .describing import description
from .policies import policies

Request = dict[str, Any]
CHUNK = 500


@table_operation("DeleteTable")
def delete_table(call: Call, table: TableRecord, request: Request) -> dict[str, Any]:
    if table.status in ("CREATING", "UPDATING", "DELETING"):
        raise ResourceInUse(f"Attempt to change a resource which is still in use: Table is being "
                            f"{_DOING[table.status]}: {table.name}")  # fmt: skip
    if table.captures:
        raise ResourceInUse(
            f"Attempt to change a resource which is still in use: Table is being backed up or restored: {table.name}"
        )
    if any(replica.held for replica in members.others(call.tx, table)):
        raise Invalid(
            "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the "
            "table"
        )
    if table.protected:
        raise Invalid(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
            "protection first."
        )
    gone = msgspec.structs.replace(table, status="DELETING")
    keep(call.tx, gone)
    return {"TableDescription": description(call, gone)}


_DOING = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}


class Remove:
    """Gives a table that is being deleted up: its name is free at once, its rows go in the background."""

    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> None:
            table = tables.get(tx, *key)
            if table is None or table.status != "DELETING":
                return
            if table.recoverable_since:
                count = spaces.counts(tx, table.space)
                on_demand.leave_behind(tx, table, count.items, count.octets, world.clock.now())
            else:
                spaces.give_up(tx, table.space)
            for index in table.indexes:
                spaces.give_up(tx, index.space)
            members.leave(tx, table)
            journal.close_stream(tx, table, world.clock.now())
            if table.policy:
                policies.delete(tx, table.arn)
            tables.delete(tx, *key)

        await world.store.transact(work)
        return Done


class Sweep:
    """Removes the rows of a space that was given up, a chunk a transaction, so that no caller waits long."""

    watches = doomed.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        space = int(key[0])

        def work(tx: Transaction) -> bool:
            """Whether there may be more."""
            if doomed.get(tx, space) is None:
                return False
            rows = rows_after(tx, space, b"", CHUNK)
            for row, _ in rows:
                tx.delete(row)
            if (
                len(rows) == CHUNK
                or spaces.clear(tx, space, CHUNK)
                or past.trim(tx, space, None, CHUNK)
                or stamps.clear(tx, space, CHUNK)
            ):
                return True
            doomed.delete(tx, space)
            return False

        while await world.store.transact(work):
            await asyncio.sleep(0)  # callers go first
        return Done
