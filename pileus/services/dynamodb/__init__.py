"""Amazon DynamoDB and its streams."""

from typing import Any

from .items import batches, finding, getting, putting, transactions
from .service import dynamodb
from .tables import creating, deleting, describing, tagging


def reconcilers() -> list[Any]:
    """DynamoDB's background work, for the composition root."""
    return [creating.Settle(), deleting.Remove(), deleting.Sweep()]


__all__ = [
    "batches",
    "creating",
    "deleting",
    "describing",
    "dynamodb",
    "finding",
    "getting",
    "putting",
    "reconcilers",
    "tagging",
    "transactions",
]
