"""How an operation finds its table, and declares what it is asked on.

A table is named by its name or its ARN; the ARN may be another account's, whose policy on the table must then let the
caller in. Sources: DynamoDB API Reference (TableName: "You can also provide the Amazon Resource Name"); DynamoDB
Developer Guide, "Using resource-based policies for DynamoDB".
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.service import Call, ResourcePolicy

from . import conditions
from .errors import Invalid, ResourceNotFound
from .records import TableRecord, tables
from .service import dynamodb

Request = dict[str, Any]
Handler = Callable[[Call, Request], Any]

_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_ARN = re.compile(r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]+)(/(?:stream|export|import)/.+)?")
MISSING = "Requested resource not found"


def check_name(name: str, member: str = "TableName") -> None:
    """Of a table or an index. Raises Invalid."""
    if not 3 <= len(name) <= 255:
        raise Invalid(f"{member} must be at least 3 characters long and at most 255 characters long")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"1 validation error detected: Value '{name}' at '{member[:1].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )


@lru_cache(maxsize=4_096)
def _parts(text: str, inside: bool) -> tuple[str, str, str]:
    """(region, account, name); the first two are empty for a plain name. Raises Invalid."""
    if text.startswith("arn:"):
        found = _ARN.fullmatch(text)
        if found is None or (found[4] and not inside):
            raise Invalid(f"Invalid table ARN: {text}")
        return found[1], found[2], found[3]
    check_name(text)
    return "", "", text


def place_of(call: Call, text: str, inside: bool = False) -> tuple[str, str, str]:
    """(account, region, name) of the table a request names; `inside`: by the ARN of something of the table's. Raises
    Invalid."""
    region, account, name = _parts(text, inside)
    if region and region != call.region:
        raise Invalid(f"Invalid region in ARN: {text}")
    return account or call.caller.account, call.region, name


def find(call: Call, text: str, inside: bool = False) -> TableRecord | None:
    return tables.get(call.tx, *place_of(call, text, inside))


def table_arn(call: Call, text: str) -> str:
    account, region, name = place_of(call, text)
    return f"arn:{call.partition}:dynamodb:{region}:{account}:table/{name}"


def missing_table(name: str) -> Exception:
    return ResourceNotFound(f"{MISSING}: Table: {name} not found")


def usable(call: Call, request: Request) -> TableRecord:
    """The table of a request about items: there, and not just being made. Raises ResourceNotFound."""
    return usable_table(call.subject)


def usable_table(table: TableRecord | None) -> TableRecord:
    if table is None or table.status in ("CREATING", "DELETING"):
        raise ResourceNotFound(MISSING)
    return table


def table_resource(call: Call, request: Request) -> str:
    """The table's ARN, or its index's; the table stays the call's subject."""
    text = request["TableName"]
    call.subject = table = find(call, text)
    arn = table.arn if table is not None else table_arn(call, text)
    index = request.get("IndexName")
    return arn if index is None or call.operation.name not in ("Query", "Scan") else f"{arn}/index/{index}"


def policy_of(call: Call, request: Request) -> ResourcePolicy | None:
    table: TableRecord | None = call.subject
    return of_table(table)


def of_table(table: TableRecord | None) -> ResourcePolicy | None:
    if table is None or not table.policy:
        return None
    return ResourcePolicy(table.policy, table.arn, table.account)


def item_operation(name: str, **declared: Any) -> Callable[[Handler], Handler]:
    """An operation on the items of the table it names: `handler(call, request)`, whose table is `usable`."""
    return dynamodb.operation(
        name, resource=table_resource, resource_policy=policy_of, context=conditions.of_request, **declared
    )


def table_operation(name: str, **declared: Any) -> Callable[[Any], Any]:
    """An operation on a table itself: `handler(call, table, request)`. Raises ResourceNotFound."""

    def declare(handler: Any) -> Any:
        def run(call: Call, request: Request) -> Any:
            table: TableRecord | None = call.subject
            if table is None:
                raise missing_table(place_of(call, request["TableName"])[2])
            return handler(call, table, request)

        dynamodb.operation(name, resource=table_resource, resource_policy=policy_of, **declared)(run)
        return handler

    return declare
