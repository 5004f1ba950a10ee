"""SELECT: the query or scan that it means.

A condition that fixes the partition key is a query, one that names several a query for each, any other a scan. Source:
DynamoDB Developer Guide, "PartiQL select statements for DynamoDB".
"""

import hashlib
from typing import Any, NamedTuple

import orjson

from pileus.service import Call
from pileus.service.paginate import BadToken, seal, unseal

from ..errors import Invalid
from ..expressions import condition, key_condition, projection
from ..items import capacity
from ..items.capacity import Spent, read_units
from ..items.finding import Plan, check_types, find, index_of, keys_of, needs_items
from ..items.ranges import bounds, place_of, segment_of
from ..records import Keys, SecondaryIndex, TableRecord
from ..values import Item, Value, checked_value
from .statements import Literal, Statement, Test
from .wording import Words, conjuncts, equals, together

Request = dict[str, Any]
_RANGES = ("=", "<", "<=", ">", ">=", "between", "begins_with")


class Page(NamedTuple):
    items: list[Any]
    token: str | None
    last: Item | None
    spent: Spent


def hash_values(statement: Statement, keys: Keys) -> list[Value]:
    """The partition keys that the condition allows; empty when it does not say."""
    for test in conjuncts(statement.where):
        value = equals(test, keys.hash)
        if value is not None:
            return [checked_value(value)]
        first, *rest = test.operands
        if test.kind == "in" and first == (keys.hash,) and all(isinstance(one, Literal) for one in rest):
            values = [checked_value(one.value) for one in rest]
            return list({orjson.dumps(value): value for value in values}.values())
    return []


def _ranges(call: Call, table: TableRecord, index: SecondaryIndex | None, statement: Statement) -> list[Any]:
    """Where the rows begin and end, for each partition key."""
    keys = keys_of(table, index)
    space = index.space if index is not None else table.space
    values = hash_values(statement, keys)
    if not values:
        return [segment_of(space, 0, 1)]
    bound = next((test for test in conjuncts(statement.where) if keys.sort and _bounds_sort(test, keys.sort)), None)
    found = []
    for value in values:
        words = Words()
        parts = [Test("=", ((keys.hash,), Literal(value))), *([bound] if bound is not None else [])]
        wanted = together(parts)
        assert wanted is not None
        parameters_text = words.test(wanted)
        asked = key_condition(parameters_text, words.parameters(), keys.hash, keys.sort or None)
        check_types(keys, asked, index)
        found.append(bounds(space, index is not None, keys, asked))
    return found


def _bounds_sort(test: Test, name: str) -> bool:
    return (
        test.kind in _RANGES
        and test.operands[0] == (name,)
        and all(isinstance(one, Literal) for one in test.operands[1:])
    )


def select(call: Call, table: TableRecord, statement: Statement, request: Request) -> Page:
    asked = {"IndexName": statement.index, "ConsistentRead": request.get("ConsistentRead", False)}
    index = index_of(table, {name: value for name, value in asked.items() if value})
    keys = keys_of(table, index)
    forward = _order(statement, keys)
    words = Words()
    text = words.test(statement.where) if statement.where is not None else None
    wanted = condition("WHERE", text, words.parameters()) if text is not None else None
    shown = None
    if statement.shown:
        seen = Words()
        shown_text = ", ".join(seen.path(path) for path in statement.shown)
        shown = projection(shown_text, seen.parameters())
    fetch = needs_items(table, index, shown, whole=False)
    ranges = _ranges(call, table, index, statement)
    purpose = f"dynamodb.partiql/{table.id}/{hashlib.sha256(repr(statement).encode()).hexdigest()}"
    number, start_key = _continued(purpose, request.get("NextToken"))
    limit, items, size, fetched = request.get("Limit", 1 << 30), [], 0, 0.0
    last: Item | None = None
    while number < len(ranges):
        start, stop = ranges[number]
        if start_key is not None:
            at = place_of(table, index, start_key)
            start, stop = (at + b"\0", stop) if forward else (start, at)
        plan = Plan(table, index, start, stop, forward, wanted, shown, False, limit, fetch)
        found = find(call, plan)
        items += found.items
        limit, size, fetched = limit - found.scanned, size + found.size, fetched + found.fetched
        last = start_key = found.last
        if found.last is not None:
            break
        number += 1
        if limit <= 0 and number < len(ranges):
            break
    token = None
    if number < len(ranges) and (last is not None or limit <= 0):
        token = seal(purpose, (number, orjson.dumps(last) if last is not None else b""))
    units = read_units(max(1, size), bool(request.get("ConsistentRead")))
    spent = Spent(units, {}) if index is None else Spent(fetched, {index.name: units})
    capacity.charge(call, table, spent, "read")
    return Page(items, token, last, spent)


def _continued(purpose: str, token: str | None) -> tuple[int, Item | None]:
    if token is None:
        return 0, None
    try:
        number, key = unseal(purpose, token)
    except BadToken:
        raise Invalid("Invalid NextToken") from None
    return number, orjson.loads(key) if key else None


def _order(statement: Statement, keys: Keys) -> bool:
    """Whether forwards."""
    if not statement.order:
        return True
    if len(hash_values(statement, keys)) != 1:
        raise Invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
    for name, _ in statement.order:
        if name not in keys.names:
            raise Invalid(f"Variable reference {name} in ORDER BY clause must be part of the primary key")
    return not statement.order[-1][1]
