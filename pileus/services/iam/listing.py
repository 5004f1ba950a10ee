"""IAM's pages: Marker, MaxItems and IsTruncated."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pileus.service import Call, paginate
from pileus.service.paginate import BadToken

from .service import Request, ValidationError

Item = TypeVar("Item")
Rows = Callable[[tuple[Any, ...] | None, int], Iterable[tuple[tuple[Any, ...], Item]]]

PAGE_DEFAULT = 100


def page(
    call: Call,
    request: Request,
    member: str,
    rows: Rows[Item],
    show: Callable[[Item], Any],
    keep: Callable[[Item], bool] = lambda item: True,
) -> dict[str, Any]:
    """One page of an answer under `member`."""
    filters = sorted((name, str(value)) for name, value in request.items() if name not in ("Marker", "MaxItems"))
    try:
        found = paginate(
            rows,
            purpose=f"iam {call.operation.name} {call.account} {filters}",
            token=request.get("Marker"),
            limit=request.get("MaxItems", PAGE_DEFAULT),
            keep=keep,
        )
    except BadToken:
        raise ValidationError("Invalid Marker.") from None
    answer: dict[str, Any] = {
        member: [show(item) for item in found.items],
        "IsTruncated": found.next_token is not None,
    }
    if found.next_token is not None:
        answer["Marker"] = found.next_token
    return answer


def page_of(
    call: Call,
    request: Request,
    member: str,
    items: Sequence[tuple[str, Item]],
    show: Callable[[Item], Any],
) -> dict[str, Any]:
    """One page of what is already at hand: (name, item) pairs, listed by name."""
    ordered = sorted(items, key=lambda pair: pair[0])

    def rows(after: tuple[Any, ...] | None, count: int) -> Iterable[tuple[tuple[Any, ...], Item]]:
        left = [pair for pair in ordered if after is None or pair[0] > after[0]]
        return [((name,), item) for name, item in left[:count]]

    return page(call, request, member, rows, show)


def table_rows(table: Any, call: Call, *prefix: str) -> Rows[Any]:
    """The rows of a table under the caller's account."""
    return lambda after, count: table.scan(call.tx, call.account, *prefix, after=after, limit=count)


def under(request: Request, member: str = "PathPrefix") -> Callable[[Any], bool]:
    """Keeps what lies under the request's path prefix."""
    prefix = request.get(member, "/")
    return lambda item: item.path.startswith(prefix)
