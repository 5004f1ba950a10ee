"""What a bucket and an object grant by themselves: the bucket's policy and the access control lists."""

from pileus.service import Call, ResourcePolicy

from ..tables import Bucket


def bucket_grants(call: Call, bucket: Bucket) -> ResourcePolicy:
    return ResourcePolicy(bucket.policy, "bucket policy", bucket.account)


def object_grants(call: Call, bucket: Bucket, key: str, version: str | None) -> ResourcePolicy:
    return ResourcePolicy(bucket.policy, "bucket policy", bucket.account)
