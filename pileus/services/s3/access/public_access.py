"""Block Public Access of a bucket.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage"; Amazon S3 API Reference,
PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, access_denied, malformed_xml
from ..tables import Bucket, PublicAccess, buckets
from .acl import Acl, is_public

MEMBERS = {
    "BlockPublicAcls": "block_acls",
    "IgnorePublicAcls": "ignore_acls",
    "BlockPublicPolicy": "block_policy",
    "RestrictPublicBuckets": "restrict",
}


@bucket_operation("PutPublicAccessBlock", action="PutBucketPublicAccessBlock")
def put_public_access_block(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = request.get("PublicAccessBlockConfiguration")
    if not wanted:
        raise malformed_xml()
    public_access = PublicAccess(**{field: wanted.get(member, False) for member, field in MEMBERS.items()})
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, public_access=public_access))


@bucket_operation("GetPublicAccessBlock", action="GetBucketPublicAccessBlock")
def get_public_access_block(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = bucket.public_access
    if found is None:
        raise S3Error(
            "NoSuchPublicAccessBlockConfiguration",
            404,
            "The public access block configuration was not found",
            BucketName=bucket.name,
        )
    shown = {member: getattr(found, field) for member, field in MEMBERS.items()}
    return {"PublicAccessBlockConfiguration": shown}


@bucket_operation("DeletePublicAccessBlock", action="PutBucketPublicAccessBlock")
def delete_public_access_block(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, public_access=None))


def check_acl(call: Call, bucket: Bucket, acl: Acl, action: str, resource: str) -> None:
    """Raises AccessDenied for a public list where such are blocked."""
    if bucket.public_access is not None and bucket.public_access.block_acls and is_public(acl):
        raise blocked(call, bucket, action, resource, "access control lists (ACLs)", "BlockPublicAcls")


def blocked(call: Call, bucket: Bucket, action: str, resource: str, what: str, setting: str) -> S3Error:
    """Only callers of the bucket's own account are told why (User Guide, "Troubleshoot access denied (403 Forbidden)
    errors in Amazon S3")."""
    if call.account != bucket.account:
        return access_denied()
    return access_denied(
        f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {resource} because public {what}"
        f" are prevented by the {setting} setting in S3 Block Public Access."
    )
