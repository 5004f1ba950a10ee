"""PutItem, DeleteItem and UpdateItem.

Each is a plan (`prepare_…`: everything the request itself can be wrong about) and a step that carries it out on a
table, so that batches and transactions do just the same. Sources: DynamoDB API Reference, "PutItem", "DeleteItem",
"UpdateItem".
"""

from typing import Any, NamedTuple

from pileus.service import Call

from ..addressing import item_operation, usable
from ..errors import DuplicateItem, Invalid
from ..expressions import Condition, Update, legacy, update
from ..records import TableRecord
from ..values import Item, checked_item, item_size
from . import capacity, changing
from .asking import check_return_values, condition_of, holds, parameters_of
from .capacity import Spent
from .keys import WRONG, check_index_keys, placed_item, placed_key
from .rows import Kept

Request = dict[str, Any]
GB = 1024**3


class Plan(NamedTuple):
    """What a write is to do, as far as the request says. `item`: of a put; `update`: of an update; neither: a
    deletion. `is_new`: there must be no such item yet. `size`: of a put's item."""

    request: Request
    wanted: Condition | None
    item: Item | None = None
    update: Update | None = None
    is_update: bool = False
    is_new: bool = False
    size: int = 0


class Done(NamedTuple):
    key: Item
    old: Kept | None
    new: Item | None
    spent: Spent
    row: bytes


def prepare_put(request: Request) -> Plan:
    parameters = parameters_of(request, "ConditionExpression")
    item = checked_item(request["Item"])
    check_return_values(request, ("NONE", "ALL_OLD"))
    size = changing.checked_size(item)
    wanted = condition_of(request, parameters)
    parameters.finish()
    return Plan(request, wanted, item=item, size=size)


def prepare_delete(request: Request) -> Plan:
    parameters = parameters_of(request, "ConditionExpression")
    checked_item(request["Key"])
    check_return_values(request, ("NONE", "ALL_OLD"))
    wanted = condition_of(request, parameters)
    parameters.finish()
    return Plan(request, wanted)


def prepare_update(request: Request) -> Plan:
    parameters = parameters_of(request, "UpdateExpression", "ConditionExpression")
    checked_item(request["Key"])
    made: Update | None = None
    if "UpdateExpression" in request:
        made = update(request["UpdateExpression"], parameters)
    elif "AttributeUpdates" in request:
        made = legacy.attribute_updates(request["AttributeUpdates"])
    wanted = condition_of(request, parameters)
    parameters.finish()
    return Plan(request, wanted, update=made, is_update=True)


def place(table: TableRecord, plan: Plan, in_batch: bool = False) -> tuple[Item, bytes]:
    """The key (or the item) that a write is about, checked, and its row."""
    if plan.item is not None:
        return plan.item, placed_item(table, plan.item, in_batch)
    found = placed_key(table, plan.request["Key"])
    if plan.update is not None:
        _leaves_keys_alone(table, plan.update)
    return found


def carry_out(
    call: Call, table: TableRecord, plan: Plan, twice: bool = False, placed: tuple[Item, bytes] | None = None
) -> Done:
    """Raises ConditionalCheckFailed, Invalid, or what the caller is throttled with; then nothing is changed. `placed`:
    what `place` gave, if somebody asked before."""
    key, row = placed or place(table, plan)
    old = changing.read(call, table, row)
    if plan.is_new and old is not None:
        raise DuplicateItem("Duplicate primary key exists in table")
    if plan.wanted is not None:
        holds(plan.wanted, old, plan.request)
    new, size = plan.item, plan.size
    if plan.is_update:
        new = _updated(table, plan, key, old)
        size = item_size(new)
        if size > changing.ITEM_BYTES_MAX:
            raise Invalid("Item size to update has exceeded the maximum allowed size")
    return Done(key, old, new, changing.change(call, table, row, old, new, size, twice=twice), row)


def _leaves_keys_alone(table: TableRecord, made: Update) -> None:
    written = {path[0] for path in made.touched}
    for name in table.keys.names:
        if name in written:
            raise Invalid(f"{WRONG}Cannot update attribute {name}. This attribute is part of the key")


def _updated(table: TableRecord, plan: Plan, key: Item, old: Kept | None) -> Item:
    before, made = old.item if old is not None else key, plan.update
    if made is None:
        return before
    after = made.apply(before)
    if table.indexes:
        written = frozenset(str(path[0]) for path in made.touched)
        if "AttributeUpdates" in plan.request:
            shown = {name: value for name, value in after.items() if name in written}
            for index in table.indexes:
                check_index_keys(index, shown)
        else:
            for index in table.indexes:
                check_index_keys(index, after, written)
    return after


@item_operation("PutItem")
def put_item(call: Call, request: Request) -> dict[str, Any]:
    return _done_at_once(call, request, prepare_put(request))


@item_operation("DeleteItem")
def delete_item(call: Call, request: Request) -> dict[str, Any]:
    return _done_at_once(call, request, prepare_delete(request))


def _done_at_once(call: Call, request: Request, plan: Plan) -> dict[str, Any]:
    table = usable(call, request)
    done = carry_out(call, table, plan)
    answer = told(call, request, table, done)
    if request.get("ReturnValues") == "ALL_OLD" and done.old is not None:
        answer["Attributes"] = done.old.whole
    return answer


@item_operation("UpdateItem")
def update_item(call: Call, request: Request) -> dict[str, Any]:
    plan = prepare_update(request)
    table = usable(call, request)
    done = carry_out(call, table, plan)
    answer = told(call, request, table, done)
    shown = _shown(request.get("ReturnValues", "NONE"), plan, done)
    if shown:
        answer["Attributes"] = shown
    return answer


def _shown(wanted: str, plan: Plan, done: Done) -> Item | None:
    if wanted == "NONE":
        return None
    item = done.new if wanted.endswith("NEW") else done.old.item if done.old is not None else None
    if item is None:
        return None
    if wanted.startswith("ALL"):
        return item
    return plan.update.picked(item) if plan.update is not None else None


def told(call: Call, request: Request, table: TableRecord, done: Done) -> dict[str, Any]:
    """Consumed capacity and the item collection, if they were asked for."""
    answer = capacity.told(request, table, done.spent)
    if request.get("ReturnItemCollectionMetrics") == "SIZE" and changing.has_local(table):
        answer["ItemCollectionMetrics"] = collection(call, table, done)
    return answer


def collection(call: Call, table: TableRecord, done: Done) -> dict[str, Any]:
    """The estimate is a range of one gigabyte, as AWS gives it."""
    size = changing.collection_bytes(call, table, done.row) / GB
    return {
        "ItemCollectionKey": {table.keys.hash: done.key[table.keys.hash]},
        "SizeEstimateRangeGB": [float(int(size)), float(int(size) + 1)],
    }
