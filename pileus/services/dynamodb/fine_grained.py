"""Which partition keys and attributes a request touches, for policies down to single items.

Source: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control" (`dynamodb:LeadingKeys`,
`dynamodb:Attributes`; "Specify all attributes": a request that reads whole items names them by Select).
"""

from typing import Any

from pileus.base.errors import ApiError

from .expressions import Parameters, condition, key_condition, legacy, projection, update
from .records import TableRecord
from .values import checked_value

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
    found: list[Any] = []
    for value in values:
        try:
            found += checked_value(value).values()
        except ApiError:
            continue  # told by the operation itself
    return [text for text in found if isinstance(text, str)] or None


def _queried(table: TableRecord, request: Request) -> list[str] | None:
    index = table.index(request["IndexName"]) if "IndexName" in request else None
    keys = index.keys if index is not None else table.keys
    try:
        if "KeyConditionExpression" in request:
            text = request["KeyConditionExpression"]
            found = key_condition(text, _parameters(request), keys.hash, keys.sort or None).hash
        else:
            found = legacy.key_conditions(request.get("KeyConditions", {}), keys.hash, keys.sort or None).hash
    except ApiError:
        return None
    return _texts([found])


def select(operation: str, request: Request) -> str | None:
    """What is read of each item, also where the request leaves it to the default."""
    if operation not in ("BatchGetItem", "GetItem", "Query", "Scan"):
        return None
    if "Select" in request:
        return str(request["Select"])
    entries = request.get("RequestItems", {"": request}).values()
    if all("ProjectionExpression" in entry or "AttributesToGet" in entry for entry in entries):
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_PROJECTED_ATTRIBUTES" if "IndexName" in request else "ALL_ATTRIBUTES"


def _parameters(request: Request) -> Parameters:
    return Parameters(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def _entries(table: TableRecord, request: Request) -> list[dict[str, Any]]:
    """The parts of a batch that are about this table."""
    found: list[dict[str, Any]] = []
    for name, entries in request.get("RequestItems", {}).items():
        if name not in (table.name, table.arn):
            continue
        if isinstance(entries, dict):
            found += [entries, *({"Key": key} for key in entries["Keys"])]
        else:
            found += [entry.get("PutRequest") or entry.get("DeleteRequest") or {} for entry in entries]
    return found


def _named(part: Request) -> set[str]:
    """The attributes that the expressions of a request, or of a part of it, name."""
    found: set[str] = set()
    parameters = _parameters(part)
    for member in ("ConditionExpression", "FilterExpression"):
        if member in part:
            found |= condition(member, part[member], parameters).attributes
    if "ProjectionExpression" in part:
        found |= projection(part["ProjectionExpression"], parameters).attributes
    if "UpdateExpression" in part:
        found |= update(part["UpdateExpression"], parameters).attributes
    return found


def attributes(table: TableRecord, operation: str, request: Request) -> list[str] | None:
    """The top-level attributes a request names."""
    found: set[str] = set()
    try:
        for part in (request, *_entries(table, request)):
            found |= _named(part)
    except ApiError:
        return None
    for part in (request, *_entries(table, request)):
        for member in ("Item", "Key", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"):
            found |= part.get(member, {}).keys()
        found |= set(part.get("AttributesToGet", ()))
    if operation == "Query":
        keys = (table.index(request.get("IndexName", "")) or table).keys
        found.add(keys.hash)
        text = request.get("KeyConditionExpression", "")
        if keys.sort and (keys.sort in text or keys.sort in request.get("ExpressionAttributeNames", {}).values()):
            found.add(keys.sort)
    return sorted(found) or None
