"""ListObjects and ListObjectsV2.

Source: Amazon S3 API Reference, ListObjectsV2, ListObjects.
"""

from collections.abc import Sequence
from typing import Any

from pileus.model import Rows
from pileus.service import Call
from pileus.service.paginate import BadToken, seal, unseal

from ..addressing import bucket_operation
from ..errors import invalid_argument
from ..tables import Bucket, Listed
from . import pages, walk
from .walk import Found


@bucket_operation("ListObjectsV2", action="ListBucket")
def list_objects_v2(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    limit, encode = pages.page_size(request, "MaxKeys", "max-keys"), pages.encoder(request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    purpose = f"s3.list {bucket.id}"
    token, after, rolled = request.get("ContinuationToken"), request.get("StartAfter"), False
    if token is not None:
        try:
            after, rolled = unseal(purpose, token)
        except BadToken:
            raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
    found = walk.objects(call.tx, bucket.id, prefix, delimiter, after or None, rolled, limit + 1) if limit else []
    shown, more = found[:limit], len(found) > limit
    fetch_owner = bool(request.get("FetchOwner"))
    answer = {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        **pages.echoed(request, encode, "Delimiter", "StartAfter"),
        "MaxKeys": limit,
        "KeyCount": len(shown),
        "IsTruncated": more,
        **_entries(request, shown, encode, fetch_owner),
    }
    if token is not None:
        answer["ContinuationToken"] = token
    if more:
        last = shown[-1]
        answer["NextContinuationToken"] = seal(purpose, (last[0], last[1] is None))
    return answer


@bucket_operation("ListObjects", action="ListBucket")
def list_objects(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    limit, encode = pages.page_size(request, "MaxKeys", "max-keys"), pages.encoder(request)
    prefix, delimiter, marker = request.get("Prefix", ""), request.get("Delimiter", ""), request.get("Marker", "")
    # A marker that is a run of keys (a page's last common prefix) has the run behind it.
    rolled = bool(delimiter) and marker.endswith(delimiter) and len(marker) > len(prefix)
    rolled = rolled and marker.find(delimiter, len(prefix)) + len(delimiter) == len(marker)
    found = walk.objects(call.tx, bucket.id, prefix, delimiter, marker or None, rolled, limit + 1) if limit else []
    shown, more = found[:limit], len(found) > limit
    answer = {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Marker": encode(marker),
        **pages.echoed(request, encode, "Delimiter"),
        "MaxKeys": limit,
        "IsTruncated": more,
        **_entries(request, shown, encode, True),
    }
    if more and delimiter:
        answer["NextMarker"] = encode(shown[-1][0])
    return answer


def _entries(request: dict[str, Any], found: list[Found], encode: Any, with_owner: bool) -> dict[str, Any]:
    keys = [one for one in found if one[1] is not None]
    answer: dict[str, Any] = {}
    if keys:
        names, records = zip(*keys, strict=True)
        columns = _columns(pages.encoded(names, encode), records)
        if with_owner:
            columns["Owner"] = [pages.owner(record.owner) for record in records]
        answer["Contents"] = Rows(columns)
        if "RestoreStatus" in request.get("OptionalObjectAttributes", ()):
            rows = zip(answer["Contents"], records, strict=True)
            answer["Contents"] = [row | (restore_status(record) if record.storage else {}) for row, record in rows]
    if len(keys) < len(found):
        answer["CommonPrefixes"] = [{"Prefix": encode(name)} for name, record in found if record is None]
    return answer


def _columns(names: Sequence[str], records: Sequence[Listed]) -> dict[str, Any]:
    return {
        "Key": names,
        "LastModified": [int(record.modified) for record in records],
        "ETag": [f'"{record.etag}"' for record in records],
        "ChecksumAlgorithm": [[record.checksum_algorithm] for record in records],
        "ChecksumType": [record.checksum_type for record in records],
        "Size": [record.size for record in records],
        "StorageClass": [record.storage or "STANDARD" for record in records],
    }


def restore_status(record: Any) -> dict[str, Any]:
    """What a list says of an archived object's restoration."""
    if record.restoring:
        return {"RestoreStatus": {"IsRestoreInProgress": True}}
    if record.restored_until:
        return {"RestoreStatus": {"IsRestoreInProgress": False, "RestoreExpiryDate": record.restored_until}}
    return {}
