"""CreateTable, and how a table becomes active.

Source: DynamoDB API Reference, "CreateTable".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.control import Done, Outcome
from pileus.model import constraints
from pileus.service import Call
from pileus.store import Transaction

from ..addressing import check_name, place_of, policy_of, table_arn, table_resource
from ..errors import Invalid, LimitExceeded, ResourceInUse
from ..records import TableRecord, keep, tables
from ..service import dynamodb
from ..streams import journal
from . import encryption, schema
from .describing import description
from .policies import put
from .tagging import checked_tags

Request = dict[str, Any]
TABLES_MAX = 2_500


@dynamodb.operation(
    "CreateTable",
    resource=table_resource,
    resource_policy=policy_of,
    without=("GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "VectorIndexes"),
)
def create_table(call: Call, request: Request) -> dict[str, Any]:
    table = planned(call, request)
    if call.subject is not None:
        raise ResourceInUse(f"Table already exists: {table.name}")
    if table.account != call.account:
        raise Invalid("A table can only be created in the caller's own account")
    if sum(1 for _ in tables.scan(call.tx, table.account, table.region, limit=TABLES_MAX)) >= TABLES_MAX:
        raise LimitExceeded(
            f"Subscriber limit exceeded: There is a limit of {TABLES_MAX} tables per subscriber per region"
        )
    table = encryption.locked(call, table, encryption.wanted(request.get("SSESpecification")))
    keep(call.tx, table)
    if table.stream is not None:
        journal.open_stream(call.tx, table, table.stream, call.now)
    if "ResourcePolicy" in request:
        put(call, table, table.arn, request["ResourcePolicy"])
    return {"TableDescription": description(call, table)}


def planned(call: Call, request: Request) -> TableRecord:
    """The table that a request describes, all checked, but under no key yet."""
    account, region, name = place_of(call, request["TableName"])
    check_name(name)
    missing = [
        f"Value null at '{member[:1].lower()}{member[1:]}' failed to satisfy constraint: Member must not be null"
        for member in ("AttributeDefinitions", "KeySchema")
        if member not in request
    ]
    if missing:
        raise Invalid(constraints.message(missing))
    types = schema.definitions(request["AttributeDefinitions"])
    on_demand = request.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST"
    throughput = schema.throughput_of(request, on_demand)
    schema.check_units(throughput)
    keys = schema.keys_of(request["KeySchema"], types)
    indexes = (
        *schema.locals_of(request, keys, types, call.now),
        *schema.globals_of(request, types, on_demand, call.now),
    )
    schema.check_names(indexes)
    schema.check_all_used(types, keys, indexes)
    id_ = ids.secret_uuid()
    return TableRecord(
        account,
        region,
        name,
        table_arn(call, request["TableName"]),
        id_,
        ids.rising(call.now),
        "CREATING",
        call.now,
        keys,
        types,
        b"",
        indexes,
        on_demand,
        throughput=throughput,
        ceiling=schema.ceiling_of(request, on_demand),
        warm=schema.warm_of(request),
        table_class=request.get("TableClass", "STANDARD"),
        protected=request.get("DeletionProtectionEnabled", False),
        tags=checked_tags({}, request.get("Tags", [])),
        stream=schema.stream_of(request.get("StreamSpecification"), call.now),
        billing_changed=call.now if on_demand else 0.0,
    )


class Settle:
    """Makes tables active once they are what was asked for: their rows need no preparation."""

    watches = tables.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> None:
            table = tables.get(tx, *key)
            if table is not None and table.status in ("CREATING", "UPDATING") and not table.held:
                keep(tx, msgspec.structs.replace(table, status="ACTIVE"))

        await world.store.transact(work)
        return Done
