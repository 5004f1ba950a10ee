"""DescribeTable, ListTables, DescribeLimits, DescribeEndpoints: tables as callers see them.

Source: DynamoDB API Reference, "DescribeTable", "TableDescription", "ListTables", "DescribeLimits".
"""

from typing import Any

from pileus.service import Call

from .. import spaces
from ..addressing import table_operation
from ..records import Keys, SecondaryIndex, TableRecord, Throughput, tables
from ..service import dynamodb

Request = dict[str, Any]
NAMES_MAX = 100
WARM_ON_DEMAND = (12_000, 4_000)


@table_operation("DescribeTable")
def describe_table(call: Call, table: TableRecord, request: Request) -> dict[str, Any]:
    return {"Table": description(call, table)}


def description(call: Call, table: TableRecord) -> dict[str, Any]:
    count = spaces.counts(call.tx, table.space)
    found: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in table.types.items()],
        "TableName": table.name,
        "KeySchema": schema(table.keys),
        "TableStatus": table.status,
        "CreationDateTime": table.created,
        "ProvisionedThroughput": throughput(table.throughput),
        "TableSizeBytes": count.octets,
        "ItemCount": count.items,
        "TableArn": table.arn,
        "TableId": table.id,
        "DeletionProtectionEnabled": table.protected,
        "WarmThroughput": warm(table),
    }
    if table.on_demand or table.billing_changed:
        found["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST" if table.on_demand else "PROVISIONED"}
        if table.billing_changed:
            found["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] = table.billing_changed
    for member, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        indexes = [_index(call, table, index) for index in table.indexes if index.local is local]
        if indexes:
            found[member] = indexes
    if table.ceiling is not None:
        found["OnDemandThroughput"] = {
            "MaxReadRequestUnits": table.ceiling.read,
            "MaxWriteRequestUnits": table.ceiling.write,
        }
    if table.stream is not None:
        if table.stream.enabled:
            found["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view}
        found["LatestStreamLabel"] = table.stream.label
        found["LatestStreamArn"] = f"{table.arn}/stream/{table.stream.label}"
    if table.table_class != "STANDARD" or table.class_changed:
        found["TableClassSummary"] = {"TableClass": table.table_class}
        if table.class_changed:
            found["TableClassSummary"]["LastUpdateDateTime"] = table.class_changed
    if table.kms_key:
        from .encryption import description as encryption

        found["SSEDescription"] = encryption(call, table)
        if "InaccessibleEncryptionDateTime" in found["SSEDescription"]:
            found["TableStatus"] = "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    if table.restored:
        found["RestoreSummary"] = dict(table.restored)
    if table.replicas:
        from ..replicas.members import description as replicas

        found["GlobalTableVersion"] = "2019.11.21"
        found["Replicas"] = replicas(call.tx, table)
    return found


def _index(call: Call, table: TableRecord, index: SecondaryIndex) -> dict[str, Any]:
    count = spaces.counts(call.tx, index.space)
    found: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": schema(index.keys),
        "Projection": {"ProjectionType": index.projection},
        "IndexSizeBytes": count.octets,
        "ItemCount": count.items,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if index.included:
        found["Projection"]["NonKeyAttributes"] = list(index.included)
    if not index.local:
        found["IndexStatus"] = index.status
        found["ProvisionedThroughput"] = throughput(index.throughput)
        read, write = index.warm or _warm(table.on_demand, index.throughput)
        found["WarmThroughput"] = {"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": "ACTIVE"}
        if index.status == "CREATING":
            found["Backfilling"] = index.backfilling
        if index.ceiling is not None:
            found["OnDemandThroughput"] = {
                "MaxReadRequestUnits": index.ceiling.read,
                "MaxWriteRequestUnits": index.ceiling.write,
            }
    return found


def _warm(on_demand: bool, own: Throughput) -> tuple[int, int]:
    return WARM_ON_DEMAND if on_demand else (own.read, own.write)


def warm(table: TableRecord) -> dict[str, Any]:
    read, write = table.warm or _warm(table.on_demand, table.throughput)
    return {"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": "ACTIVE"}


def schema(keys: Keys) -> list[dict[str, str]]:
    found = [{"AttributeName": keys.hash, "KeyType": "HASH"}]
    if keys.sort:
        found.append({"AttributeName": keys.sort, "KeyType": "RANGE"})
    return found


def throughput(own: Throughput) -> dict[str, Any]:
    found: dict[str, Any] = {
        "NumberOfDecreasesToday": own.decreases,
        "ReadCapacityUnits": own.read,
        "WriteCapacityUnits": own.write,
    }
    if own.raised:
        found["LastIncreaseDateTime"] = own.raised
    if own.lowered:
        found["LastDecreaseDateTime"] = own.lowered
    return found


@dynamodb.operation("ListTables")
def list_tables(call: Call, request: Request) -> dict[str, Any]:
    limit = request.get("Limit", NAMES_MAX)
    start = request.get("ExclusiveStartTableName")
    after = (start,) if start is not None else None
    rows = list(tables.scan(call.tx, call.account, call.region, after=after, limit=limit + 1))
    names = [str(key[0]) for key, _ in rows[:limit]]
    answer: dict[str, Any] = {"TableNames": names}
    if len(rows) > limit:
        answer["LastEvaluatedTableName"] = names[-1]
    return answer


@dynamodb.operation("DescribeLimits")
def describe_limits(call: Call, request: Request) -> dict[str, Any]:
    """The quotas that new accounts have (Developer Guide, "Quotas in Amazon DynamoDB")."""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


@dynamodb.operation("DescribeEndpoints", unconditional="Clients find the endpoint before they know what they may do.")
def describe_endpoints(call: Call, request: Request) -> dict[str, Any]:
    return {"Endpoints": [{"Address": call.endpoint.partition("://")[2], "CachePeriodInMinutes": 1_440}]}
