"""What happens to objects, told to whoever the bucket's configuration names: notifications and replication."""

from typing import Any

from pileus.service import Call

from ..delivery.access_lines import tell_lifecycle
from ..replication.marking import mark
from ..tables import Bucket, Version
from .notifying import notify


def happened(
    call: Call, bucket: Bucket, event: str, key: str, version: Version, details: dict[str, Any] | None = None
) -> None:
    """`event` as S3 names it, without its `s3:` (`ObjectCreated:Put`). In the transaction of the change, after its
    writes: a version that is to be replicated is marked so. `details`: further members of the event's record."""
    minded = bucket.configured
    if not minded:
        return
    if "notification" in minded:
        notify(call, bucket, event, key, version, details)
    if "logging" in minded and event.startswith("Lifecycle"):
        tell_lifecycle(call, bucket, event, key, version)
    if "replication" in minded:
        mark(call, bucket, event, key, version)
