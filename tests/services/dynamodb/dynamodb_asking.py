"""How DynamoDB's tests ask: short names for long requests."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

KINDS = {str: "S", bytes: "B"}


def refused(call: Any, /, **request: Any) -> tuple[str, str]:
    """The code and message of the error that a call must raise."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def make(client: Any, name: str, hash_key: str = "pk:S", sort_key: str = "", **more: Any) -> str:
    """A new table, active; keys are written `name:type`."""
    given = [key.split(":") for key in (hash_key, sort_key) if key]
    types = dict(given)
    for index in more.get("GlobalSecondaryIndexes", []) + more.get("LocalSecondaryIndexes", []):
        for name_, kind in index.pop("Types", {}).items():
            types[name_] = kind
    more.setdefault("BillingMode", "PROVISIONED" if "ProvisionedThroughput" in more else "PAY_PER_REQUEST")
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(given, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
        **more,
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return name


def index(name: str, hash_key: str, sort_key: str = "", projection: str = "ALL", *included: str) -> dict[str, Any]:
    """An index for `make`."""
    keys = [key.split(":") for key in (hash_key, sort_key) if key]
    shown: dict[str, Any] = {"ProjectionType": projection}
    if included:
        shown["NonKeyAttributes"] = list(included)
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        "Projection": shown,
        "Types": dict(keys),
    }


def value(thing: Any) -> dict[str, Any]:
    """A plain value as an AttributeValue."""
    if isinstance(thing, dict):
        return thing
    if thing is None:
        return {"NULL": True}
    if isinstance(thing, bool):
        return {"BOOL": thing}
    if isinstance(thing, int | float):
        return {"N": str(thing)}
    if isinstance(thing, list):
        return {"L": [value(one) for one in thing]}
    return {KINDS[type(thing)]: thing}


def item(**attributes: Any) -> dict[str, Any]:
    return {name: value(thing) for name, thing in attributes.items()}


def put(client: Any, table: str, **attributes: Any) -> None:
    client.put_item(TableName=table, Item=item(**attributes))


def get(client: Any, table: str, **key: Any) -> dict[str, Any] | None:
    return client.get_item(TableName=table, Key=item(**key)).get("Item")


def whole(call: Any, **request: Any) -> list[dict[str, Any]]:
    """All items of a query or scan, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = call(**request)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
