"""BatchGetItem and BatchWriteItem: many items, each for itself; what was not done for want of capacity comes back.

Source: DynamoDB API Reference, "BatchGetItem", "BatchWriteItem".
"""

from collections.abc import Callable, Iterable
from typing import Any

from pileus.service import Call, ResourcePolicy

from .. import conditions
from ..addressing import find, of_table, table_arn, usable_table
from ..errors import Invalid, ProvisionedThroughputExceeded, ThrottlingException
from ..expressions import Projection
from ..records import TableRecord
from ..service import dynamodb
from ..values import checked_item
from . import capacity, changing
from .asking import parameters_of, projection_of
from .capacity import NOTHING, Spent, read_units, together
from .keys import placed_key
from .putting import Done, Plan, carry_out, collection, place
from .rows import Kept

Request = dict[str, Any]
GETS_MAX, WRITES_MAX = 100, 25
ANSWER_BYTES_MAX = 16 * 1024 * 1024
THROTTLED = (ProvisionedThroughputExceeded, ThrottlingException)


def _tables(call: Call, request: Request) -> list[str]:
    """The tables stay the call's subject, by the name the request has for each."""
    call.subject = {name: find(call, name) for name in request["RequestItems"]}
    return [table_arn(call, name) for name in request["RequestItems"]]


def _policies(call: Call, request: Request) -> list[ResourcePolicy | None]:
    return [of_table(table) for table in call.subject.values()]


def _context(call: Call, request: Request) -> dict[str, Any]:
    """Of all tables together: a policy asks for all values of a set."""
    found: dict[str, Any] = {}
    subject = call.subject
    for table in subject.values():
        call.subject = table
        for name, value in conditions.of_request(call, request).items():
            found[name] = [*found[name], *value] if isinstance(value, list) and name in found else value
    call.subject = subject
    return found


def _batch(name: str) -> Callable[[Any], Any]:
    return dynamodb.operation(name, resource=_tables, resource_policy=_policies, context=_context)


def _usable(call: Call) -> dict[str, TableRecord]:
    return {name: usable_table(table) for name, table in call.subject.items()}


def _check_sizes(sizes: Iterable[int], most: int, shown: Any) -> None:
    sizes = list(sizes)
    if not sizes or not all(sizes):
        raise Invalid(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Member must have "
            "length greater than or equal to 1"
        )
    if sum(sizes) > most:
        raise Invalid(shown)


@_batch("BatchGetItem")
def batch_get_item(call: Call, request: Request) -> dict[str, Any]:
    wanted = request["RequestItems"]
    too_many = "Too many items requested for the BatchGetItem call"
    _check_sizes((len(entry["Keys"]) for entry in wanted.values()), GETS_MAX, too_many)
    shown = {name: _shown(entry) for name, entry in wanted.items()}
    tables = _usable(call)
    places = {name: _places(tables[name], entry["Keys"]) for name, entry in wanted.items()}
    _check_distinct(row for placed in places.values() for row, _ in placed)
    answers: dict[str, list[Any]] = {name: [] for name in wanted}
    left: dict[str, Any] = {}
    spent: dict[str, Spent] = {}
    size, tried, throttled = 0, 0, None
    for name, entry in wanted.items():
        table = tables[name]
        for row, key in places[name]:
            if size > ANSWER_BYTES_MAX:
                left.setdefault(name, {**entry, "Keys": []})["Keys"].append(key)
                continue
            found = changing.read(call, table, row)
            own = found.size if found is not None else 0
            cost = Spent(read_units(max(1, own), bool(entry.get("ConsistentRead"))), {})
            try:
                capacity.charge(call, table, cost, "read")
            except THROTTLED as error:
                throttled = error
                left.setdefault(name, {**entry, "Keys": []})["Keys"].append(key)
                continue
            tried += 1
            size += own
            spent[name] = together(spent.get(name, NOTHING), cost)
            if found is not None:
                answers[name].append(_seen(found, shown[name]))
    if throttled is not None and not tried:
        raise throttled
    return {"Responses": answers, "UnprocessedKeys": left, **_told(request, tables, spent)}


def _shown(entry: dict[str, Any]) -> Projection | None:
    parameters = parameters_of(entry)
    found = projection_of(entry, parameters)
    parameters.finish()
    return found


def _seen(found: Kept, shown: Projection | None) -> Any:
    return found.whole if shown is None else shown.of(found.item)


def _places(table: TableRecord, keys: list[Any]) -> list[tuple[bytes, Any]]:
    return [(placed_key(table, key)[1], key) for key in keys]


@_batch("BatchWriteItem")
def batch_write_item(call: Call, request: Request) -> dict[str, Any]:
    wanted = request["RequestItems"]
    too_many = (
        "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy "
        f"constraint: [Member must have length less than or equal to {WRITES_MAX}, Member must have length greater "
        "than or equal to 1]"
    )
    _check_sizes(map(len, wanted.values()), WRITES_MAX, too_many)
    plans = {name: [_plan(entry) for entry in entries] for name, entries in wanted.items()}
    tables = _usable(call)
    places = {name: [place(tables[name], plan, True) for plan in planned] for name, planned in plans.items()}
    _check_distinct(row for placed in places.values() for _, row in placed)
    left: dict[str, list[Any]] = {}
    spent: dict[str, Spent] = {}
    metrics: dict[str, list[Any]] = {}
    done, throttled = 0, None
    for name, planned in plans.items():
        table = tables[name]
        for plan, entry, placed in zip(planned, wanted[name], places[name], strict=True):
            try:
                made = carry_out(call, table, plan, placed=placed)
            except THROTTLED as error:
                throttled = error
                left.setdefault(name, []).append(entry)
                continue
            done += 1
            spent[name] = together(spent.get(name, NOTHING), made.spent)
            if request.get("ReturnItemCollectionMetrics") == "SIZE":
                _note(call, name, table, made, metrics)
    if throttled is not None and not done:
        raise throttled
    answer = {"UnprocessedItems": left, **_told(request, tables, spent)}
    if metrics:
        answer["ItemCollectionMetrics"] = metrics
    return answer


def _plan(entry: dict[str, Any]) -> Plan:
    if len(entry) != 1:
        raise Invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
            if entry
            else "Supplied WriteRequest is empty: it must have exactly one of PutRequest and DeleteRequest"
        )
    if "PutRequest" in entry:
        item = checked_item(entry["PutRequest"]["Item"])
        return Plan(entry["PutRequest"], None, item=item, size=changing.checked_size(item))
    checked_item(entry["DeleteRequest"]["Key"])
    return Plan(entry["DeleteRequest"], None)


def _check_distinct(rows: Iterable[bytes]) -> None:
    """Of all tables: one may be named in two ways."""
    rows = list(rows)
    if len(set(rows)) != len(rows):
        raise Invalid("Provided list of item keys contains duplicates")


def _note(call: Call, name: str, table: TableRecord, made: Done, metrics: dict[str, list[Any]]) -> None:
    if changing.has_local(table):
        own = metrics.setdefault(name, [])
        found = collection(call, table, made)
        if found not in own:
            own.append(found)


def _told(request: Request, tables: dict[str, TableRecord], spent: dict[str, Spent]) -> dict[str, Any]:
    asked = request.get("ReturnConsumedCapacity", "NONE")
    if asked == "NONE":
        return {}
    return {"ConsumedCapacity": [capacity.capacity_of(asked, tables[name], units) for name, units in spent.items()]}
