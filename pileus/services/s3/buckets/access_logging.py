"""Where a bucket's access logs go, configured.

Source: Amazon S3 API Reference, PutBucketLogging, GetBucketLogging; Amazon S3 User Guide, "Logging requests with server
access logging", "Enabling Amazon S3 server access logging".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, malformed_xml, not_implemented
from ..tables import Bucket, buckets
from .configuring import configure, configured, forget
from .payloads import payload


@bucket_operation("PutBucketLogging", partial="TargetGrants are refused")
def put_bucket_logging(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = payload(call, request).get("LoggingEnabled")
    if wanted is None:
        forget(call, bucket, "logging")
        return
    _check_target(call, bucket, wanted["TargetBucket"])
    if wanted.get("TargetGrants"):
        raise not_implemented("Pileus does not have TargetGrants: let a bucket policy say who may read the logs.")
    if len(wanted.get("TargetObjectKeyFormat", {"": 1})) != 1:
        raise malformed_xml()
    configure(call, bucket, "logging", {key: value for key, value in wanted.items() if key != "TargetGrants"})


def _check_target(call: Call, bucket: Bucket, name: str) -> None:
    target = buckets.get(call.tx, call.partition, name)
    if target is None:
        raise _bad_target("The target bucket for logging does not exist", name)
    if target.account != bucket.account:
        raise _bad_target("The owner for the bucket to be logged and the target bucket must be the same.", name)
    if target.region != bucket.region:
        raise S3Error(
            "CrossLocationLoggingProhibitted",
            403,
            "Cross S3 location logging not allowed. ",
            SourceBucketLocation=bucket.region,
            TargetBucketLocation=target.region,
        )
    if target.requester_pays:
        raise _bad_target("The target bucket for logging must not have Requester Pays enabled.", name)


def _bad_target(message: str, name: str) -> S3Error:
    return S3Error("InvalidTargetBucketForLogging", 400, message, TargetBucket=name)


@bucket_operation("GetBucketLogging")
def get_bucket_logging(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, "logging")
    return {"LoggingEnabled": found} if found is not None else {}
