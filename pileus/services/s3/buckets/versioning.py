"""Whether a bucket keeps the versions of its objects.

Source: Amazon S3 API Reference, PutBucketVersioning, GetBucketVersioning; Amazon S3 User Guide, "Retaining multiple
versions of objects with S3 Versioning", "Locking objects with Object Lock".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, not_implemented
from ..tables import Bucket
from .configuring import change
from .payloads import payload


@bucket_operation("PutBucketVersioning", partial="MFA delete is refused")
def put_bucket_versioning(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = payload(call, request)
    if wanted.get("MFADelete") == "Enabled":
        raise not_implemented("Pileus does not have MFA delete: leave out MFADelete, or set it to Disabled.")
    status = wanted.get("Status")
    if status is None:
        raise S3Error("IllegalVersioningConfigurationException", 400, "The Versioning element must be specified")
    if status == "Suspended":
        _check_suspendable(bucket)
    change(call, bucket, versioning=status)


def _check_suspendable(bucket: Bucket) -> None:
    reason = ""
    if bucket.object_lock:
        reason = "An Object Lock configuration"
    elif "replication" in bucket.configured:
        reason = "A replication configuration"
    if reason:
        message = f"{reason} is present on this bucket, so the versioning state cannot be changed."
        raise S3Error("InvalidBucketState", 409, message)


@bucket_operation("GetBucketVersioning")
def get_bucket_versioning(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return {"Status": bucket.versioning} if bucket.versioning else {}
