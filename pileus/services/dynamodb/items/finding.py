"""Query and Scan: order, pages, filters, indexes.

A page ends with the request's limit or with a mebibyte of what was read (before the filter), and its last key is where
the next one goes on: keys that come and go meanwhile neither repeat nor skip others. Sources: DynamoDB API Reference,
"Query" and "Scan"; DynamoDB Developer Guide, "Paginating table query results", "Scanning tables in DynamoDB" (parallel
scan).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pileus.service import Call

from ..addressing import item_operation, usable
from ..errors import Invalid
from ..expressions import Condition, KeyRange, Parameters, Projection, condition, key_condition, legacy
from ..records import Keys, SecondaryIndex, TableRecord
from ..values import Item, sort_bytes
from . import capacity
from .asking import ALONE, parameters_of, projection_of
from .capacity import Spent, read_units
from .keys import (
    empty_index_key,
    empty_key,
    key_of,
    partition,
    row_key,
)
from .locks import sealer
from .ranges import bounds, place_of, segment_of
from .rows import Kept

Request = dict[str, Any]
PAGE_BYTES = 1024 * 1024
CHUNK = 100
FULL_SCAN_SEGMENTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to read and what to make of it. `start`, `stop`: rows; `index`: None for the table itself."""

    table: TableRecord
    index: SecondaryIndex | None
    start: bytes
    stop: bytes
    forward: bool
    wanted: Condition | None
    shown: Projection | None
    count_only: bool
    limit: int
    fetch: bool
    """Whether a local index's entries do not have all that is asked for: then the items themselves are read."""


@dataclass(frozen=True, slots=True)
class Found:
    items: list[Any]
    count: int
    scanned: int
    last: Item | None
    size: int
    fetched: float


def keys_of(table: TableRecord, index: SecondaryIndex | None) -> Keys:
    return index.keys if index is not None else table.keys


def index_of(table: TableRecord, request: Request) -> SecondaryIndex | None:
    name = request.get("IndexName")
    if name is None:
        return None
    index = table.index(name)
    if index is None or index.status == "DELETING":
        raise Invalid(f"The table does not have the specified index: {name}")
    if index.status == "CREATING":
        raise Invalid(f"Cannot read from backfilling global secondary index: {name}")
    if not index.local and request.get("ConsistentRead"):
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return index


@item_operation("Query")
def query(call: Call, request: Request) -> dict[str, Any]:
    parameters = parameters_of(request, "FilterExpression", "KeyConditionExpression")
    if "KeyConditionExpression" not in request and "KeyConditions" not in request:
        raise Invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    limit = _limit(request)
    shown = projection_of(request, parameters)
    wanted = _filter(request, parameters, "QueryFilter")
    count_only = _select(request, shown)
    table = usable(call, request)
    index = index_of(table, request)
    keys = keys_of(table, index)
    found = _key_range(request, parameters, keys)
    parameters.finish()
    check_types(keys, found, index)
    _check_filter(wanted, keys, "QueryFilter" if "QueryFilter" in request else "Filter Expression")
    space = index.space if index is not None else table.space
    start, stop = bounds(space, index is not None, keys, found)
    forward = request.get("ScanIndexForward", True)
    if "ExclusiveStartKey" in request:
        at = place_of(table, index, request["ExclusiveStartKey"])
        if not at.startswith(partition(space, found.hash)):
            raise Invalid("The provided starting key is outside query boundaries based on provided conditions")
        if not start <= at < stop:
            raise Invalid("The provided starting key does not match the range key predicate")
        start, stop = (at + b"\0", stop) if forward else (start, at)
    _check_filter_is_shown(table, index, wanted)
    fetch = _fetches(table, index, request, shown)
    plan = Plan(table, index, start, stop, forward, wanted, shown, count_only, limit, fetch)
    return answered(call, request, plan)


