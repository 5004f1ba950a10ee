"""Tags of objects: PutObjectTagging, GetObjectTagging, DeleteObjectTagging.

Source: Amazon S3 User Guide, "Categorizing your objects using tags"; Amazon S3 API Reference, PutObjectTagging.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from .. import events
from ..addressing import object_operation
from ..errors import S3Error, method_not_allowed
from ..tables import Bucket, Version
from .drafting import check_tags
from .getting import version_asked
from .storing import NULL, change_version


@object_operation("PutObjectTagging", versioned="PutObjectVersionTagging")
def put_object_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    tags = tags_of(request["Tagging"].get("TagSet", []))
    version = changeable(call, bucket, request)
    version = replace(version, tags=tags)
    change_version(call.tx, bucket, request["Key"], version)
    events.happened(call, bucket, "ObjectTagging:Put", request["Key"], version)
    return version_shown(bucket, version)


@object_operation("GetObjectTagging", versioned="GetObjectVersionTagging")
def get_object_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    version = changeable(call, bucket, request)
    pairs = [{"Key": key, "Value": value} for key, value in version.tags.items()]
    return {"TagSet": pairs, **version_shown(bucket, version)}


@object_operation("DeleteObjectTagging", versioned="DeleteObjectVersionTagging")
def delete_object_tagging(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    version = replace(changeable(call, bucket, request), tags={})
    change_version(call.tx, bucket, request["Key"], version)
    events.happened(call, bucket, "ObjectTagging:Delete", request["Key"], version)
    return version_shown(bucket, version)


def tags_of(pairs: list[dict[str, str]]) -> dict[str, str]:
    """A TagSet, judged."""
    tags = {pair.get("Key", ""): pair.get("Value", "") for pair in pairs}
    if len(tags) != len(pairs):
        raise S3Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key")
    check_tags(tags)
    return tags


def changeable(call: Call, bucket: Bucket, request: dict[str, Any]) -> Version:
    """The version whose properties are meant; a delete marker has none."""
    version = version_asked(call, bucket, request["Key"], request.get("VersionId"))
    if version.marker:
        raise method_not_allowed(call.operation.model.http_method, "DeleteMarker")
    return version


def version_shown(bucket: Bucket, version: Version) -> dict[str, Any]:
    return {"VersionId": version.id or NULL} if bucket.versioning else {}
