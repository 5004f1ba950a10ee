"""Describe operations: by ids, or all that pass the filters, in pages.

Source: EC2 API Reference, "Pagination": a page has at most MaxResults, the order is not promised; ids and MaxResults do
not go together where the operation says so.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pileus.service import Call
from pileus.service.paginate import BadToken, paginate

from .filters import chosen
from .kinds import Kind
from .service import combination, invalid

PAGE_LEAST, PAGE_MOST = 5, 1_000


def page_size(request: dict[str, Any], least: int = PAGE_LEAST, most: int = PAGE_MOST) -> int:
    """What MaxResults asks for; all (`PAGE_MOST`) by default."""
    size = request.get("MaxResults")
    if size is None:
        return most
    if size > 10 * PAGE_MOST:
        raise invalid(f"Value ( {size} ) for parameter maxResults is invalid. Expecting at most {most}.")
    if size < least:
        raise invalid(f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value greater than {least}.")
    return min(int(size), most)


def describe(
    call: Call,
    request: dict[str, Any],
    kind: Kind[Any],
    *,
    ids: str,
    answer: str,
    show: Callable[[Call, Any], dict[str, Any]],
    extra: Callable[[Any], bool] | None = None,
    exclusive: bool = False,
) -> dict[str, Any]:
    """The answer of a Describe operation. `ids`: the member with wanted ids; `answer`: the member with the items;
    `extra`: a further condition; `exclusive`: ids and MaxResults do not go together."""
    records, token = select(call, request, kind, ids=ids, extra=extra, exclusive=exclusive)
    found: dict[str, Any] = {answer: [show(call, record) for record in records]}
    if token:
        found["NextToken"] = token
    return found


def select(
    call: Call,
    request: dict[str, Any],
    kind: Kind[Any],
    *,
    ids: str,
    extra: Callable[[Any], bool] | None = None,
    exclusive: bool = False,
    keep: Callable[[Any], bool] | None = None,
) -> tuple[list[Any], str | None]:
    """The records of one page, and the token of the next. `keep`: instead of the kind's filters."""
    keep = keep or chosen(kind, request)
    wanted, size = request.get(ids) or [], page_size(request)
    token = request.get("NextToken")
    if wanted:
        if exclusive and "MaxResults" in request:
            named = "instancesSet" if ids == "InstanceIds" else ids
            raise combination(f"The parameter {named} cannot be used with the parameter maxResults")
        found = kind.need_all(call, wanted)
        return [record for record in found if keep(record) and (extra is None or extra(record))], None

    def rows(after: tuple[Any, ...] | None, limit: int) -> Iterable[tuple[tuple[Any, ...], Any]]:
        return kind.table.scan(call.tx, call.account, call.region, after=after, limit=limit)

    def passes(record: Any) -> bool:
        return keep(record) and (extra is None or extra(record))

    try:
        page = paginate(
            rows, purpose=f"{kind.type}/{call.account}/{call.region}", token=token or None, limit=size, keep=passes
        )
    except BadToken:
        raise invalid("Unable to parse pagination token") from None
    return page.items, page.next_token


def cut(
    call: Call, request: dict[str, Any], purpose: str, items: list[tuple[str, Any]]
) -> tuple[list[Any], str | None]:
    """One page of (name, item) pairs that were gathered in another way, in the order of their names."""
    ordered = sorted(items, key=lambda pair: pair[0])

    def rows(after: tuple[Any, ...] | None, limit: int) -> Iterable[tuple[tuple[Any, ...], Any]]:
        begin = after[0] if after is not None else ""
        return [((name,), item) for name, item in ordered if after is None or name > begin][:limit]

    try:
        page = paginate(
            rows,
            purpose=f"{purpose}/{call.account}/{call.region}",
            token=request.get("NextToken") or None,
            limit=page_size(request),
        )
    except BadToken:
        raise invalid("Unable to parse pagination token") from None
    return page.items, page.next_token
