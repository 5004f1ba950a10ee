"""CompleteMultipartUpload: the parts become an object, in one transaction.

Source: Amazon S3 API Reference, CompleteMultipartUpload; Amazon S3 User Guide, "Checking object integrity in Amazon
S3" (composite and full-object checksums). Completing again what is completed gives the same answer.
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import quote

import orjson

from pileus.base import ids
from pileus.base.checksums import checksum, combined
from pileus.service import Call

from .. import events
from ..addressing import object_operation
from ..errors import S3Error, bad_digest, invalid_request, malformed_xml
from ..lifecycle.expiry import shown_expiry
from ..objects import checksums, conditions
from ..objects.putting import answer
from ..objects.storing import find_version, put_version, release_piece
from ..tables import (
    Bucket,
    Completed,
    Layout,
    Part,
    Upload,
    UploadedPart,
    Version,
    completed,
    current,
    discarded,
    layouts,
    parts,
    uploads,
)
from .uploading import PARTS_MAX, part_ciphers
from .uploads import no_such_upload

PART_BYTES_MIN = 5 * 1024**2
OBJECT_BYTES_MAX = 50 * 1024**4
PIECES_INLINE_MAX = 8

Chosen = list[tuple[int, UploadedPart]]


@object_operation("CompleteMultipartUpload", action="PutObject")
def complete_multipart_upload(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    key, listed = request["Key"], request.get("MultipartUpload", {}).get("Parts", [])
    upload = uploads.get(call.tx, bucket.id, key, request["UploadId"])
    manifest = hashlib.sha256(orjson.dumps([[p.get("PartNumber"), p.get("ETag")] for p in listed])).hexdigest()
    if upload is None:
        return _again(call, bucket, request, manifest)
    if upload.seal is not None and upload.seal.kind == "C" and "SSECustomerKey" in request:
        part_ciphers(call, bucket, upload, request)
    chosen = _chosen(call, upload, listed)
    size = sum(part.size for _, part in chosen)
    if "MpuObjectSize" in request and request["MpuObjectSize"] != size:
        raise invalid_request("The provided 'x-amz-mp-object-size' header does not match what was computed.")
    conditions.check_write(request, key, current.get(call.tx, bucket.id, key))
    total = _checksum(upload, chosen, request)
    version = _version(call, upload, chosen, size, total)
    version = put_version(call.tx, bucket, key, version, call.now)
    _put_away(call, bucket, key, upload, chosen)
    done = Completed(call.now, key, version.id, version.etag, manifest)
    completed.put(call.tx, bucket.id, upload.id, record=done)
    events.happened(call, bucket, "ObjectCreated:CompleteMultipartUpload", key, version)
    return _answer(call, bucket, key, version)


def _answer(call: Call, bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    told = {name: value for name, value in answer(bucket, version).items() if not name.startswith("SSECustomer")}
    return {
        "Location": f"{call.endpoint}/{bucket.name}/{quote(key, safe='/~')}",
        "Bucket": bucket.name,
        "Key": key,
        "ETag": f'"{version.etag}"',
        **told,
        **shown_expiry(call, bucket, key, version),
    }


def _again(call: Call, bucket: Bucket, request: dict[str, Any], manifest: str) -> dict[str, Any]:
    done = completed.get(call.tx, bucket.id, request["UploadId"])
    if done is None or done.key != request["Key"] or done.manifest != manifest:
        raise no_such_upload(request["UploadId"])
    version = find_version(call.tx, bucket, done.key, done.version_id or None)
    if version is None or version.etag != done.etag:
        raise no_such_upload(request["UploadId"])
    return _answer(call, bucket, done.key, version)


def _chosen(call: Call, upload: Upload, listed: list[dict[str, Any]]) -> Chosen:
    """The parts the list names, in its order, which must be ascending."""
    if not listed or len(listed) > PARTS_MAX:
        raise malformed_xml()
    chosen: Chosen = []
    last = 0
    for entry in listed:
        number, etag = entry.get("PartNumber"), entry.get("ETag")
        if number is None or etag is None:
            raise malformed_xml()
        if number <= last:
            raise S3Error(
                "InvalidPartOrder",
                400,
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
                UploadId=upload.id,
            )
        last = number
        part = parts.get(call.tx, upload.id, number)
        if part is None or part.etag != etag.strip('"'):
            raise S3Error(
                "InvalidPart",
                400,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the"
                " specified entity tag may not match the part's entity tag.",
                UploadId=upload.id,
                PartNumber=number,
                ETag=etag.strip('"'),
            )
        carried = checksums.given(entry)
        if carried is not None and carried != (upload.algorithm, part.checksum):
            raise S3Error(
                "InvalidPart",
                400,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the"
                " specified checksum may not match the part's checksum.",
                UploadId=upload.id,
                PartNumber=number,
            )
        chosen.append((number, part))
    for number, part in chosen[:-1]:
        if part.size < PART_BYTES_MIN:
            raise S3Error(
                "EntityTooSmall",
                400,
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size,
                MinSizeAllowed=PART_BYTES_MIN,
                PartNumber=number,
                ETag=part.etag,
            )
    return chosen


def _checksum(upload: Upload, chosen: Chosen, request: dict[str, Any]) -> str:
    """The object's own checksum, from its parts'; and whether it is what the request says."""
    kind = request.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type and upload.asked_checksum:
        raise invalid_request(
            f"The upload was created using the {upload.checksum_type} checksum mode. The complete request must use the"
            " same checksum mode."
        )
    if upload.checksum_type == checksums.COMPOSITE:
        digest = checksum(upload.algorithm)
        for _, part in chosen:
            digest.update(b64decode(part.checksum))
        total = f"{b64encode(digest.digest()).decode()}-{len(chosen)}"
    else:
        value = int.from_bytes(b64decode(chosen[0][1].checksum), "big")
        for _, part in chosen[1:]:
            value = combined(upload.algorithm, value, int.from_bytes(b64decode(part.checksum), "big"), part.size)
        total = b64encode(value.to_bytes(checksums.SIZES[upload.algorithm], "big")).decode()
    for member, algorithm in checksums.MEMBERS.items():
        wanted = request.get(member)
        if wanted is not None and (
            algorithm != upload.algorithm or wanted.partition("-")[0] != total.partition("-")[0]
        ):
            raise bad_digest(f"The {algorithm} you specified did not match the calculated checksum.")
    return total


def _version(call: Call, upload: Upload, chosen: Chosen, size: int, total: str) -> Version:
    if size > OBJECT_BYTES_MAX:
        raise S3Error("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size", ProposedSize=size,
                      MaxSizeAllowed=OBJECT_BYTES_MAX)  # fmt: skip
    digests = b"".join(bytes.fromhex(part.etag) for _, part in chosen)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(chosen)}"
    pieces = tuple(part.piece for _, part in chosen)
    told = tuple(Part(number, part.size, part.checksum) for number, part in chosen)
    layout = 0
    if len(pieces) > PIECES_INLINE_MAX:
        layout = ids.secret_int()
        layouts.put(call.tx, layout, record=Layout(pieces, told))
        pieces, told = (), ()
    return Version(
        call.now,
        size,
        etag,
        upload.owner,
        upload.storage,
        upload.algorithm,
        upload.checksum_type,
        checksum=total,
        pieces=pieces,
        parts=told,
        layout=layout,
        seal=upload.seal,
        headers=upload.headers,
        metadata=upload.metadata,
        tags=upload.tags,
        lock=upload.lock,
        acl=upload.acl,
        redirect=upload.redirect,
    )


def _put_away(call: Call, bucket: Bucket, key: str, upload: Upload, chosen: Chosen) -> None:
    """The upload is over: what became part of the object stays, the parts nobody named go."""
    used = {number for number, _ in chosen}
    uploads.delete(call.tx, bucket.id, key, upload.id)
    for (number,), part in list(parts.scan(call.tx, upload.id, limit=PARTS_MAX)):
        if number not in used:
            release_piece(call.tx, part.piece)
        parts.delete(call.tx, upload.id, number)
    discarded.delete(call.tx, "upload", upload.id)
