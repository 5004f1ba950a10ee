"""Amazon S3: buckets and objects, and who may do what with them when."""

from typing import Any

from . import buckets, listing, multipart, objects
from .access import operations as access
from .service import s3


def reconcilers() -> list[Any]:
    """S3's background work, for the composition root."""
    return [multipart.Clear(), multipart.Forget()]


__all__ = ["access", "buckets", "listing", "multipart", "objects", "reconcilers", "s3"]
