"""Amazon S3 Glacier's vault API: archives that take their hours to come back."""

from typing import Any

from . import archiving, creating, jobs, multipart, notifications, output, policies, retrieval, tags
from .clearing import ClearUploads
from .finishing import FinishJobs
from .inventories import TakeInventory
from .service import glacier


def reconcilers() -> list[Any]:
    """Glacier's background work, for the composition root."""
    return [TakeInventory(), FinishJobs(), ClearUploads()]


__all__ = [
    "archiving",
    "creating",
    "glacier",
    "jobs",
    "multipart",
    "notifications",
    "output",
    "policies",
    "reconcilers",
    "retrieval",
    "tags",
]
