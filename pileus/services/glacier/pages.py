"""Lists by marker and limit, as Glacier has them.

Source: Amazon Glacier Developer Guide, "List Vaults", "List Jobs", "List Parts", "List Multipart Uploads": 50 to a page
unless told otherwise.
"""

from collections.abc import Callable
from typing import Any

from pileus.service import paginate
from pileus.service.paginate import BadToken

from .errors import invalid

DEFAULT = 50


def limit_of(request: dict[str, Any], default: int, largest: int) -> int:
    text = request.get("limit")
    limit = default if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= limit <= largest:
        raise invalid(f"Invalid limit: {text}")
    return limit


def page(
    request: dict[str, Any],
    name: str,
    purpose: str,
    rows: Callable[[tuple[Any, ...] | None, int], Any],
    shown: Callable[[Any], dict[str, Any]],
    *,
    largest: int,
    keep: Callable[[Any], bool] = lambda item: True,
) -> dict[str, Any]:
    limit = limit_of(request, DEFAULT, largest)
    marker = request.get("marker")
    try:
        found = paginate(rows, purpose=f"glacier.{purpose}", token=marker, limit=limit, keep=keep)
    except BadToken:
        raise invalid(f"Invalid marker: {marker}") from None
    answer: dict[str, Any] = {name: [shown(item) for item in found.items]}
    if found.next_token is not None:
        answer["Marker"] = found.next_token
    return answer
