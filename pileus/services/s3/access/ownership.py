"""Who owns what is put into a bucket, and whether access control lists count.

Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket", its page
"Troubleshooting"; Amazon S3 API Reference, CreateBucket, PutBucketOwnershipControls. A bucket without ownership
controls (`ownership` '') goes by ObjectWriter.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call, must_allow

from ..addressing import bucket_operation
from ..errors import S3Error, invalid_argument, malformed_xml
from ..tables import Bucket, buckets
from .acl import PRIVATE, asks, by_headers, is_public
from .grants import ENFORCED

PREFERRED, WRITER = "BucketOwnerPreferred", "ObjectWriter"
RULES = (ENFORCED, PREFERRED, WRITER)


def initial_access(call: Call, bucket: Bucket, request: dict[str, Any]) -> Bucket:
    """A new bucket with the ownership rule and the ACL its request asks for."""
    rule = request.get("ObjectOwnership")
    if rule is not None:
        if rule not in RULES:
            raise invalid_argument(f"Invalid x-amz-object-ownership header: {rule}", "x-amz-object-ownership", rule)
        must_allow(call, "s3:PutBucketOwnershipControls", bucket.arn)
        bucket = replace(bucket, ownership=rule)
    if not asks(request):
        return bucket
    acl = by_headers(request, bucket.account, None) or PRIVATE
    if request.get("ACL") != "private":
        must_allow(call, "s3:PutBucketAcl", bucket.arn)
    if acl != PRIVATE and bucket.ownership == ENFORCED:
        raise _lists_beside_enforced(bucket)
    if is_public(acl) and bucket.public_access is not None and bucket.public_access.block_acls:
        raise S3Error(
            "InvalidBucketAclWithBlockPublicAccessError",
            400,
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
            BucketName=bucket.name,
        )
    return replace(bucket, acl=acl)


def _lists_beside_enforced(bucket: Bucket) -> S3Error:
    return S3Error(
        "InvalidBucketAclWithObjectOwnership",
        400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        BucketName=bucket.name,
    )


@bucket_operation("PutBucketOwnershipControls")
def put_bucket_ownership_controls(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    rules = request.get("OwnershipControls", {}).get("Rules", [])
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in RULES:
        raise malformed_xml()
    rule = rules[0]["ObjectOwnership"]
    if rule == ENFORCED and bucket.acl != PRIVATE:
        raise _lists_beside_enforced(bucket)
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, ownership=rule))


@bucket_operation("GetBucketOwnershipControls")
def get_bucket_ownership_controls(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    if not bucket.ownership:
        raise S3Error(
            "OwnershipControlsNotFoundError",
            404,
            "The bucket ownership controls were not found",
            BucketName=bucket.name,
        )
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


@bucket_operation("DeleteBucketOwnershipControls", action="PutBucketOwnershipControls")
def delete_bucket_ownership_controls(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, ownership=""))
