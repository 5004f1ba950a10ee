"""GetObjectAttributes.

Source: Amazon S3 API Reference, GetObjectAttributes.
"""

from typing import Any

from pileus.service import Call, must_allow

from ..access.grants import object_grants
from ..addressing import object_operation
from ..errors import invalid_argument
from ..listing import pages
from ..tables import Bucket, Version
from . import checksums, encryption
from .storing import contents
from .tagging import changeable, version_shown

KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
PARTS_MAX = 1_000


@object_operation("GetObjectAttributes", action="GetObject", versioned="GetObjectVersion")
def get_object_attributes(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    key, wanted = request["Key"], request.get("ObjectAttributes", [])
    if not wanted:
        raise invalid_argument("Attributes must not be empty", "x-amz-object-attributes", "")
    for name in wanted:
        if name not in KNOWN:
            raise invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name)
    action = "s3:GetObjectVersionAttributes" if "VersionId" in request else "s3:GetObjectAttributes"
    must_allow(call, action, call.resource, own=object_grants(call, bucket, key, request.get("VersionId")))
    version = changeable(call, bucket, request)
    encryption.check_known(call, version, request)
    found: dict[str, Any] = {"LastModified": version.modified, **version_shown(bucket, version)}
    if "ETag" in wanted:
        found["ETag"] = version.etag
    if "Checksum" in wanted and version.checksum:
        found["Checksum"] = {f"Checksum{version.checksum_algorithm}": version.checksum.partition("-")[0],
                             "ChecksumType": version.checksum_type}  # fmt: skip
    if "ObjectParts" in wanted and "-" in version.etag:
        found["ObjectParts"] = _parts(call, version, request)
    if "StorageClass" in wanted:
        found["StorageClass"] = version.storage or "STANDARD"
    if "ObjectSize" in wanted:
        found["ObjectSize"] = version.size
    return found


def _parts(call: Call, version: Version, request: dict[str, Any]) -> dict[str, Any]:
    parts = contents(call.tx, version)[1]
    limit = pages.page_size(request, "MaxParts", "max-parts", PARTS_MAX)
    marker = pages.part_marker(request)
    beyond = [part for part in parts if part.number > marker]
    shown = beyond[:limit]
    found: dict[str, Any] = {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1].number if shown else 0),
        "MaxParts": limit,
        "IsTruncated": len(beyond) > limit,
    }
    if version.checksum_type == checksums.COMPOSITE:
        # Parts are told one by one only where each has a checksum of its own to be told.
        name = f"Checksum{version.checksum_algorithm}"
        found["Parts"] = [{"PartNumber": p.number, "Size": p.size, name: p.checksum} for p in shown]
    return found
