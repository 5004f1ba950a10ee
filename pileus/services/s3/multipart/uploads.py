"""CreateMultipartUpload and AbortMultipartUpload, and how the others find an upload.

Source: Amazon S3 API Reference, CreateMultipartUpload, AbortMultipartUpload; Amazon S3 User Guide, "Uploading and
copying objects using multipart upload".
"""

from typing import Any

from pileus.base import ids
from pileus.service import Call

from ..addressing import object_operation
from ..errors import S3Error, invalid_request
from ..lifecycle.aborts import shown_abort
from ..objects import checksums, encryption
from ..objects.drafting import draft
from ..objects.putting import check_further_permissions
from ..tables import Bucket, Upload, discarded, uploads

FULL_ONLY = ("CRC64NVME",)
COMPOSITE_ONLY = ("SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128")


@object_operation("CreateMultipartUpload", action="PutObject")
def create_multipart_upload(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    key = request["Key"]
    check_further_permissions(call, bucket, request)
    made = draft(call, bucket, request)
    algorithm, kind = _checksum(request)
    upload = Upload(
        _new_id(call.now),
        call.now,
        call.account,
        call.caller.arn,
        made.owner,
        made.storage,
        algorithm,
        kind,
        "ChecksumAlgorithm" in request,
        made.seal,
        made.headers,
        made.metadata,
        made.tags,
        made.lock,
        made.acl,
        made.redirect,
    )
    uploads.put(call.tx, bucket.id, key, upload.id, record=upload)
    answer = {"Bucket": bucket.name, "Key": key, "UploadId": upload.id, **encryption.shown(made.seal)}
    if upload.asked_checksum:
        answer.update(ChecksumAlgorithm=algorithm, ChecksumType=kind)
    return {**answer, **shown_abort(call, bucket, key, upload.begun)}


def _checksum(request: dict[str, Any]) -> tuple[str, str]:
    algorithm, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise invalid_request("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm"
                                  " header.")  # fmt: skip
        return checksums.DEFAULT, checksums.FULL
    if algorithm not in checksums.SIZES:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types"
        )
    if kind not in (None, checksums.FULL, checksums.COMPOSITE):
        raise invalid_request(f"Value for x-amz-checksum-type header is invalid: {kind}")
    kind = kind or (checksums.FULL if algorithm in FULL_ONLY else checksums.COMPOSITE)
    if (kind == checksums.FULL and algorithm in COMPOSITE_ONLY) or (kind != checksums.FULL and algorithm in FULL_ONLY):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return str(algorithm), kind


@object_operation("AbortMultipartUpload")
def abort_multipart_upload(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    key = request["Key"]
    upload = upload_of(call, bucket, request)
    begun = request.get("IfMatchInitiatedTime")
    if begun is not None and int(begun) != int(upload.begun):
        raise S3Error("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold",
                      Condition="x-amz-if-match-initiated-time")  # fmt: skip
    drop_upload(call, bucket, key, upload.id)


def drop_upload(call: Call, bucket: Bucket, key: str, upload_id: str) -> None:
    """From here on the upload is not there; its parts are cleared away afterwards."""
    uploads.delete(call.tx, bucket.id, key, upload_id)
    discarded.put(call.tx, "upload", upload_id, record=call.now)


def upload_of(call: Call, bucket: Bucket, request: dict[str, Any]) -> Upload:
    upload = uploads.get(call.tx, bucket.id, request["Key"], request["UploadId"])
    if upload is None:
        raise no_such_upload(request["UploadId"])
    return upload


def no_such_upload(upload_id: str) -> S3Error:
    return S3Error(
        "NoSuchUpload",
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed.",
        UploadId=upload_id,
    )


def _new_id(now: float) -> str:
    """Opaque; ids of one key rise with time, which is the order of lists."""
    return f"{int(now * 1e6):014x}{ids.unique_hex(82)}"
