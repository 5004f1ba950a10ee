"""Listing pages as KMS has them: Limit, Marker, Truncated."""

from collections.abc import Callable, Iterable
from typing import Any

from pileus.service import paginate
from pileus.service.paginate import BadToken

from .errors import Invalid, InvalidMarker

Rows = Callable[[tuple[Any, ...] | None, int], Iterable[tuple[tuple[Any, ...], Any]]]
LIMIT = 100


def page(
    request: dict[str, Any],
    purpose: str,
    member: str,
    rows: Rows | list[tuple[tuple[Any, ...], Any]],
    show: Callable[[Any], Any],
    limit_max: int,
    *,
    usual: int = LIMIT,
    keep: Callable[[Any], bool] = lambda item: True,
) -> dict[str, Any]:
    """One page of an answer. `rows` is a listing, or what it would list, in order of its keys."""
    limit = request.get("Limit", usual)
    if not 1 <= limit <= limit_max:
        raise Invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value {'less' if limit > limit_max else 'greater'} than or equal to "
            f"{limit_max if limit > limit_max else 1}"
        )
    if isinstance(rows, list):
        whole = rows

        def rows(after: tuple[Any, ...] | None, n: int) -> list[tuple[tuple[Any, ...], Any]]:
            return [row for row in whole if after is None or row[0] > after][:n]

    try:
        found = paginate(rows, purpose=purpose, token=request.get("Marker"), limit=limit, keep=keep)
    except BadToken:
        raise InvalidMarker("Could not deserialize marker") from None
    answer: dict[str, Any] = {member: [show(item) for item in found.items], "Truncated": found.next_token is not None}
    if found.next_token is not None:
        answer["NextMarker"] = found.next_token
    return answer
