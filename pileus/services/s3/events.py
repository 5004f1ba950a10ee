"""What happens to objects, told to whoever the bucket's configuration names (notifications, replication)."""

from pileus.service import Call

from .tables import Bucket, Version


def happened(call: Call, bucket: Bucket, event: str, key: str, version: Version) -> None:
    """`event` as S3 names it, without its `s3:` (`ObjectCreated:Put`). In the transaction of the change."""
