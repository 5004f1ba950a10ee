"""Amazon S3: buckets and objects, and who may do what with them when."""

from . import buckets, objects
from .access import operations as access
from .service import s3


def reconcilers() -> list[object]:
    """S3's background work, for the composition root."""
    return []


__all__ = ["access", "buckets", "objects", "reconcilers", "s3"]
