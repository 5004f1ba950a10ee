"""UploadPart and UploadPartCopy.

Source: Amazon S3 API Reference, UploadPart, UploadPartCopy; Amazon S3 User Guide, "Amazon S3 multipart upload limits".
"""

import re
from typing import Any

from pileus.service import Call

from ..addressing import object_operation
from ..errors import S3Error, invalid_argument, invalid_request
from ..objects import checksums, encryption
from ..objects.copying import Origin, find_origin, take_copy
from ..objects.intake import Taken, keep_piece, take_in
from ..objects.putting import check_size, still_there, trailing
from ..objects.sealing import Ciphers
from ..objects.storing import release_piece
from ..tables import Bucket, Upload, UploadedPart, parts
from .uploads import upload_of

PARTS_MAX = 10_000
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


@object_operation("UploadPart", action="PutObject")
def upload_part(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    body = request.get("Body", b"")
    check_size(call, request, body)
    upload, ciphers = _addressed(call, bucket, request)
    algorithm = _algorithm(upload, request, checksums.asked(request, trailing(body)))
    md5 = request.get("ContentMD5")
    if md5 is not None:
        checksums.check_md5_form(md5)

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        checksums.check_md5(md5, taken.md5)
        part = _kept(call, bucket, request, taken)
        answer: dict[str, Any] = {"ETag": f'"{part.etag}"', **encryption.shown(upload.seal)}
        if upload.asked_checksum or checksums.given(request) or trailing(body):
            answer[f"Checksum{algorithm}"] = part.checksum
        return answer

    return take_in(call, body, ciphers, algorithm, then)


@object_operation("UploadPartCopy", action="PutObject")
def upload_part_copy(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    upload, ciphers = _addressed(call, bucket, request)
    origin = find_origin(call, request)
    start, stop = _copied_range(request.get("CopySourceRange"), origin)
    if stop - start > 5 * 1024**3:
        raise invalid_request("The specified copy source is larger than the maximum allowable size for a copy source: "
                              "5368709120")  # fmt: skip

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        part = _kept(call, bucket, request, taken)
        result: dict[str, Any] = {"ETag": f'"{part.etag}"', "LastModified": part.modified}
        if upload.asked_checksum:
            result[f"Checksum{upload.algorithm}"] = part.checksum
        answer: dict[str, Any] = {"CopyPartResult": result, **encryption.shown(upload.seal)}
        if origin.bucket.versioning:
            answer["CopySourceVersionId"] = origin.version.id or "null"
        return answer

    return take_copy(call, origin, start, stop, ciphers, upload.algorithm, then)


def _addressed(call: Call, bucket: Bucket, request: dict[str, Any]) -> tuple[Upload, Ciphers]:
    number = request["PartNumber"]
    if not 1 <= number <= PARTS_MAX:
        raise invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)
    upload = upload_of(call, bucket, request)
    return upload, part_ciphers(call, bucket, upload, request)


def part_ciphers(call: Call, bucket: Bucket, upload: Upload, request: dict[str, Any]) -> Ciphers:
    """Every part of an SSE-C upload must bring the same key."""
    given = encryption.customer_key(request)
    if (given is not None) != (upload.seal is not None and upload.seal.kind == "C"):
        raise invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate"
            " encryption parameters."
            if given is None
            else "The multipart upload initiate did not request encryption with a customer's key."
        )
    return encryption.opened_by(call, bucket, upload.seal, given)


def _algorithm(upload: Upload, request: dict[str, Any], asked: str) -> str:
    """Parts are checked with the algorithm their upload began with."""
    carried = checksums.given(request) is not None or asked != checksums.DEFAULT
    if carried and asked != upload.algorithm and upload.asked_checksum:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum"
            f" Type: {asked.lower()}"
        )
    return upload.algorithm


def _kept(call: Call, bucket: Bucket, request: dict[str, Any], taken: Taken) -> UploadedPart:
    """The upload may have been completed or given up while the part came in: then the part comes too late."""
    still_there(call, request)
    upload = upload_of(call, bucket, request)
    number = request["PartNumber"]
    old = parts.get(call.tx, upload.id, number)
    if old is not None:
        release_piece(call.tx, old.piece)
    keep_piece(call.tx, taken)
    etag = taken.md5 if upload.seal is None else encryption.opaque_etag(taken)
    part = UploadedPart(call.now, taken.piece.size, etag, taken.checksum, taken.piece)
    parts.put(call.tx, upload.id, number, record=part)
    return part


def _copied_range(text: str | None, origin: Origin) -> tuple[int, int]:
    size = origin.version.size
    if text is None:
        return 0, size
    found = _RANGE.fullmatch(text.strip())
    if found is None or int(found[1]) > int(found[2]):
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            text,
        )
    if int(found[2]) >= size:
        raise S3Error(
            "InvalidArgument",
            400,
            f"Range specified is not valid for source object of size: {size}",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=text,
        )
    return int(found[1]), int(found[2]) + 1
