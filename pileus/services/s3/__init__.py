"""Amazon S3: buckets and objects, and who may do what with them when."""

from typing import Any

from . import buckets, listing, multipart, objects, web
from .protection import bucket_lock, holds
from .service import s3


def reconcilers() -> list[Any]:
    """S3's background work, for the composition root."""
    return [multipart.Clear(), multipart.Forget()]


__all__ = ["bucket_lock", "buckets", "holds", "listing", "multipart", "objects", "reconcilers", "s3", "web"]
