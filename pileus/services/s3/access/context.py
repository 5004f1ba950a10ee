"""S3's condition keys.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; Amazon S3 User Guide,
"Bucket policy examples using condition keys"; Amazon S3 API Reference, "Amazon S3 Signature Version 4 Authentication
Specific Policy Keys". They are worked out only when a statement asks for a key that is not a global one.
"""

from typing import Any
from urllib.parse import unquote

from pileus.base.arns import partition_of
from pileus.base.clock import iso
from pileus.service import Call

from ..tables import Bucket

MEMBERS = {
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "Delimiter": "s3:delimiter",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "MaxKeys": "s3:max-keys",
    "MaxUploads": "s3:max-keys",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "Prefix": "s3:prefix",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "StorageClass": "s3:x-amz-storage-class",
    "VersionId": "s3:versionid",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}
_CREATES = {
    "CompleteMultipartUpload": True,
    "CopyObject": True,
    "CreateMultipartUpload": False,
    "PostObject": True,
    "PutObject": True,
    "UploadPart": False,
    "UploadPartCopy": False,
}
_DAY = 86_400


def context_of(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = {key: request[member] for member, key in MEMBERS.items() if member in request}
    bucket = call.subject
    found["s3:ResourceAccount"] = bucket.account if isinstance(bucket, Bucket) else call.account
    found.update(_signature(call))
    _add_forms(call, request, found)
    _add_lock(call, request, found)
    _add_tags(request, found)
    if call.operation.name in _CREATES:
        found["s3:ObjectCreationOperation"] = _CREATES[call.operation.name]
    if isinstance(bucket, Bucket) and "Key" in request:
        found.update(existing_tags(call, bucket, request["Key"], request.get("VersionId")))
    return found


def existing_tags(call: Call, bucket: Bucket, key: str, version_id: str | None) -> dict[str, str]:
    """`s3:ExistingObjectTag/…`, also for whoever asks `must_allow` about an object that is not the call's own."""
    from ..objects.storing import find_version

    version = find_version(call.tx, bucket, key, version_id)
    if version is None:
        return {}
    return {f"s3:ExistingObjectTag/{name}": value for name, value in version.tags.items()}


def _signature(call: Call) -> dict[str, Any]:
    headers = call.headers
    found: dict[str, Any] = {}
    content = headers.get("x-amz-content-sha256")
    if content is not None:
        found["s3:x-amz-content-sha256"] = content
    if call.tls:
        found["s3:TlsVersion"] = call.tls.removeprefix("TLSv")
    if call.caller.key is None or call.via:
        return found
    found["s3:signatureversion"] = "AWS4-HMAC-SHA256" if call.scoped else "AWS"
    if call.operation.name == "PostObject":
        found["s3:authType"] = "POST"
    elif "authorization" in headers:
        found["s3:authType"] = "REST-HEADER"
    else:
        found["s3:authType"] = "REST-QUERY-STRING"
    if call.signed_at is not None:
        found["s3:signatureAge"] = max(0, int((call.cloud.clock.machine() - call.signed_at) * 1_000))
    return found


def _add_forms(call: Call, request: dict[str, Any], found: dict[str, Any]) -> None:
    """What requests may write in several ways, as policies know it."""
    source = found.get("s3:x-amz-copy-source")
    if isinstance(source, str):
        source = unquote(source)  # as it is read, whatever way it is written
        found["s3:x-amz-copy-source"] = [source.removeprefix("/"), "/" + source.removeprefix("/")]
    elif isinstance(source, dict):
        del found["s3:x-amz-copy-source"]
    key = found.get("s3:x-amz-server-side-encryption-aws-kms-key-id")
    if isinstance(key, str) and not key.startswith("arn:"):
        resource = key if key.startswith("alias/") else f"key/{key}"
        found["s3:x-amz-server-side-encryption-aws-kms-key-id"] = (
            f"arn:{partition_of(call.region)}:kms:{call.region}:{call.account}:{resource}"
        )
    place = request.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    if place is not None:
        found["s3:locationconstraint"] = place


def _add_lock(call: Call, request: dict[str, Any], found: dict[str, Any]) -> None:
    """From the headers of a new object, or the documents of PutObjectRetention and PutObjectLegalHold."""
    retention = request.get("Retention", {})
    if "Mode" in retention:
        found["s3:object-lock-mode"] = retention["Mode"]
    if "Status" in request.get("LegalHold", {}):
        found["s3:object-lock-legal-hold"] = request["LegalHold"]["Status"]
    until = request.get("ObjectLockRetainUntilDate", retention.get("RetainUntilDate"))
    if isinstance(until, int | float):
        found["s3:object-lock-retain-until-date"] = iso(float(until))
        found["s3:object-lock-remaining-retention-days"] = int((until - call.now) // _DAY)


def _add_tags(request: dict[str, Any], found: dict[str, Any]) -> None:
    tagging = request.get("Tagging")
    if not tagging or "Key" not in request:
        return
    if isinstance(tagging, str):
        from ..objects.drafting import parsed_tags

        tags = parsed_tags(tagging)
    else:
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in tagging.get("TagSet", [])}
    found.update({f"s3:RequestObjectTag/{key}": value for key, value in tags.items()})
    found["s3:RequestObjectTagKeys"] = list(tags)
