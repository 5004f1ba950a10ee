"""A bucket's lifecycle configuration, in the form of today and in the one of before 2016, which share their address.

Source: Amazon S3 API Reference, PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration,
DeleteBucketLifecycle, PutBucketLifecycle, GetBucketLifecycle.
"""

from typing import Any

from pileus.base import ids
from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, invalid_argument
from ..lifecycle.checking import check
from ..lifecycle.rules import ALL_CLASSES, BY_CLASS, DAY
from ..tables import Applied, Bucket, applied
from .configuring import absent, configure, configured, forget
from .payloads import payload

SIZE = "TransitionDefaultMinimumObjectSize"
PUT, GET = "PutLifecycleConfiguration", "GetLifecycleConfiguration"


@bucket_operation("PutBucketLifecycleConfiguration", action=PUT)
def put_bucket_lifecycle_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    rules = payload(call, request)["Rules"]
    size = request.get(SIZE, ALL_CLASSES)
    if size not in (ALL_CLASSES, BY_CLASS):
        raise invalid_argument(
            "Invalid value of the transition default minimum object size",
            "x-amz-transition-default-minimum-object-size",
            size,
        )
    check(rules)
    kept = [rule if rule.get("ID") else {"ID": ids.token(36), **rule} for rule in rules]
    configure(call, bucket, "lifecycle", {"Rules": kept, SIZE: size})
    if applied.get(call.tx, bucket.id) is None:
        # Rules are first applied at the midnight to come, whenever the reconciler looks.
        applied.put(call.tx, bucket.id, record=Applied(call.now // DAY * DAY))
    return {SIZE: size}


@bucket_operation("GetBucketLifecycleConfiguration", action=GET)
def get_bucket_lifecycle_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, "lifecycle")
    if found is None:
        raise no_lifecycle(bucket)
    return found


def no_lifecycle(bucket: Bucket) -> S3Error:
    return absent("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", bucket)


@bucket_operation("DeleteBucketLifecycle", action=PUT)
def delete_bucket_lifecycle(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    forget(call, bucket, "lifecycle")
    applied.delete(call.tx, bucket.id)


# The deprecated operations have the same address: what calls them is answered by those above. They are named here for
# the ledger.
bucket_operation("PutBucketLifecycle", action=PUT)(put_bucket_lifecycle_configuration)
bucket_operation("GetBucketLifecycle", action=GET)(get_bucket_lifecycle_configuration)
