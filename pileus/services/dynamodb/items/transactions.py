"""TransactWriteItems and TransactGetItems: all or nothing, in one transaction of the store.

Transactions here run one after another, so none is ever in conflict with another. Sources: DynamoDB API Reference,
"TransactWriteItems", "TransactGetItems"; DynamoDB Developer Guide, "Amazon DynamoDB Transactions: How it works" (IAM
asks for each item's own action; a client token holds for ten minutes; both kinds cost double).
"""

import hashlib
from typing import Any, NamedTuple

import msgspec
import orjson

from pileus.base.errors import ApiError
from pileus.service import Call, must_allow
from pileus.store import Table
from pileus.store.table import Index

from .. import conditions
from ..addressing import find, of_table, table_arn, usable_table
from ..errors import ConditionalCheckFailed, IdempotentParameterMismatch, Invalid, TransactionCanceled
from ..expressions import Projection
from ..records import TableRecord
from ..service import dynamodb
from ..values import Item, checked_item, item_size
from . import capacity, changing
from .asking import condition_of, holds, parameters_of, projection_of
from .capacity import NOTHING, Spent, read_units, together, write_units
from .keys import placed_key
from .putting import Plan, carry_out, collection, place, prepare_delete, prepare_put, prepare_update

Request = dict[str, Any]
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
TOKEN_HOLDS_S = 600.0
_TOKENS_CLEARED = 4
UNCONDITIONAL = "It is no action of its own in IAM: each item's own action is asked for, on its own table."
ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}

# The code of a cancellation reason -> the error's.
REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
    "ThrottlingException": "ThrottlingError",
    "ValidationException": "ValidationError",
}


class Token(msgspec.Struct, frozen=True):
    """A client token that was used: for what, and when."""

    at: float
    request: bytes


def _by_age(key: tuple[str | int | bytes, ...], token: Token) -> list[tuple[str | int | bytes, ...]]:
    return [(int(token.at * 1e6), *key)]


by_age: Index[Token] = Index("dynamodb.token.age", _by_age)
tokens = Table("dynamodb.token", Token, indexes=(by_age,))  # account, region, token


class Step(NamedTuple):
    """One item of a transaction."""

    kind: str
    request: Request
    plan: Plan
    table: TableRecord


@dynamodb.operation("TransactWriteItems", action="PutItem", unconditional=UNCONDITIONAL)
def transact_write_items(call: Call, request: Request) -> dict[str, Any]:
    entries = [_one(entry, "TransactWriteItem", "ConditionCheck", "Put", "Delete", "Update")
               for entry in request["TransactItems"]]  # fmt: skip
    plans = [(kind, own, _prepared(kind, own)) for kind, own in entries]
    _may(call, [(kind, own) for kind, own, _ in plans])
    steps = [Step(kind, own, plan, usable_table(find(call, own["TableName"]))) for kind, own, plan in plans]
    check_distinct([(step.table, step.plan.item, step.plan.request.get("Key")) for step in steps])
    token = request.get("ClientRequestToken")
    print_ = fingerprint(request["TransactItems"])
    if token is not None and known(call, token, print_) is not None:
        return told_again(call, request, steps)
    answer = write(call, request, steps)
    if token is not None:
        remember(call, token, print_)
    return answer


def _one(entry: dict[str, Any], what: str, *kinds: str) -> tuple[str, Request]:
    given = [kind for kind in kinds if kind in entry]
    if len(given) != 1:
        raise Invalid(
            "TransactItems can only contain one of " + ", ".join(kinds[:-1]) + f" or {kinds[-1]}"
            if given
            else f"Invalid Request: {what} should contain Delete or Put or Update request"
        )
    return given[0], entry[given[0]]


def _prepared(kind: str, own: Request) -> Plan:
    if kind == "Put":
        return prepare_put(own)
    if kind == "Update":
        return prepare_update(own)
    if kind == "Delete":
        return prepare_delete(own)
    parameters = parameters_of(own, "ConditionExpression")
    checked_item(own["Key"])
    wanted = condition_of(own, parameters)
    parameters.finish()
    return Plan(own, wanted)


def _may(call: Call, asked: list[tuple[str, Request]]) -> None:
    """Each item's own action, on its own table. Raises AccessDenied."""
    enclosing = call.operation.name
    for kind, own in asked:
        table = find(call, own["TableName"])
        arn = table_arn(call, own["TableName"])
        call.resource = arn
        call.subject = table

        def context(own: Request = own, action: str = ACTIONS[kind]) -> dict[str, Any]:
            return {**conditions.of_request(call, own, action), "dynamodb:EnclosingOperation": enclosing}

        must_allow(call, f"dynamodb:{ACTIONS[kind]}", arn, context=context, own=of_table(table))


def check_distinct(asked: list[tuple[TableRecord, Item | None, Any]]) -> None:
    """(table, the item that is put or None, the key). A wrong key is a reason of its own to cancel, told later."""
    seen = set()
    for table, item, key in asked:
        names = table.keys.names
        found = checked_item(key) if item is None else {name: item[name] for name in names if name in item}
        row = (table.id, orjson.dumps(found, option=orjson.OPT_SORT_KEYS))
        if row in seen:
            raise Invalid("Transaction request cannot include multiple operations on one item")
        seen.add(row)


