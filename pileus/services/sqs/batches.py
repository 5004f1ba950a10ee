"""Batches: the rules every batch request keeps, and results entry by entry.

Source: Amazon SQS API Reference, "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch" and
"BatchResultErrorEntry".
"""

import re
from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError

from .errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    TooManyEntriesInBatchRequest,
)

ENTRIES_MAX = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_entries(operation: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = request.get("Entries") or []
    if not entries:
        raise EmptyBatchRequest(f"There should be at least one {operation}RequestEntry in the request.")
    if len(entries) > ENTRIES_MAX:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are 10. You have sent {len(entries)}."
        )
    seen = set()
    for entry in entries:
        id_ = entry.get("Id") or ""
        if not _ID.fullmatch(id_):
            raise InvalidBatchEntryId(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long."
            )
        if id_ in seen:
            raise BatchEntryIdsNotDistinct(f"Id {id_} repeated.")
        seen.add(id_)
    return entries


def each(entries: list[dict[str, Any]], work: Callable[[dict[str, Any]], dict[str, Any] | None]) -> dict[str, Any]:
    """What `work` answers for each entry, and its error where it has one. `work` must fail before its first write."""
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **(work(entry) or {})})
        except ApiError as error:
            failed.append(
                {
                    "Id": entry["Id"],
                    "SenderFault": error.sender,
                    "Code": error.wire_code(query=True),
                    "Message": error.message,
                }
            )
    return {"Successful": successful, "Failed": failed}
