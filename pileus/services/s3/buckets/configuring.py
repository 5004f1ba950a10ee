"""A bucket's configurations as they are kept: the model's own dict under its kind, and under an id where there may be
several."""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..errors import S3Error
from ..tables import Bucket, buckets, configs

MINDED = frozenset({"cors", "lifecycle", "logging", "notification", "replication"})
"""Kinds that requests on objects must mind: a bucket that has one says so itself."""


def configured(call: Call, bucket: Bucket, kind: str, id: str = "") -> dict[str, Any] | None:
    return configs.get(call.tx, bucket.id, kind, id)


def configure(call: Call, bucket: Bucket, kind: str, value: dict[str, Any], id: str = "") -> None:
    configs.put(call.tx, bucket.id, kind, id, record=value)
    if kind in MINDED and kind not in bucket.configured:
        change(call, bucket, configured=bucket.configured | {kind})


def forget(call: Call, bucket: Bucket, kind: str, id: str = "") -> bool:
    """Whether there was one."""
    if configs.get(call.tx, bucket.id, kind, id) is None:
        return False
    configs.delete(call.tx, bucket.id, kind, id)
    if kind in bucket.configured:
        change(call, bucket, configured=bucket.configured - {kind})
    return True


def change(call: Call, bucket: Bucket, **fields: Any) -> Bucket:
    """Writes a bucket with some of its fields changed."""
    changed: Bucket = replace(bucket, **fields)
    buckets.put(call.tx, bucket.partition, bucket.name, record=changed)
    return changed


def absent(code: str, message: str, bucket: Bucket) -> S3Error:
    return S3Error(code, 404, message, BucketName=bucket.name)