def write(call: Call, request: Request, steps: list[Step]) -> dict[str, Any]:
    reasons: list[dict[str, Any]] = []
    spent: dict[str, tuple[TableRecord, Spent]] = {}
    metrics: dict[str, list[Any]] = {}
    size = 0
    for step in steps:
        table = step.table
        try:
            units, octets = _step(call, step, metrics if request.get("ReturnItemCollectionMetrics") == "SIZE" else None)
        except ApiError as error:
            if error.code not in REASONS:
                raise
            reasons.append(reason_of(error))
            continue
        reasons.append({"Code": "None"})
        size += octets
        spent[table.name] = table, together(spent.get(table.name, (table, NOTHING))[1], units)
    if size > TRANSACTION_BYTES_MAX:
        raise Invalid("Transaction size cannot exceed 4MB")
    cancel(reasons)
    answer = told(request, spent, "Write")
    if metrics:
        answer["ItemCollectionMetrics"] = metrics
    return answer


def _step(call: Call, step: Step, metrics: dict[str, list[Any]] | None) -> tuple[Spent, int]:
    """What it cost, and the bytes it touched."""
    table = step.table
    if step.kind == "ConditionCheck":
        row = placed_key(table, step.request["Key"])[1]
        old = changing.read(call, table, row)
        size = old.size if old is not None else 0
        spent = Spent(2 * write_units(size), {})
        capacity.charge(call, table, spent, "write")
        if step.plan.wanted is not None:
            holds(step.plan.wanted, old, step.request)
        return spent, size
    done = carry_out(call, table, step.plan, twice=True)
    if metrics is not None and changing.has_local(table):
        metrics.setdefault(table.name, []).append(collection(call, table, done))
    new = item_size(done.new) if done.new is not None else 0
    return done.spent, max(new, done.old.size if done.old is not None else 0)


def reason_of(error: ApiError) -> dict[str, Any]:
    reason = {"Code": REASONS[error.code], "Message": error.message}
    if isinstance(error, ConditionalCheckFailed) and "Item" in error.members:
        reason["Item"] = error.members["Item"]
    return reason


def cancel(reasons: list[dict[str, Any]]) -> None:
    codes = [reason["Code"] for reason in reasons]
    if any(code != "None" for code in codes):
        raise TransactionCanceled(
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]",
            members={"CancellationReasons": reasons},
        )


# -- tokens ---------------------------------------------------------------------------------------------------------


def fingerprint(what: Any) -> bytes:
    """What must be the same for a token to mean the same request."""
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).digest()


def known(call: Call, token: str, print_: bytes) -> Token | None:
    found = tokens.get(call.tx, *call.scope, token)
    if found is None or found.at + TOKEN_HOLDS_S <= call.now:
        return None
    if found.request != print_:
        raise IdempotentParameterMismatch("ClientRequestToken is used with different parameters")
    return found


def remember(call: Call, token: str, print_: bytes) -> None:
    """Also forgets a few tokens that hold no longer, so that no more are kept than are of use."""
    old = [key for key, kept in tokens.find(call.tx, by_age, limit=_TOKENS_CLEARED)
           if kept.at + TOKEN_HOLDS_S <= call.now]  # fmt: skip
    for key in old:
        tokens.delete(call.tx, *key)
    tokens.put(call.tx, *call.scope, token, record=Token(call.now, print_))


def told_again(call: Call, request: Request, steps: list[Step]) -> dict[str, Any]:
    """A request that was done before succeeds and only reads (it costs read units then)."""
    spent: dict[str, tuple[TableRecord, Spent]] = {}
    for step in steps:
        own = spent.get(step.table.name, (step.table, NOTHING))[1]
        found = changing.read(call, step.table, place(step.table, step.plan)[1])
        units = 2 * read_units(max(1, found.size if found is not None else 0), True)
        spent[step.table.name] = step.table, together(own, Spent(units, {}))
    return told(request, spent, "Read")


def told(request: Request, spent: dict[str, tuple[TableRecord, Spent]], kind: str) -> dict[str, Any]:
    asked = request.get("ReturnConsumedCapacity", "NONE")
    if asked == "NONE":
        return {}
    return {"ConsumedCapacity": [capacity.capacity_of(asked, table, units, kind) for table, units in spent.values()]}


# -- reads ----------------------------------------------------------------------------------------------------------


@dynamodb.operation("TransactGetItems", action="GetItem", unconditional=UNCONDITIONAL)
def transact_get_items(call: Call, request: Request) -> dict[str, Any]:
    entries = [_one(entry, "TransactGetItem", "Get")[1] for entry in request["TransactItems"]]
    shown: list[Projection | None] = []
    for own in entries:
        parameters = parameters_of(own)
        checked_item(own["Key"])
        shown.append(projection_of(own, parameters))
        parameters.finish()
    _may(call, [("Get", own) for own in entries])
    tables = [usable_table(find(call, own["TableName"])) for own in entries]
    check_distinct([(table, None, own["Key"]) for table, own in zip(tables, entries, strict=True)])
    responses: list[dict[str, Any]] = []
    reasons: list[dict[str, Any]] = []
    spent: dict[str, tuple[TableRecord, Spent]] = {}
    size = 0
    for table, own, wanted in zip(tables, entries, shown, strict=True):
        try:
            found = changing.read(call, table, placed_key(table, own["Key"])[1])
            octets = found.size if found is not None else 0
            size += octets
            cost = Spent(2 * read_units(max(1, octets), True), {})
            capacity.charge(call, table, cost, "read")
        except ApiError as error:
            reasons.append(reason_of(error))
            continue
        reasons.append({"Code": "None"})
        spent[table.name] = table, together(spent.get(table.name, (table, NOTHING))[1], cost)
        responses.append({"Item": found.whole if wanted is None else wanted.of(found.item)} if found else {})
    if size > TRANSACTION_BYTES_MAX:
        raise Invalid("Transaction size cannot exceed 4MB")
    cancel(reasons)
    return {"Responses": responses, **told(request, spent, "Read")}
