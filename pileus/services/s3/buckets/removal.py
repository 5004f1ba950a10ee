"""What a deleted bucket leaves to be cleared away: multipart uploads that nobody completed."""

from pileus.service import Call

from ..tables import Bucket, discarded


def forget_bucket(call: Call, bucket: Bucket) -> None:
    """Leaves a row for the reconciler (multipart/clearing.py)."""
    discarded.put(call.tx, "bucket", bucket.id, record=call.now)
