"""ListMultipartUploads and ListParts.

Source: Amazon S3 API Reference, ListMultipartUploads, ListParts.
"""

from typing import Any

from pileus.base import arns
from pileus.identity.canonical import canonical_id
from pileus.service import Call

from ..addressing import bucket_operation, object_operation
from ..lifecycle.aborts import shown_abort
from ..listing import pages
from ..tables import Bucket, Upload, parts, uploads
from .uploads import upload_of

UPLOADS_MAX = 1_000
PARTS_MAX = 1_000


@bucket_operation("ListMultipartUploads", action="ListBucketMultipartUploads")
def list_multipart_uploads(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    limit, encode = pages.page_size(request, "MaxUploads", "max-uploads", UPLOADS_MAX), pages.encoder(request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    marker, id_marker = (
        request.get("KeyMarker", ""),
        request.get("UploadIdMarker", "") if request.get("KeyMarker") else "",
    )
    entries: list[tuple[str, Upload | None]] = []
    run = None
    for key, upload in _after(call, bucket, prefix, marker, id_marker):
        if run is not None and key.startswith(run):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at >= 0:
            run = key[: at + len(delimiter)]
            if run == marker:
                continue
            entries.append((run, None))
        else:
            entries.append((key, upload))
        if len(entries) > limit:
            break
    shown, more = entries[:limit], len(entries) > limit and limit > 0
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": encode(marker),
        "UploadIdMarker": id_marker,
        **pages.echoed(request, encode, "Prefix", "Delimiter"),
        "MaxUploads": limit,
        "IsTruncated": more,
    }
    told = [_shown(encode(key), upload) for key, upload in shown if upload is not None]
    runs = [{"Prefix": encode(key)} for key, upload in shown if upload is None]
    if told:
        answer["Uploads"] = told
    if runs:
        answer["CommonPrefixes"] = runs
    if more:
        key, upload = shown[-1]
        answer["NextKeyMarker"] = encode(key)
        answer["NextUploadIdMarker"] = upload.id if upload is not None else ""
    return answer


def _after(call: Call, bucket: Bucket, prefix: str, marker: str, id_marker: str) -> Any:
    """Uploads by key, the oldest of a key first, beyond the markers."""
    after: tuple[Any, ...] | None = None
    if marker:
        # Without an upload's id, all uploads of the marker's key are behind us.
        after = (marker, id_marker or "\U0010ffff")
    while True:
        batch = list(uploads.scan(call.tx, bucket.id, begins=prefix, after=after, limit=200))
        for key, upload in batch:
            yield str(key[0]), upload
        if len(batch) < 200:
            return
        after = batch[-1][0]


def _shown(key: str, upload: Upload) -> dict[str, Any]:
    shown = {
        "UploadId": upload.id,
        "Key": key,
        "Initiated": upload.begun,
        "StorageClass": upload.storage or "STANDARD",
        "Owner": pages.owner(upload.owner),
        "Initiator": _initiator(upload),
    }
    if upload.asked_checksum:
        shown.update(ChecksumAlgorithm=upload.algorithm, ChecksumType=upload.checksum_type)
    return shown


def _initiator(upload: Upload) -> dict[str, str]:
    """A user by ARN, an account's root by its canonical id."""
    if upload.arn and not upload.arn.endswith(":root"):
        return {"ID": upload.arn, "DisplayName": arns.parse(upload.arn).resource.rpartition("/")[2]}
    return {"ID": canonical_id(upload.account)}


@object_operation("ListParts", action="ListMultipartUploadParts")
def list_parts(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    limit = pages.page_size(request, "MaxParts", "max-parts", PARTS_MAX)
    marker = pages.part_marker(request)
    upload = upload_of(call, bucket, request)
    found = list(parts.scan(call.tx, upload.id, after=(marker,), limit=limit + 1))
    shown, more = found[:limit], len(found) > limit
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": request["Key"],
        "UploadId": upload.id,
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1][0][0] if shown else 0),
        "MaxParts": limit,
        "IsTruncated": more,
        "Parts": [
            {
                "PartNumber": key[0],
                "LastModified": part.modified,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **({f"Checksum{upload.algorithm}": part.checksum} if upload.asked_checksum else {}),
            }
            for key, part in shown
        ],
        "Initiator": _initiator(upload),
        "Owner": pages.owner(upload.owner),
        "StorageClass": upload.storage or "STANDARD",
        **shown_abort(call, bucket, request["Key"], upload.begun),
    }
    if upload.asked_checksum:
        answer.update(ChecksumAlgorithm=upload.algorithm, ChecksumType=upload.checksum_type)
    return answer
