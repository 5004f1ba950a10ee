"""Key schemas, attribute definitions and indexes as requests give them, checked.

Source: DynamoDB API Reference, "CreateTable"; DynamoDB Developer Guide, "Quotas in Amazon DynamoDB".
"""

from typing import Any

from pileus.base import ids
from pileus.base.clock import iso_millis

from ..addressing import check_name
from ..errors import Invalid, LimitExceeded
from ..records import Ceiling, Keys, SecondaryIndex, Stream, Throughput

LOCAL_MAX, GLOBAL_MAX = 5, 20
INCLUDED_MAX = 20
INCLUDED_IN_ALL_MAX = 100
WRONG = "One or more parameter values were invalid: "

Request = dict[str, Any]


def definitions(given: list[dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        if one["AttributeName"] in found:
            raise Invalid("Cannot have two attributes with the same name")
        found[one["AttributeName"]] = one["AttributeType"]
    return found


def names_in(schema: list[dict[str, str]]) -> list[str]:
    """The names of a key schema, whose form is checked: a HASH key, then perhaps a RANGE key."""
    kinds = [one["KeyType"] for one in schema]
    if kinds[0] != "HASH":
        raise Invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) > 2:
        raise Invalid(
            f"1 validation error detected: Value '{schema}' at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    if len(schema) == 2:
        if kinds[1] != "RANGE":
            raise Invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
        if schema[0]["AttributeName"] == schema[1]["AttributeName"]:
            raise Invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    return [one["AttributeName"] for one in schema]


def keys_of(schema: list[dict[str, str]], types: dict[str, str]) -> Keys:
    names = names_in(schema)
    unknown = [name for name in names if name not in types]
    if unknown:
        raise Invalid(
            f"{WRONG}Some index key attributes are not defined in AttributeDefinitions. Keys: [{', '.join(names)}], "
            f"AttributeDefinitions: [{', '.join(types)}]"
        )
    hash_name, sort_name = names[0], names[1] if len(names) > 1 else ""
    return Keys(hash_name, types[hash_name], sort_name, types.get(sort_name, ""))


def check_all_used(types: dict[str, str], keys: Keys, indexes: tuple[SecondaryIndex, ...]) -> None:
    used = {*keys.names, *(name for index in indexes for name in index.keys.names)}
    if used == types.keys():
        return
    if not indexes:
        raise Invalid(
            f"{WRONG}Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise Invalid(
        f"{WRONG}Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(types)}], keys used: "
        f"[{', '.join(sorted(used))}]"
    )


def locals_of(request: Request, keys: Keys, types: dict[str, str], now: float) -> tuple[SecondaryIndex, ...]:
    given = request.get("LocalSecondaryIndexes")
    if given is None:
        return ()
    if not given:
        raise Invalid(f"{WRONG}List of LocalSecondaryIndexes is empty")
    if not keys.sort:
        raise Invalid(
            f"{WRONG}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    if len(given) > LOCAL_MAX:
        raise Invalid(f"{WRONG}Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_MAX}")
    found = []
    for one in given:
        check_name(one["IndexName"], "IndexName")
        own = keys_of(one["KeySchema"], types)
        if not own.sort:
            raise Invalid(f"{WRONG}Index KeySchema does not have a range key for index: {one['IndexName']}")
        if own.hash != keys.hash:
            raise Invalid(
                f"{WRONG}Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{one['IndexName']}. index hash key: {own.hash}, table hash key: {keys.hash}"
            )
        projection, included = projection_of(one.get("Projection") or {})
        found.append(SecondaryIndex(one["IndexName"], True, own, projection, included, ids.rising(now)))
    return tuple(found)


def globals_of(request: Request, types: dict[str, str], on_demand: bool, now: float) -> tuple[SecondaryIndex, ...]:
    given = request.get("GlobalSecondaryIndexes")
    if given is None:
        return ()
    if not given:
        raise Invalid(f"{WRONG}List of GlobalSecondaryIndexes is empty")
    if len(given) > GLOBAL_MAX:
        raise Invalid(f"{WRONG}GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_MAX}")
    return tuple(global_of(one, types, on_demand, now) for one in given)


def global_of(one: dict[str, Any], types: dict[str, str], on_demand: bool, now: float) -> SecondaryIndex:
    check_name(one["IndexName"], "IndexName")
    keys = keys_of(one["KeySchema"], types)
    projection, included = projection_of(one.get("Projection") or {})
    return SecondaryIndex(
        one["IndexName"],
        False,
        keys,
        projection,
        included,
        ids.rising(now),
        throughput=throughput_of(one, on_demand, one["IndexName"]),
        ceiling=ceiling_of(one, on_demand),
        warm=warm_of(one),
    )


def check_names(indexes: tuple[SecondaryIndex, ...]) -> None:
    """Of all of a table's indexes."""
    seen: set[str] = set()
    for index in indexes:
        if index.name in seen:
            raise Invalid(f"{WRONG}Duplicate index name: {index.name}")
        seen.add(index.name)
    included = sum(len(index.included) for index in indexes)
    if included > INCLUDED_IN_ALL_MAX:
        raise Invalid(
            f"{WRONG}Too many NonKeyAttributes: number of NonKeyAttributes across all indexes exceeds "
            f"{INCLUDED_IN_ALL_MAX}"
        )


def projection_of(given: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    kind = given.get("ProjectionType")
    included = given.get("NonKeyAttributes")
    if kind is None:
        raise Invalid(f"{WRONG}Unknown ProjectionType: null")
    if kind == "INCLUDE":
        if not included:
            raise Invalid(f"{WRONG}ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
        if len(included) > INCLUDED_MAX:
            raise Invalid(f"{WRONG}NonKeyAttributes of an index are at most {INCLUDED_MAX}")
    elif included is not None:
        raise Invalid(f"{WRONG}ProjectionType is {kind}, but NonKeyAttributes is specified")
    return kind, tuple(dict.fromkeys(included or ()))


def throughput_of(given: Request, on_demand: bool, index: str = "") -> Throughput:
    wanted = given.get("ProvisionedThroughput")
    of = f" for index: {index}" if index else ""
    if on_demand:
        if wanted is not None:
            raise Invalid(
                f"{WRONG}"
                + (
                    f"ProvisionedThroughput should not be specified{of} when BillingMode is PAY_PER_REQUEST"
                    if index
                    else "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
                    "PAY_PER_REQUEST"
                )
            )
        return Throughput()
    if wanted is None:
        raise Invalid(
            f"{WRONG}"
            + (
                f"ProvisionedThroughput must be specified{of}"
                if index
                else "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
            )
        )
    return Throughput(wanted["ReadCapacityUnits"], wanted["WriteCapacityUnits"])


def ceiling_of(given: Request, on_demand: bool) -> Ceiling | None:
    wanted = given.get("OnDemandThroughput")
    if wanted is None:
        return None
    if not on_demand:
        raise Invalid(f"{WRONG}OnDemandThroughput can only be specified when BillingMode is PAY_PER_REQUEST")
    made = Ceiling(wanted.get("MaxReadRequestUnits", -1), wanted.get("MaxWriteRequestUnits", -1))
    if 0 in (made.read, made.write) or made.read < -1 or made.write < -1:
        raise Invalid(f"{WRONG}MaxReadRequestUnits and MaxWriteRequestUnits must be at least 1, or -1 for no maximum")
    return None if made == Ceiling() else made


def warm_of(given: Request) -> tuple[int, int] | None:
    wanted = given.get("WarmThroughput")
    if wanted is None:
        return None
    return wanted.get("ReadUnitsPerSecond", 0), wanted.get("WriteUnitsPerSecond", 0)


def check_units(throughput: Throughput) -> None:
    if throughput.read > 40_000 or throughput.write > 40_000:
        raise LimitExceeded("The requested throughput exceeds the per-table limit of 40000 units")


def stream_of(wanted: dict[str, Any] | None, now: float) -> Stream | None:
    """The stream that a StreamSpecification asks for."""
    if wanted is None:
        return None
    view = wanted.get("StreamViewType")
    if not wanted["StreamEnabled"]:
        if view is not None:
            raise Invalid(f"{WRONG}StreamViewType is not allowed when StreamEnabled is false")
        return None
    if view is None:
        raise Invalid(f"{WRONG}StreamEnabled is true but StreamViewType is not specified")
    return Stream(iso_millis(now), view, ids.rising(now))
