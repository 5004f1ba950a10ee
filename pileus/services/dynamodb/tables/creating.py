"""CreateTable, and how a table becomes active.

Source: DynamoDB API Reference, "CreateTable".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.clock import iso_millis
from pileus.control import Done, Outcome
from pileus.model import constraints
from pileus.service import Call
from pileus.store import Transaction

from ..addressing import check_name, place_of, policy_of
from ..errors import Invalid, LimitExceeded, ResourceInUse
from ..records import Stream, TableRecord, tables
from ..service import dynamodb
from ..streams import journal
from . import encryption, schema
from .describing import description
from .tagging import checked_tags

Request = dict[str, Any]
TABLES_MAX = 2_500


def _resource(call: Call, request: Request) -> str:
    account, region, name = place_of(call, request["TableName"])
    call.subject = tables.get(call.tx, account, region, name)
    return f"arn:{call.partition}:dynamodb:{region}:{account}:table/{name}"


@dynamodb.operation(
    "CreateTable",
    resource=_resource,
    resource_policy=policy_of,
    without=("GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "VectorIndexes"),
)  # fmt: skip
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
        from .policies import put

        put(call, table, table.arn, request["ResourcePolicy"])
    return {"TableDescription": description(call, table)}


def keep(tx: Transaction, table: TableRecord) -> None:
    tables.put(tx, table.account, table.region, table.name, record=table)


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
        f"arn:{call.partition}:dynamodb:{region}:{account}:table/{name}",
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
        stream=stream_of(call, request.get("StreamSpecification")),
        billing_changed=call.now if on_demand else 0.0,
    )


def stream_of(call: Call, wanted: dict[str, Any] | None) -> Stream | None:
    """The stream that a StreamSpecification asks for."""
    if wanted is None:
        return None
    view = wanted.get("StreamViewType")
    if not wanted["StreamEnabled"]:
        if view is not None:
            raise Invalid(f"{schema.WRONG}StreamViewType is not allowed when StreamEnabled is false")
        return None
    if view is None:
        raise Invalid(f"{schema.WRONG}StreamEnabled is true but StreamViewType is not specified")
    return Stream(iso_millis(call.now), view, ids.rising(call.now))


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
