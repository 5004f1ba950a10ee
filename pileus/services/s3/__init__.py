"""Amazon S3: buckets and objects, and who may do what with them when."""

from typing import Any

from . import buckets, listing, multipart, objects, web
from .access import operations as access
from .archive import restoring
from .archive.returning import Restores
from .delivery import access_lines
from .delivery.access_logs import DeliverAccessLogs
from .delivery.inventories import Inventories
from .events import configuring as notifications
from .events.notifying import Notify
from .lifecycle.running import Lifecycle
from .protection import bucket_lock, holds
from .replication import configuring as replication
from .replication.carrying import Replicate
from .service import s3

s3.observer = access_lines.observe


def reconcilers() -> list[Any]:
    """S3's background work, for the composition root."""
    return [
        multipart.Clear(),
        multipart.Forget(),
        Notify(),
        Replicate(),
        DeliverAccessLogs(),
        Inventories(),
        Lifecycle(),
        Restores(),
    ]


__all__ = [
    "access",
    "bucket_lock",
    "buckets",
    "holds",
    "listing",
    "multipart",
    "notifications",
    "objects",
    "reconcilers",
    "replication",
    "restoring",
    "s3",
    "web",
]
