"""Amazon S3: buckets and objects, and who may do what with them when."""

from typing import Any

from . import buckets, listing, multipart, objects, web
from .access import operations as access
from .delivery import access_lines
from .delivery.access_logs import DeliverAccessLogs
from .delivery.inventories import Inventories
from .events import configuring as notifications
from .events.notifying import Notify
from .protection import bucket_lock, holds
from .replication import configuring as replication
from .replication.carrying import Replicate
from .service import s3

s3.observer = access_lines.observe


def reconcilers() -> list[Any]:
    """S3's background work, for the composition root."""
    return [multipart.Clear(), multipart.Forget(), Notify(), Replicate(), DeliverAccessLogs(), Inventories()]


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
    "s3",
    "web",
]
