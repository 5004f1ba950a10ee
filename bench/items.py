"""What DynamoDB costs: single items, a query, a batch; and the same in a table of a thousand items and of a million."""

import json
from collections.abc import Callable
from typing import Any

from . import signing
from .servers import Server

LONG = 1_000_000
BATCH = 25


def ask(server: Server, operation: str, **request: Any) -> bytes:
    return signing.target(server.port, "dynamodb", f"DynamoDB_20120810.{operation}", request)


def table(server: Server, name: str) -> signing.Client:
    client = signing.Client(server.port)
    client.call(
        ask(
            server,
            "CreateTable",
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
        )
    )
    while b'"TableStatus":"ACTIVE"' not in client.call(ask(server, "DescribeTable", TableName=name)):
        pass
    return client


def item(number: int) -> dict[str, Any]:
    return {"pk": {"S": f"p{number // 20:06d}"}, "sk": {"N": str(number % 20)}, "text": {"S": "x" * 200},
            "count": {"N": "12345"}}  # fmt: skip


def fill(server: Server, client: signing.Client, name: str, first: int, count: int) -> None:
    for start in range(first, first + count, BATCH):
        entries = [{"PutRequest": {"Item": item(number)}} for number in range(start, start + BATCH)]
        answer = json.loads(client.call(ask(server, "BatchWriteItem", RequestItems={name: entries})))
        assert not answer["UnprocessedItems"]


def puts(server: Server, name: str) -> list[bytes]:
    table(server, name).close()
    return [ask(server, "PutItem", TableName=name, Item=item(number)) for number in range(500)]


def batches(server: Server, name: str) -> list[bytes]:
    table(server, name).close()
    entries = [[{"PutRequest": {"Item": item(n)}} for n in range(k * BATCH, (k + 1) * BATCH)] for k in range(40)]
    return [ask(server, "BatchWriteItem", RequestItems={name: some}) for some in entries]


def filled(server: Server, name: str, count: int = 1_000) -> None:
    client = table(server, name)
    fill(server, client, name, 0, count)
    client.close()


def gets(server: Server, name: str, count: int = 1_000) -> list[bytes]:
    step = max(1, count // 500)
    keys = [{part: item(number)[part] for part in ("pk", "sk")} for number in range(0, count, step)]
    return [ask(server, "GetItem", TableName=name, Key=key) for key in keys]


def queries(server: Server, name: str, count: int = 1_000) -> list[bytes]:
    step = max(20, count // 500)
    return [
        ask(
            server,
            "Query",
            TableName=name,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": item(number)["pk"]},
        )
        for number in range(0, count, step)
    ]


def growth(server: Server, seconds: int, wrk: Callable[..., dict[str, float]]) -> dict[str, float]:
    """CPU of an item put, got and of twenty queried, in a table of a thousand and of a million."""
    client, found, there = table(server, "long"), {}, 0
    for count in (1_000, LONG):
        fill(server, client, "long", there, count - there)
        there = count
        again = [ask(server, "PutItem", TableName="long", Item=item(n)) for n in range(0, count, max(1, count // 500))]
        found[f"put at {count:,}, us"] = wrk(server, again, 16, seconds)["cpu us"]
        found[f"get at {count:,}, us"] = wrk(server, gets(server, "long", count), 16, seconds)["cpu us"]
        found[f"query at {count:,}, us"] = wrk(server, queries(server, "long", count), 16, seconds)["cpu us"]
    client.close()
    return found
