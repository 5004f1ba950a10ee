"""Exports and imports, found by their ARNs and listed."""

from collections.abc import Callable
from typing import Any, TypeVar

from pileus.service import Call, paginate
from pileus.service.paginate import BadToken, Page
from pileus.store import Table

from ..addressing import place_of as table_place
from ..errors import Invalid

Request = dict[str, Any]
Record = TypeVar("Record")
PAGE = 25


def by_arn(member: str, table: Table[Record]) -> Callable[[Call, Request], str]:
    """The resource of an operation on one of them, which becomes the call's subject; `member` is its ARN."""

    def resource(call: Call, request: Request) -> str:
        arn: str = request[member]
        account, region, name = table_place(call, arn, True)
        call.subject = table.get(call.tx, account, region, name, arn.rpartition("/")[2])
        return arn

    return resource


def listed(call: Call, request: Request, table: Table[Record], limit: int | None) -> Page[Record]:
    """A page of those of the caller's tables, or of one of them. Raises Invalid."""
    place: tuple[str, ...] = (call.account, call.region)
    if "TableArn" in request:
        place = table_place(call, request["TableArn"])
        if place[0] != call.account:
            raise Invalid(f"Invalid TableArn: {request['TableArn']} belongs to another account")
    try:
        return paginate(
            lambda after, n: table.scan(call.tx, *place, after=after, limit=n),
            purpose=f"{table.name}/{place}",
            token=request.get("NextToken"),
            limit=limit or PAGE,
        )
    except BadToken:
        raise Invalid("Invalid NextToken") from None
