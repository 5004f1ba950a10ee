"""Amazon S3: buckets and objects, and who may do what with them when."""

from . import buckets, objects
from .service import s3


def reconcilers() -> list[object]:
    """S3's background work, for the composition root."""
    return []


__all__ = ["buckets", "objects", "reconcilers", "s3"]
