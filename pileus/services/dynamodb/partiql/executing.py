"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction.

Source: DynamoDB API Reference, "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"; Developer Guide, "IAM
security policies with PartiQL for DynamoDB" (each kind of statement has a permission of its own).
"""

from typing import Any

from pileus.base.errors import ApiError
from pileus.service import Call, must_allow

from ..addressing import find, of_table, table_arn, usable_table
from ..errors import Invalid
from ..items import capacity, changing, transactions
from ..items.capacity import NOTHING, Spent, read_units, together
from ..items.keys import checked_key, row_key
from ..items.putting import Plan, place
from ..items.transactions import UNCONDITIONAL, Step, cancel, fingerprint, known, reason_of, remember, told, told_again
from ..items.transactions import write as write_all
from ..records import TableRecord
from ..service import dynamodb
from ..values import Item, checked_value
from . import reading, writing
from .statements import Statement, parse
from .writing import KINDS

Request = dict[str, Any]
EXISTS_ALONE = "EXISTS can only be used in a transaction with other statements"
ACTIONS = {"select": "PartiQLSelect", "insert": "PartiQLInsert", "update": "PartiQLUpdate", "delete": "PartiQLDelete"}


def read_statement(entry: Request) -> Statement:
    return parse(entry["Statement"], [checked_value(value) for value in entry.get("Parameters", [])])


def admitted(call: Call, statement: Statement) -> TableRecord:
    """The statement's table, if the caller may do this to it. Raises AccessDenied, ResourceNotFound."""
    table = find(call, statement.table)
    arn = table_arn(call, statement.table)
    if statement.index:
        arn = f"{arn}/index/{statement.index}"
    call.resource = arn
    context = (lambda: _context(table, statement)) if table is not None else (dict)
    must_allow(call, f"dynamodb:{ACTIONS[statement.kind]}", arn, context=context, own=of_table(table))
    return usable_table(table)


def _context(table: TableRecord, statement: Statement) -> dict[str, Any]:
    keys = (table.index(statement.index) or table).keys
    found: dict[str, Any] = {}
    if statement.item is not None:
        values = [statement.item["M"].get(keys.hash, {})]
        found["dynamodb:Attributes"] = sorted(statement.item["M"])
    else:
        values = reading.hash_values(statement, keys)
        named = {path[0] for path in (*statement.shown, *statement.removes, *(path for path, _ in statement.sets))}
        found["dynamodb:Attributes"] = sorted(str(name) for name in named | _mentioned(statement.where))
    texts = [text for value in values for text in value.values() if isinstance(text, str)]
    if texts:
        found["dynamodb:LeadingKeys"] = found["dynamodb:FirstPartitionKeyValues"] = texts
    if statement.kind == "select":
        found["dynamodb:FullTableScan"] = not values
        found["dynamodb:Select"] = "SPECIFIC_ATTRIBUTES" if statement.shown else "ALL_ATTRIBUTES"
    return found


def _mentioned(test: Any) -> set[str]:
    """The attributes a condition names: paths are tuples whose first part is a name."""
    if not isinstance(test, tuple):
        return set()
    if hasattr(test, "operands"):
        return {name for operand in test.operands for name in _mentioned(operand)}
    return {test[0]} if test and isinstance(test[0], str) and not hasattr(test, "value") else set()


@dynamodb.operation("ExecuteStatement", action="PartiQLSelect", unconditional=UNCONDITIONAL)
def execute_statement(call: Call, request: Request) -> dict[str, Any]:
    statement = read_statement(request)
    if statement.exists:
        raise Invalid(EXISTS_ALONE)
    table = admitted(call, statement)
    if statement.kind == "select":
        page = reading.select(call, table, statement, request)
        answer: dict[str, Any] = {"Items": page.items, **capacity.told(request, table, page.spent)}
        if page.token is not None:
            answer["NextToken"] = page.token
        if page.last is not None:
            answer["LastEvaluatedKey"] = page.last
        return answer
    shown, done = writing.write(call, table, statement, request.get("ReturnValuesOnConditionCheckFailure"))
    return {"Items": [] if shown is None else [shown], **capacity.told(request, table, done.spent)}


def _alike(statements: list[Statement], otherwise: str) -> None:
    """All reads, or all writes."""
    if len({one.kind == "select" and not one.exists for one in statements}) > 1:
        raise Invalid(otherwise)


@dynamodb.operation("BatchExecuteStatement", action="PartiQLSelect", unconditional=UNCONDITIONAL)
def batch_execute_statement(call: Call, request: Request) -> dict[str, Any]:
    asked = [_admitted(call, entry) for entry in request["Statements"]]
    good = [one for one in asked if not isinstance(one, ApiError)]
    _alike([one for one, _ in good], "Read and write requests together in the same batch is not supported.")
    _check_distinct(good)
    responses: list[dict[str, Any]] = []
    spent: dict[str, tuple[TableRecord, Spent]] = {}
    for one, entry in zip(asked, request["Statements"], strict=True):
        if isinstance(one, ApiError):
            responses.append({"Error": _told_error(one)})
            continue
        statement, table = one
        response: dict[str, Any] = {"TableName": table.name}
        try:
            shown, units = _one(call, table, statement, entry)
        except ApiError as error:
            response["Error"] = _told_error(error)
        else:
            if shown is not None:
                response["Item"] = shown
            spent[table.name] = table, together(spent.get(table.name, (table, NOTHING))[1], units)
        responses.append(response)
    return {"Responses": responses, **_told(request, spent)}


