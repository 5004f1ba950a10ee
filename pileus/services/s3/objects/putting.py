"""PutObject.

Source: Amazon S3 API Reference, PutObject; Amazon S3 User Guide, "Uploading objects".
"""

from typing import Any

from pileus.service import Body, Call, must_allow

from .. import events
from ..addressing import find_bucket, object_operation
from ..errors import S3Error, no_such_bucket
from ..lifecycle.expiry import shown_expiry
from ..tables import Bucket, Version, current
from . import checksums, conditions, encryption
from .drafting import Draft, draft
from .intake import Taken, keep_piece, take_in
from .storing import put_version

OBJECT_BYTES_MAX = 5 * 1024**3
GRANTS = frozenset({"GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"})


@object_operation("PutObject")
def put_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    key, body = request["Key"], request.get("Body", b"")
    check_size(call, request, body)
    check_further_permissions(call, bucket, request)
    made = draft(call, bucket, request)
    algorithm = checksums.asked(request, trailing(body))
    conditions.check_write(request, key, current.get(call.tx, bucket.id, key) if _conditional(request) else None)
    md5 = request.get("ContentMD5")
    if md5 is not None:
        checksums.check_md5_form(md5)

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        checksums.check_md5(md5, taken.md5)
        bucket = still_there(call, request)
        if _conditional(request):
            conditions.check_write(request, key, current.get(call.tx, bucket.id, key))
        version = stored(call, bucket, key, made, taken, algorithm)
        events.happened(call, bucket, "ObjectCreated:Put", key, version)
        expiry = shown_expiry(call, bucket, key, version)
        return {**answer(bucket, version), **expiry, "ETag": f'"{version.etag}"'}

    return take_in(call, body, made.sealed.ciphers, algorithm, then)


def stored(call: Call, bucket: Bucket, key: str, made: Draft, taken: Taken, algorithm: str) -> Version:
    """Writes a version of one piece."""
    keep_piece(call.tx, taken)
    # The ETag of what KMS or the customer seals is not the MD5 of the object (API Reference, "Object", ETag).
    etag = taken.md5 if made.seal is None else encryption.opaque_etag(taken)
    version = Version(
        call.now,
        taken.piece.size,
        etag,
        made.owner,
        made.storage,
        algorithm,
        checksums.FULL,
        checksum=taken.checksum,
        pieces=(taken.piece,),
        seal=made.seal,
        headers=made.headers,
        metadata=made.metadata,
        tags=made.tags,
        lock=made.lock,
        acl=made.acl,
        redirect=made.redirect,
    )
    return put_version(call.tx, bucket, key, version, call.now)


def answer(bucket: Bucket, version: Version) -> dict[str, Any]:
    """What every answer to a new version says of it."""
    found = {**encryption.shown(version.seal), **checksums.shown(version)}
    if bucket.versioning:
        found["VersionId"] = version.id or "null"
    return found


def check_further_permissions(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    """Headers that need a permission beside s3:PutObject (PutObject, "Permissions")."""
    if call.caller.principal.kind == "service":
        return  # bucket policies for what S3 itself delivers allow PutObject with its ACL and no more
    resource = f"{bucket.arn}/{request['Key']}"
    own = call.operation.resource_policy(call, request)
    if "Tagging" in request:
        must_allow(call, "s3:PutObjectTagging", resource, own=own)
    if "ACL" in request or not GRANTS.isdisjoint(request):
        must_allow(call, "s3:PutObjectAcl", resource, own=own)
    if "ObjectLockMode" in request or "ObjectLockRetainUntilDate" in request:
        must_allow(call, "s3:PutObjectRetention", resource, own=own)
    if "ObjectLockLegalHoldStatus" in request:
        must_allow(call, "s3:PutObjectLegalHold", resource, own=own)


def still_there(call: Call, request: dict[str, Any]) -> Bucket:
    """The bucket as it is now: it may have changed, or gone, while bytes came in."""
    bucket = find_bucket(call, request["Bucket"])
    if bucket.id != call.subject.id:
        raise no_such_bucket(bucket.name)
    return bucket


def _conditional(request: dict[str, Any]) -> bool:
    return "IfMatch" in request or "IfNoneMatch" in request


def trailing(body: "bytes | Body") -> str | None:
    return None if isinstance(body, bytes) else body.trailing_checksum


def check_size(call: Call, request: dict[str, Any], body: "bytes | Body") -> None:
    declared = request.get("ContentLength", 0)
    size = declared if isinstance(body, bytes) else body.declared_length
    # No length at all is no length of 0; other services' calls have no headers.
    nothing_said = not body and "ContentLength" not in request and call.headers
    if nothing_said or size is None:
        raise S3Error("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
    if (size or declared) > OBJECT_BYTES_MAX:
        raise S3Error(
            "EntityTooLarge",
            400,
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=size or declared,
            MaxSizeAllowed=OBJECT_BYTES_MAX,
        )
