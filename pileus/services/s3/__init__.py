"""Amazon S3: buckets and objects, and who may do what with them when."""

from typing import Any

from . import buckets, listing, multipart, objects, web
from .access import operations as access
from .protection import bucket_lock, holds
from .service import s3


def reconcilers() -> list[Any]:
    """S3's background work, for the composition root."""
    return [multipart.Clear(), multipart.Forget()]


__all__ = ["access", "bucket_lock", "buckets", "holds", "listing", "multipart", "objects", "reconcilers", "s3", "web"]
