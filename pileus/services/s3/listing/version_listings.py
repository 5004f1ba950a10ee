"""ListObjectVersions.

Source: Amazon S3 API Reference, ListObjectVersions; Amazon S3 User Guide, "Listing objects in a versioning-enabled
bucket".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import invalid_argument
from ..objects.storing import NULL, age_of, find_version
from ..tables import Bucket, Version
from . import pages, walk
from .listings import restore_status
from .walk import FoundVersion, Place


@bucket_operation("ListObjectVersions", action="ListBucketVersions")
def list_object_versions(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    limit, encode = pages.page_size(request, "MaxKeys", "max-keys"), pages.encoder(request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    after = _place(call, bucket, request, prefix, delimiter)
    found = walk.all_versions(call.tx, bucket.id, prefix, delimiter, after, limit + 1) if limit else []
    shown, more = found[:limit], len(found) > limit
    answer = {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "KeyMarker": encode(request.get("KeyMarker", "")),
        "VersionIdMarker": request.get("VersionIdMarker", ""),
        **pages.echoed(request, encode, "Delimiter"),
        "MaxKeys": limit,
        "IsTruncated": more,
        **_entries(request, shown, encode),
    }
    if more:
        last = shown[-1]
        answer["NextKeyMarker"] = encode(last.name)
        if last.version is not None:
            answer["NextVersionIdMarker"] = last.version.id or NULL
    return answer


def _place(call: Call, bucket: Bucket, request: dict[str, Any], prefix: str, delimiter: str) -> Place | None:
    key, version_id = request.get("KeyMarker", ""), request.get("VersionIdMarker")
    if not key:
        if version_id:
            raise invalid_argument(
                "A version-id marker cannot be specified without a key marker.", "version-id-marker", version_id
            )
        return None
    if version_id is None or version_id == "":
        end = key.find(delimiter, len(prefix)) + len(delimiter) if delimiter else -1
        return Place(key, rolled=end == len(key) and end > len(prefix))
    version = find_version(call.tx, bucket, key, version_id)
    if version is not None:
        return Place(key, version.age)
    # Who empties a bucket deletes each page before asking for the next: what the page ended with is gone, and its id
    # still says where it stood. A null version's does not, so its key begins anew.
    if version_id == NULL:
        return Place(key, 0)
    age = age_of(version_id)
    if age is None:
        raise invalid_argument("Invalid version id specified", "version-id-marker", version_id)
    return Place(key, age)


def _entries(request: dict[str, Any], found: list[FoundVersion], encode: Any) -> dict[str, Any]:
    """Versions and delete markers keep their order, each in a list of its own."""
    versions: list[dict[str, Any]] = []
    markers: list[dict[str, Any]] = []
    runs: list[dict[str, str]] = []
    restores = "RestoreStatus" in request.get("OptionalObjectAttributes", ())
    for name, version, latest in found:
        if version is None:
            runs.append({"Prefix": encode(name)})
        elif version.marker:
            markers.append(_common(encode(name), version, latest))
        else:
            versions.append(_entry(encode(name), version, latest, restores))
    answer: dict[str, Any] = {}
    for member, entries in (("Versions", versions), ("DeleteMarkers", markers), ("CommonPrefixes", runs)):
        if entries:
            answer[member] = entries
    return answer


def _common(name: str, version: Version, latest: bool) -> dict[str, Any]:
    return {
        "Key": name,
        "VersionId": version.id or NULL,
        "IsLatest": latest,
        "LastModified": int(version.modified),
        "Owner": pages.owner(version.owner),
    }


def _entry(name: str, version: Version, latest: bool, restores: bool) -> dict[str, Any]:
    entry = {
        **_common(name, version, latest),
        "ETag": f'"{version.etag}"',
        "ChecksumAlgorithm": [version.checksum_algorithm],
        "ChecksumType": version.checksum_type,
        "Size": version.size,
        "StorageClass": version.storage or "STANDARD",
    }
    if restores and version.storage:
        entry.update(restore_status(version))
    return entry