def _admitted(call: Call, entry: Request) -> tuple[Statement, TableRecord] | ApiError:
    """A statement's fault is its own: the others are done."""
    try:
        statement = read_statement(entry)
        if statement.exists:
            raise Invalid(EXISTS_ALONE)
        return statement, admitted(call, statement)
    except ApiError as error:
        return error


def _check_distinct(asked: list[tuple[Statement, TableRecord]]) -> None:
    seen = set()
    for statement, table in asked:
        try:
            plan = writing.plan(table, statement) if statement.kind == "insert" else None
            key = plan.item if plan is not None else writing.key_of(statement, table.keys)[0]
            row = place(table, Plan({"Key": key}, None, item=plan and plan.item))[1]
        except Invalid:
            continue  # told where the statement is carried out
        if row in seen:
            raise Invalid("Provided list of item keys contains duplicates")
        seen.add(row)


def _told_error(error: ApiError) -> dict[str, Any]:
    return {"Code": _code(error), "Message": error.message, **error.members}


def _code(error: ApiError) -> str:
    """Codes of single statements have no `Exception` at their end."""
    code = error.code.removesuffix("Exception")
    return "ValidationError" if code == "Validation" else "ThrottlingError" if code == "Throttling" else code


def _told(request: Request, spent: dict[str, tuple[TableRecord, Spent]]) -> dict[str, Any]:
    asked = request.get("ReturnConsumedCapacity", "NONE")
    if asked == "NONE":
        return {}
    return {"ConsumedCapacity": [capacity.capacity_of(asked, table, units) for table, units in spent.values()]}


def _one(call: Call, table: TableRecord, statement: Statement, entry: Request) -> tuple[Any, Spent]:
    """What a statement about one item gives."""
    if statement.kind != "select":
        shown, done = writing.write(call, table, statement, entry.get("ReturnValuesOnConditionCheckFailure"))
        return shown, done.spent
    key, _ = writing.key_of(statement, table.keys)
    page = reading.select(call, table, statement, {"ConsistentRead": entry.get("ConsistentRead", False)})
    assert len(key) == len(table.keys.names)
    return (page.items[0] if page.items else None), page.spent


@dynamodb.operation("ExecuteTransaction", action="PartiQLSelect", unconditional=UNCONDITIONAL)
def execute_transaction(call: Call, request: Request) -> dict[str, Any]:
    entries = request["TransactStatements"]
    statements = [read_statement(entry) for entry in entries]
    _alike(statements, "ExecuteTransaction API does not support both read and write operations in the same request.")
    tables = [admitted(call, statement) for statement in statements]
    if statements[0].kind == "select" and not statements[0].exists:
        return _read_all(call, request, statements, tables)
    steps = [_step(*each) for each in zip(statements, tables, entries, strict=True)]
    transactions.check_distinct([(step.table, step.plan.item, step.request.get("Key")) for step in steps])
    token, print_ = request.get("ClientRequestToken"), fingerprint(entries)
    if token is not None and known(call, token, print_) is not None:
        return {"Responses": [{} for _ in steps], **told_again(call, request, steps)}
    answer = write_all(call, request, steps)
    if token is not None:
        remember(call, token, print_)
    return {"Responses": [{} for _ in steps], **answer}


def _step(statement: Statement, table: TableRecord, entry: Request) -> Step:
    if statement.returning:
        raise Invalid("RETURNING cannot be used in a transaction")
    made = writing.plan(table, statement, entry.get("ReturnValuesOnConditionCheckFailure"))
    return Step(KINDS[statement.kind], made.request, made, table)


def _read_all(call: Call, request: Request, statements: list[Statement], tables: list[TableRecord]) -> dict[str, Any]:
    responses: list[dict[str, Any]] = []
    reasons: list[dict[str, Any]] = []
    spent: dict[str, tuple[TableRecord, Spent]] = {}
    for statement, table in zip(statements, tables, strict=True):
        key, _ = writing.key_of(statement, table.keys)
        try:
            size = _size(call, table, key)
            cost = Spent(2 * read_units(max(1, size), True), {})
            page = reading.select(call, table, statement, {"ConsistentRead": True})
        except ApiError as error:
            reasons.append(reason_of(error))
            continue
        reasons.append({"Code": "None"})
        spent[table.name] = table, together(spent.get(table.name, (table, NOTHING))[1], cost)
        responses.append({"Item": page.items[0]} if page.items else {})
    cancel(reasons)
    return {"Responses": responses, **told(request, spent, "Read")}


def _size(call: Call, table: TableRecord, key: Item) -> int:
    found = changing.read(call, table, row_key(table, checked_key(table, key)))
    return found.size if found is not None else 0