@item_operation("Scan")
def scan(call: Call, request: Request) -> dict[str, Any]:
    parameters = parameters_of(request, "FilterExpression")
    limit = _limit(request)
    shown = projection_of(request, parameters)
    wanted = _filter(request, parameters, "ScanFilter")
    parameters.finish()
    count_only = _select(request, shown)
    segment, total = _segment(request)
    table = usable(call, request)
    index = index_of(table, request)
    start, stop = segment_of(index.space if index is not None else table.space, segment, total)
    if "ExclusiveStartKey" in request:
        at = place_of(table, index, request["ExclusiveStartKey"])
        if not start <= at < stop:
            raise Invalid(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with "
                f"correct Segment. TotalSegments: {total} Segment: {segment}"
            )
        start = at + b"\0"
    fetch = _fetches(table, index, request, shown)
    plan = Plan(table, index, start, stop, True, wanted, shown, count_only, limit, fetch)
    return answered(call, request, plan)


def answered(call: Call, request: Request, plan: Plan) -> dict[str, Any]:
    found = find(call, plan)
    consistent = bool(request.get("ConsistentRead"))
    units = read_units(max(1, found.size), consistent)
    if plan.index is None:
        spent = Spent(units, {})
    else:
        spent = Spent(found.fetched * (1.0 if consistent else 0.5), {plan.index.name: units})
    capacity.charge(call, plan.table, spent, "read")
    answer: dict[str, Any] = {"Count": found.count, "ScannedCount": found.scanned}
    if not plan.count_only:
        answer["Items"] = found.items
    if found.last is not None:
        answer["LastEvaluatedKey"] = found.last
    answer.update(capacity.told(request, plan.table, spent))
    return answer


def find(call: Call, plan: Plan) -> Found:
    items: list[Any] = []
    count = scanned = size = 0
    fetched = 0.0
    last: Kept | None = None
    more = False
    for kept in _walk(call, plan):
        if size >= PAGE_BYTES:
            more = True
            break
        scanned += 1
        size += kept.size
        last = kept
        if plan.fetch:
            kept, cost = _fetched(call, plan.table, kept)
            fetched += cost
        if plan.wanted is None or plan.wanted.test(kept.item):
            count += 1
            if not plan.count_only:
                items.append(kept.whole if plan.shown is None else plan.shown.of(kept.item))
        if scanned == plan.limit:
            more = True  # AWS does not look whether anything comes after
            break
    return Found(items, count, scanned, _key(plan, last) if more and last is not None else None, size, fetched)


def _walk(call: Call, plan: Plan) -> Iterator[Kept]:
    opened = sealer(call, plan.table).open
    start, stop = plan.start, plan.stop
    chunk = min(CHUNK, plan.limit)
    while True:
        rows = call.tx.scan(start, stop, chunk, not plan.forward)
        for key, row in rows:
            yield Kept(opened(key, row))
        if len(rows) < chunk:
            return
        if plan.forward:
            start = rows[-1][0] + b"\0"
        else:
            stop = rows[-1][0]
        chunk = CHUNK


def _fetched(call: Call, table: TableRecord, entry: Kept) -> tuple[Kept, float]:
    key = row_key(table, entry.item)
    row = call.tx.get(key)
    assert row is not None, "an index entry without its item"
    kept = Kept(sealer(call, table).open(key, row))
    return kept, read_units(kept.size, True)


def _key(plan: Plan, kept: Kept) -> Item:
    found = key_of(plan.table.keys, kept.item)
    return found if plan.index is None else {**found, **key_of(plan.index.keys, kept.item)}


# -- what a request says --------------------------------------------------------------------------------------------


def _limit(request: Request) -> int:
    limit: int = request.get("Limit", 1 << 30)
    return limit


def _filter(request: Request, parameters: Parameters, old: str) -> Condition | None:
    if "FilterExpression" in request:
        return condition("FilterExpression", request["FilterExpression"], parameters)
    if old in request:
        return legacy.scan_filter(old, request[old], request.get("ConditionalOperator"))
    if "ConditionalOperator" in request:
        raise Invalid(ALONE)
    return None


