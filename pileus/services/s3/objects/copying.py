"""CopyObject, and how a copy's source is found and read.

Source: Amazon S3 API Reference, CopyObject; Amazon S3 User Guide, "Copying, moving, and renaming objects". A copy is
read, unsealed, sealed anew and written in worker threads: its bytes never have the same key twice.
"""

from typing import Any, NamedTuple
from urllib.parse import unquote

from pileus.base.checksums import checksum
from pileus.base.threads import threaded
from pileus.service import Call, Outside

from .. import events
from ..access.payment import check_payer
from ..access.permission import must_allow_object
from ..addressing import find_bucket, object_operation
from ..archive.states import check_readable
from ..errors import access_denied, invalid_argument, invalid_request
from ..names import check_key
from ..tables import Bucket, Piece, Version, current
from . import checksums, conditions, encryption
from .drafting import SYSTEM, Draft, draft
from .getting import version_asked
from .intake import SMALL_BYTES_MAX, Sealing, Taken, concluded, take_small
from .outflow import Source, read_all, read_small
from .putting import OBJECT_BYTES_MAX, answer, check_further_permissions, still_there, stored
from .sealing import Ciphers
from .storing import contents

DIRECTIVES = ("COPY", "REPLACE")


class Origin(NamedTuple):
    """What is copied."""

    bucket: Bucket
    key: str
    version: Version
    pieces: tuple[Piece, ...]
    ciphers: Ciphers


def find_origin(call: Call, request: dict[str, Any]) -> Origin:
    """The source of a copy: found, permitted, readable, and as the conditions want it."""
    name, key, version_id = parsed_source(request["CopySource"])
    bucket = find_bucket(call, name)
    expected = request.get("ExpectedSourceBucketOwner")
    if expected is not None and expected != bucket.account:
        raise access_denied()
    if bucket.requester_pays:
        check_payer(call, bucket, request)
    action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
    must_allow_object(call, bucket, action, key, version_id, reads=True)
    version = version_asked(call, bucket, key, version_id)
    if version.marker:
        raise invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        )
    conditions.check_copy_source(request, version)
    check_readable(call, version)
    ciphers = encryption.opened(call, bucket, version, request, "CopySource")
    return Origin(bucket, key, version, contents(call.tx, version)[0], ciphers)


def parsed_source(text: str) -> tuple[str, str, str | None]:
    """(bucket, key, version id) of an x-amz-copy-source header."""
    path, mark, query = text.partition("?")
    if mark and not query.startswith("versionId="):
        path, query = text, ""  # the question mark is the key's
    bucket, slash, key = unquote(path).removeprefix("/").partition("/")
    if not slash or not bucket or not key:
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text
        )
    if bucket.startswith("arn:"):
        raise invalid_argument("Access points are not supported as the source of a copy", "x-amz-copy-source", text)
    check_key(key)
    version = unquote(query.removeprefix("versionId=")) if query else None
    return bucket, key, version or None


@object_operation("CopyObject", action="PutObject")
def copy_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    key = request["Key"]
    origin = find_origin(call, request)
    if origin.version.size > OBJECT_BYTES_MAX:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
        )
    check_further_permissions(call, bucket, request)
    made = _drafted(call, bucket, request, origin)
    _check_changes(bucket, request, origin, made)
    algorithm = _algorithm(request, origin.version)

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        bucket = still_there(call, request)
        conditions.check_write(request, key, current.get(call.tx, bucket.id, key))
        version = stored(call, bucket, key, made, taken, algorithm)
        events.happened(call, bucket, "ObjectCreated:Copy", key, version)
        found = answer(bucket, version)
        result = {"ETag": f'"{version.etag}"', "LastModified": version.modified, **checksums.shown(version)}
        found = {name: value for name, value in found.items() if not name.startswith("Checksum")}
        if origin.bucket.versioning:
            found["CopySourceVersionId"] = origin.version.id or "null"
        return {"CopyObjectResult": result, **found}

    return take_copy(call, origin, 0, origin.version.size, made.sealed.ciphers, algorithm, then)


def _drafted(call: Call, bucket: Bucket, request: dict[str, Any], origin: Origin) -> Draft:
    """What the copy is to be: the source's own metadata and tags, unless the directives say otherwise."""
    for member in ("MetadataDirective", "TaggingDirective"):
        if request.get(member, "COPY") not in DIRECTIVES:
            name = "metadata" if member == "MetadataDirective" else "tagging"
            raise invalid_argument(f"Unknown {name} directive.", f"x-amz-{name}-directive", request[member])
    if request.get("AnnotationDirective", "COPY") != "COPY":
        raise invalid_argument("Annotations are not supported", "x-amz-object-annotation-directive")
    source = origin.version
    keeps = request.get("MetadataDirective", "COPY") == "COPY"
    asked = dict(request)
    if keeps:
        for name in (*SYSTEM, "Metadata"):
            asked.pop(name, None)
    made = draft(call, bucket, asked)
    if keeps:
        made = made._replace(headers=source.headers, metadata=source.metadata)
    if request.get("TaggingDirective", "COPY") == "COPY":
        if source.tags:
            must_allow_object(call, origin.bucket, "s3:GetObjectTagging", origin.key, reads=True)
            must_allow_object(call, bucket, "s3:PutObjectTagging", request["Key"], reads=False)
        made = made._replace(tags=source.tags)
    return made


def _check_changes(bucket: Bucket, request: dict[str, Any], origin: Origin, made: Draft) -> None:
    """An object may be copied onto itself only to change something of it."""
    same = origin.bucket.id == bucket.id and origin.key == request["Key"] and "versionId=" not in request["CopySource"]
    if not same:
        return
    changed = (
        request.get("MetadataDirective") == "REPLACE"
        or "StorageClass" in request
        or "WebsiteRedirectLocation" in request
        or "ServerSideEncryption" in request
        or "SSECustomerAlgorithm" in request
        or "ChecksumAlgorithm" in request
        or made.storage != origin.version.storage
        or (made.seal is None) != (origin.version.seal is None)
    )
    if not changed:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes."
        )


def _algorithm(request: dict[str, Any], source: Version) -> str:
    named = request.get("ChecksumAlgorithm")
    if named is not None and named not in checksums.SIZES:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types"
        )
    return str(named or source.checksum_algorithm or checksums.DEFAULT)


def take_copy(call: Call, origin: Origin, start: int, stop: int, ciphers: Ciphers, algorithm: str, then: Any) -> Any:
    """Copies bytes of the source to a new piece and answers `then(call, taken)`."""
    if stop - start <= SMALL_BYTES_MAX and all(piece.small for piece in origin.pieces):
        data = b"".join(read_small(call.tx, piece, origin.ciphers) for piece in origin.pieces)[start:stop]
        return then(call, take_small(call, data, ciphers, algorithm))
    source = Source(call, origin.pieces, origin.ciphers, start, stop)

    sealing = Sealing(call.cloud.blobs, ciphers, checksum(algorithm))

    async def work() -> Any:
        try:
            taken = await threaded(_copied, source, sealing)
        except BaseException:
            sealing.abort()
            raise
        finally:
            source.close()
        return await concluded(call, taken, then)

    return Outside(work)


def _copied(source: Source, sealing: Sealing) -> Taken:
    for block in read_all(source):
        sealing.take_all(block)
    return sealing.finish()
