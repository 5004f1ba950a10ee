"""PutBucketAcl, GetBucketAcl, PutObjectAcl, GetObjectAcl.

Source: Amazon S3 API Reference, the pages of these actions; Amazon S3 User Guide, "Configuring ACLs".
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call, Reply

from .. import events
from ..addressing import bucket_operation, object_operation
from ..errors import S3Error, method_not_allowed
from ..objects.getting import marked, version_asked
from ..objects.storing import change_version, shown_id
from ..tables import Bucket, Version, buckets
from .acl import PRIVATE, Acl, acls_disabled, asks, by_body, by_headers, shown
from .grants import ENFORCED, object_acl
from .public_access import check_acl


@bucket_operation("PutBucketAcl")
def put_bucket_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    acl = _wanted(bucket, request, bucket.account, on_object=False)
    check_acl(call, bucket, acl, "s3:PutBucketAcl", bucket.arn)
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, acl=acl))


@bucket_operation("GetBucketAcl")
def get_bucket_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return shown(PRIVATE if bucket.ownership == ENFORCED else bucket.acl, bucket.account)


@object_operation("PutObjectAcl", versioned="PutObjectVersionAcl")
def put_object_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    key, version = request["Key"], _version(call, bucket, request)
    acl = _wanted(bucket, request, version.owner, on_object=True)
    check_acl(call, bucket, acl, "s3:PutObjectAcl", f"{bucket.arn}/{key}")
    changed = replace(version, acl=acl or None)
    change_version(call.tx, bucket, key, changed)
    events.happened(call, bucket, "ObjectAcl:Put", key, changed)
    return Reply({}, headers=_version_header(bucket, version))


@object_operation("GetObjectAcl", versioned="GetObjectVersionAcl")
def get_object_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    version = _version(call, bucket, request)
    enforced = bucket.ownership == ENFORCED
    found = shown(PRIVATE, bucket.account) if enforced else shown(object_acl(version), version.owner)
    return Reply(found, headers=_version_header(bucket, version))


def _version_header(bucket: Bucket, version: Version) -> tuple[tuple[str, str], ...]:
    return (("x-amz-version-id", shown_id(version)),) if bucket.versioning else ()


def _version(call: Call, bucket: Bucket, request: dict[str, Any]) -> Version:
    version = version_asked(call, bucket, request["Key"], request.get("VersionId"))
    if version.marker:
        raise marked(version, method_not_allowed(call.operation.model.http_method, "DeleteMarker"))
    return version


def _wanted(bucket: Bucket, request: dict[str, Any], owner: str, on_object: bool) -> Acl:
    """The list a request asks for, in headers or in its body."""
    if bucket.ownership == ENFORCED:
        raise acls_disabled()
    body = request.get("AccessControlPolicy")
    if body and asks(request):
        raise S3Error("UnexpectedContent", 400, "This request does not support content")
    if body:
        return by_body(body, owner)
    acl = by_headers(request, owner, bucket.account if on_object else None)
    if acl is None:
        raise S3Error(
            "MissingSecurityHeader", 400, "Your request was missing a required header", MissingHeaderName="x-amz-acl"
        )
    return acl