def _key_range(request: Request, parameters: Parameters, keys: Keys) -> KeyRange:
    if "KeyConditionExpression" in request:
        return key_condition(request["KeyConditionExpression"], parameters, keys.hash, keys.sort or None)
    return legacy.key_conditions(request["KeyConditions"], keys.hash, keys.sort or None)


def check_types(keys: Keys, found: KeyRange, index: SecondaryIndex | None = None) -> None:
    pairs = ((found.hash, keys.hash, keys.hash_type), (found.low, keys.sort, keys.sort_type),
             (found.high, keys.sort, keys.sort_type))  # fmt: skip
    for value, _, kind in pairs:
        if value is not None and kind not in value:
            raise Invalid(
                "One or more parameter values were invalid: Condition parameter type does not match schema type"
            )
    for value, name, _ in pairs:
        if value is not None and not sort_bytes(value):
            raise empty_index_key(index, value, name) if index is not None else empty_key(value, name)


def _check_filter(wanted: Condition | None, keys: Keys, what: str) -> None:
    for name in keys.names:
        if wanted is not None and name in wanted.attributes:
            raise Invalid(f"{what} can only contain non-primary key attributes: Primary key attribute: {name}")


def _select(request: Request, shown: Projection | None) -> bool:
    """Whether only the count is wanted."""
    select = request.get("Select")
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in request:
        raise Invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if shown is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
        name = "ProjectionExpression" if "ProjectionExpression" in request else "AttributesToGet"
        raise Invalid(
            f"Cannot specify the {name} when choosing to get {'only the Count' if select == 'COUNT' else select}"
        )
    if select == "SPECIFIC_ATTRIBUTES" and shown is None:
        raise Invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    return bool(select == "COUNT")


def _fetches(table: TableRecord, index: SecondaryIndex | None, request: Request, shown: Projection | None) -> bool:
    return needs_items(table, index, shown, request.get("Select") == "ALL_ATTRIBUTES")


def _check_filter_is_shown(table: TableRecord, index: SecondaryIndex | None, wanted: Condition | None) -> None:
    """A scan may ask for what an index does not show, and finds nothing there; a query may not."""
    if wanted is None or index is None or index.projection == "ALL":
        return
    unseen = sorted(wanted.attributes - _entry_names(table, index))
    if unseen:
        raise Invalid(
            f"One or more parameter values were invalid: Secondary index {index.name} does not project one or more "
            f"filter attributes: [{', '.join(unseen)}]"
        )


def _entry_names(table: TableRecord, index: SecondaryIndex) -> set[str]:
    return {*table.keys.names, *index.keys.names, *index.included}


def needs_items(table: TableRecord, index: SecondaryIndex | None, shown: Projection | None, whole: bool) -> bool:
    """Whether entries of the index do not have all that is asked for. Of a global index that is refused."""
    if index is None or index.projection == "ALL":
        return False
    there = _entry_names(table, index)
    if whole:
        if not index.local:
            raise Invalid(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
                f"secondary index {index.name} because its projection type is not ALL"
            )
        return True
    missing = sorted(shown.attributes - there) if shown is not None else []
    if missing and not index.local:
        raise Invalid(
            f"One or more parameter values were invalid: Global secondary index {index.name} does not project "
            f"[{', '.join(missing)}]"
        )
    return bool(missing)


def _segment(request: Request) -> tuple[int, int]:
    segment, total = request.get("Segment"), request.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    if total is None:
        raise Invalid("The TotalSegments parameter is required but was not present in the request when Segment "
                      "parameter is present")  # fmt: skip
    if segment is None:
        raise Invalid("The Segment parameter is required but was not present in the request when parameter "
                      "TotalSegments is present")  # fmt: skip
    if segment >= total:
        raise Invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: "
            f"{segment} is not less than TotalSegments: {total}"
        )
    return segment, total
