"""Amazon DynamoDB and its streams."""

from typing import Any

from .items import batches, finding, getting, putting, transactions
from .service import dynamodb
from .streams import reading, trimming
from .tables import creating, deleting, describing, expiring, filling, policies, tagging, updating


def reconcilers() -> list[Any]:
    """DynamoDB's background work, for the composition root."""
    return [
        creating.Settle(),
        filling.FillIndexes(),
        deleting.Remove(),
        deleting.Sweep(),
        expiring.Expire(),
        trimming.Trim(),
    ]


__all__ = [
    "batches",
    "creating",
    "deleting",
    "describing",
    "dynamodb",
    "expiring",
    "finding",
    "getting",
    "policies",
    "putting",
    "reading",
    "reconcilers",
    "tagging",
    "transactions",
    "updating",
]
