"""Which partition keys and attributes a request touches, for policies down to single items.

Source: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control" (`dynamodb:LeadingKeys`,
`dynamodb:Attributes`; "Specify all attributes": a request that reads whole items names them by Select).
"""

from typing import Any

from pileus.base.errors import ApiError

from ..expressions import Parameters, condition, key_condition, legacy, projection, update
from ..records import TableRecord
from ..values import Value

Request = dict[str, Any]


def leading_keys(table: TableRecord, operation: str, request: Request) -> list[str] | None:
    """The partition keys a request names, as text. What a request is wrong about is told by the operation itself."""
    name = table.keys.hash
    if operation == "Query":
        return _queried(table, request)
    if operation == "PutItem":
        return _texts([request["Item"].get(name)])
    if "Key" in request:
        return _texts([request["Key"].get(name)])
    found: list[Any] = []
    for given, entries in request.get("RequestItems", {}).items():
        if given != table.name and given != table.arn:
            continue
        if operation == "BatchGetItem":
            found += [key.get(name) for key in entries["Keys"]]
        else:
            for entry in entries:
                put, gone = entry.get("PutRequest"), entry.get("DeleteRequest")
                found.append((put["Item"] if put else gone["Key"] if gone else {}).get(name))
    return _texts(found)


def _texts(values: list[Any]) -> list[str] | None:
    found = [next(iter(value.values())) for value in values if isinstance(value, dict) and value]
    return [text for text in found if isinstance(text, str)] or None


def _queried(table: TableRecord, request: Request) -> list[str] | None:
    index = table.index(request["IndexName"]) if "IndexName" in request else None
    keys = index.keys if index is not None else table.keys
    try:
        if "KeyConditionExpression" in request:
            text = request["KeyConditionExpression"]
            found: Value = key_condition(text, _parameters(request), keys.hash, keys.sort or None).hash
        else:
            found = legacy.key_conditions(request.get("KeyConditions", {}), keys.hash, keys.sort or None).hash
    except ApiError:
        return None
    return _texts([found])


def _parameters(request: Request) -> Parameters:
    return Parameters(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def attributes(table: TableRecord, operation: str, request: Request) -> list[str] | None:
    """The top-level attributes a request names."""
    found: set[str] = set()
    try:
        parameters = _parameters(request)
        for member in ("ConditionExpression", "FilterExpression"):
            if member in request:
                found |= condition(member, request[member], parameters).attributes
        if "ProjectionExpression" in request:
            found |= projection(request["ProjectionExpression"], parameters).attributes
        if "UpdateExpression" in request:
            found |= update(request["UpdateExpression"], parameters).attributes
    except ApiError:
        return None
    for member in ("Item", "Key", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"):
        found |= request.get(member, {}).keys()
    found |= set(request.get("AttributesToGet", ()))
    if operation == "Query":
        keys = (table.index(request.get("IndexName", "")) or table).keys
        found.add(keys.hash)
    return sorted(found) or None
