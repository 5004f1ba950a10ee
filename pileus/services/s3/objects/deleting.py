"""DeleteObject and DeleteObjects.

Source: Amazon S3 API Reference, DeleteObject, DeleteObjects; Amazon S3 User Guide, "Deleting Amazon S3 objects",
"Working with delete markers".
"""

from typing import Any

from pileus.service import AccessDenied, Call

from .. import events
from ..access.permission import must_allow_object
from ..addressing import bucket_operation, object_operation
from ..errors import S3Error, malformed_xml, not_implemented
from ..names import check_key
from ..protection.lock import check_removable
from ..tables import Bucket
from .conditions import check_delete
from .storing import NULL, find_version, put_marker, remove_current, remove_version

OBJECTS_MAX = 1_000


@object_operation("DeleteObject", versioned="DeleteObjectVersion")
def delete_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return removed(call, bucket, request["Key"], request.get("VersionId"), request)


def removed(call: Call, bucket: Bucket, key: str, version_id: str | None, request: dict[str, Any]) -> dict[str, Any]:
    """Deletes an object, or one version of it. Answers DeleteMarker and VersionId as they apply."""
    if version_id is not None:
        return _remove_one(call, bucket, key, version_id, request)
    there = find_version(call.tx, bucket, key, None)
    check_delete(request, key, there)
    if bucket.versioning:
        marker = put_marker(call.tx, bucket, key, call.account or bucket.account, call.now)
        events.happened(call, bucket, "ObjectRemoved:DeleteMarkerCreated", key, marker)
        return {"DeleteMarker": True, "VersionId": marker.id or NULL}
    gone = remove_current(call.tx, bucket, key)
    if gone is not None:
        events.happened(call, bucket, "ObjectRemoved:Delete", key, gone)
    return {}


def _remove_one(call: Call, bucket: Bucket, key: str, version_id: str, request: dict[str, Any]) -> dict[str, Any]:
    if bucket.mfa_delete:
        raise not_implemented("MFA delete is not supported")
    version = find_version(call.tx, bucket, key, version_id)
    if version is None:
        # Deleting what is not there succeeds, but an id that cannot be one is refused.
        if version_id != NULL and len(version_id) != 32:
            raise S3Error("InvalidArgument", 400, "Invalid version id specified", ArgumentName="versionId",
                          ArgumentValue=version_id)  # fmt: skip
        return {"VersionId": version_id}
    check_delete(request, key, version)
    check_removable(call, bucket, version, request)
    remove_version(call.tx, bucket, key, version)
    events.happened(call, bucket, "ObjectRemoved:Delete", key, version)
    found: dict[str, Any] = {"VersionId": version_id}
    if version.marker:
        found["DeleteMarker"] = True
    return found


@bucket_operation("DeleteObjects", action="DeleteObject", unconditional="Each object is authorised by itself.")
def delete_objects(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    asked = request["Delete"].get("Objects", [])
    if not 1 <= len(asked) <= OBJECTS_MAX:
        raise malformed_xml()
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for one in asked:
        key, version_id = one.get("Key", ""), one.get("VersionId")
        shown = {"Key": key, **({"VersionId": version_id} if version_id is not None else {})}
        try:
            deleted.append({**shown, **_delete_one(call, bucket, key, version_id, one, request)})
        except (S3Error, AccessDenied) as error:
            code = "AccessDenied" if isinstance(error, AccessDenied) else error.code
            errors.append({**shown, "Code": code, "Message": error.message})
    answer: dict[str, Any] = {}
    if deleted and not request["Delete"].get("Quiet"):
        answer["Deleted"] = deleted
    if errors:
        answer["Errors"] = errors
    return answer


def _delete_one(
    call: Call, bucket: Bucket, key: str, version_id: str | None, one: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    if not key:
        raise S3Error("UserKeyMustBeSpecified", 400, "The key must be specified")
    check_key(key)
    action = "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"
    must_allow_object(call, bucket, action, key, version_id)
    conditions = {"IfMatch": one["ETag"]} if "ETag" in one else {}
    for member, name in (("LastModifiedTime", "IfMatchLastModifiedTime"), ("Size", "IfMatchSize")):
        if member in one:
            conditions[name] = one[member]
    bypass = {"BypassGovernanceRetention": request.get("BypassGovernanceRetention", False)}
    found = removed(call, bucket, key, version_id, {**conditions, **bypass})
    shown: dict[str, Any] = {}
    if found.get("DeleteMarker"):
        shown["DeleteMarker"] = True
        shown["DeleteMarkerVersionId"] = found["VersionId"]
    return shown
