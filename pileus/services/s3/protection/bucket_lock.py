"""PutObjectLockConfiguration and GetObjectLockConfiguration.

Source: Amazon S3 API Reference, PutObjectLockConfiguration; Amazon S3 User Guide, "Configuring S3 Object Lock".
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, invalid_argument, malformed_xml, not_implemented
from ..tables import Bucket, buckets
from .lock import MODES

DAYS_MAX, YEARS_MAX = 36_500, 100


@bucket_operation("PutObjectLockConfiguration", action="PutBucketObjectLockConfiguration")
def put_object_lock_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = request.get("ObjectLockConfiguration", {})
    if wanted.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    if bucket.versioning != "Enabled":
        raise S3Error("InvalidBucketState", 409, "Versioning must be 'Enabled' on the bucket to apply a Object Lock"
                      " configuration")  # fmt: skip
    mode, days, years = _default(wanted.get("Rule"))
    changed = replace(bucket, object_lock=True, lock_mode=mode, lock_days=days, lock_years=years)
    buckets.put(call.tx, bucket.partition, bucket.name, record=changed)


def _default(rule: dict[str, Any] | None) -> tuple[str, int, int]:
    """(mode, days, years) of the default retention."""
    if rule is None:
        return "", 0, 0
    retention = rule.get("DefaultRetention")
    if retention is None:
        raise malformed_xml()
    if "DefaultEventHold" in retention:
        raise not_implemented("Event holds are not supported; leave out DefaultEventHold")
    mode, days, years = retention.get("Mode"), retention.get("Days"), retention.get("Years")
    if mode not in MODES or (days is None) == (years is None):
        raise malformed_xml()
    for value, most, unit in ((days, DAYS_MAX, "days"), (years, YEARS_MAX, "years")):
        if value is not None and value <= 0:
            raise invalid_argument("Default retention period must be a positive integer value.")
        if value is not None and value > most:
            raise invalid_argument(f"Default retention period too large: at most {most} {unit}.")
    return mode, days or 0, years or 0


@bucket_operation("GetObjectLockConfiguration", action="GetBucketObjectLockConfiguration")
def get_object_lock_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    if not bucket.object_lock:
        raise no_lock_configuration(bucket)
    found: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if bucket.lock_mode:
        period = {"Days": bucket.lock_days} if bucket.lock_days else {"Years": bucket.lock_years}
        found["Rule"] = {"DefaultRetention": {"Mode": bucket.lock_mode, **period}}
    return {"ObjectLockConfiguration": found}


def no_lock_configuration(bucket: Bucket) -> S3Error:
    return S3Error(
        "ObjectLockConfigurationNotFoundError",
        404,
        "Object Lock configuration does not exist for this bucket",
        BucketName=bucket.name,
    )
