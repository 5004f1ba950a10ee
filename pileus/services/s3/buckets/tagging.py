"""Tags of buckets.

Source: Amazon S3 API Reference, PutBucketTagging, GetBucketTagging, DeleteBucketTagging; AWS Billing User Guide,
"User-defined tag restrictions".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error
from ..names import check_tag
from ..tables import Bucket
from .configuring import absent, configure, configured, forget
from .payloads import payload

TAGS_MAX = 50


def put_tags(call: Call, bucket: Bucket, tags: list[dict[str, str]]) -> Bucket:
    """Replaces a bucket's tags."""
    if len(tags) > TAGS_MAX:
        raise S3Error("BadRequest", 400, f"Bucket tag count cannot be greater than {TAGS_MAX}")
    seen: set[str] = set()
    for tag in tags:
        check_tag(tag["Key"], tag["Value"])
        if tag["Key"] in seen:
            raise S3Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key", TagKey=tag["Key"])
        seen.add(tag["Key"])
    if tags:
        configure(call, bucket, "tagging", {"TagSet": tags})
    else:
        forget(call, bucket, "tagging")
    return bucket


@bucket_operation("PutBucketTagging")
def put_bucket_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    put_tags(call, bucket, payload(call, request)["TagSet"])


@bucket_operation("GetBucketTagging")
def get_bucket_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, "tagging")
    if found is None:
        raise absent("NoSuchTagSet", "The TagSet does not exist", bucket)
    return found


@bucket_operation("DeleteBucketTagging", action="PutBucketTagging")
def delete_bucket_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    forget(call, bucket, "tagging")
