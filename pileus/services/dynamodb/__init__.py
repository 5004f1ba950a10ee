"""Amazon DynamoDB and its streams."""

from typing import Any

from .backups import continuous, finishing, on_demand, restoring
from .items import batches, finding, getting, putting, transactions
from .partiql import executing
from .replicas import carrying
from .service import dynamodb
from .streams import reading, trimming
from .tables import creating, deleting, describing, expiring, filling, policies, tagging, updating
from .transfers import exporting, importing


def reconcilers() -> list[Any]:
    """DynamoDB's background work, for the composition root."""
    return [
        creating.Settle(),
        filling.FillIndexes(),
        deleting.Remove(),
        deleting.Sweep(),
        expiring.Expire(),
        trimming.Trim(),
        finishing.MakeCopies(),
        continuous.TrimPast(),
        on_demand.ExpireBackups(),
        exporting.WriteExports(),
        carrying.Carry(),
        carrying.FillReplicas(),
        importing.ReadImports(),
    ]


__all__ = [
    "batches",
    "continuous",
    "creating",
    "deleting",
    "describing",
    "dynamodb",
    "executing",
    "expiring",
    "exporting",
    "finding",
    "getting",
    "importing",
    "on_demand",
    "policies",
    "putting",
    "reading",
    "reconcilers",
    "restoring",
    "tagging",
    "transactions",
    "updating",
]
