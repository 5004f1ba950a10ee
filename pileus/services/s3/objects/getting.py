"""GetObject and HeadObject: bytes, ranges of them, parts of them, and what is known of them.

Source: Amazon S3 API Reference, GetObject, HeadObject; Amazon S3 User Guide, "Downloading objects"; RFC 9110, "Range
requests" (S3 answers one range a request).
"""

from typing import Any

from pileus.base.clock import http_date
from pileus.service import AccessDenied, Call, Reply

from ..access.permission import must_allow_bucket
from ..addressing import object_operation
from ..archive.states import check_readable, shown_restore
from ..errors import S3Error, access_denied, invalid_argument, method_not_allowed, no_such_key, no_such_version
from ..lifecycle.expiry import shown_expiry
from ..protection.lock import shown_lock
from ..tables import Bucket, Part, Version
from . import checksums, conditions, encryption
from .outflow import Source, read_small
from .storing import NULL, contents, find_version, newest

OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


@object_operation("GetObject", versioned="GetObjectVersion")
def get_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    version = readable(call, bucket, request)
    check_readable(call, version)
    ciphers = encryption.opened(call, bucket, version, request)
    found = described(call, bucket, request["Key"], version, request)
    pieces, parts = contents(call.tx, version)
    start, stop = _asked_range(call, request, version, parts, found)
    found["ContentLength"] = stop - start
    if len(pieces) == 1 and pieces[0].small:
        found["Body"] = read_small(call.tx, pieces[0], ciphers)[start:stop]
        return _answer(found)
    if start == stop:
        found["Body"] = b""
        return _answer(found)
    found["Body"] = Source(call, pieces, ciphers, start, stop)
    return _answer(found)


@object_operation("HeadObject", action="GetObject", versioned="GetObjectVersion")
def head_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    version = readable(call, bucket, request)
    encryption.check_known(call, version, request)
    found = described(call, bucket, request["Key"], version, request)
    start, stop = _asked_range(call, request, version, contents(call.tx, version)[1], found)
    return _answer({**found, "ContentLength": stop - start})


def _answer(found: dict[str, Any]) -> Any:
    return Reply(found, 206) if "ContentRange" in found else found


def readable(call: Call, bucket: Bucket, request: dict[str, Any]) -> Version:
    """The version a request asks for, once its conditions hold. Raises S3's error when there is none to be read."""
    encryption.check_not_asked(call)
    key, wanted = request["Key"], request.get("VersionId")
    version = version_asked(call, bucket, key, wanted)
    if version.marker:
        raise marked(version, method_not_allowed(call.operation.model.http_method, "DeleteMarker"))
    conditions.check_read(request, version)
    return version


def version_asked(call: Call, bucket: Bucket, key: str, wanted: str | None) -> Version:
    """May be a delete marker when a version id names it."""
    version = find_version(call.tx, bucket, key, wanted)
    if version is not None:
        return version
    may_know(call, bucket)
    if wanted is not None:
        if wanted != NULL and not _possible_id(wanted):
            raise invalid_argument("Invalid version id specified", "versionId", wanted)
        raise no_such_version(key, wanted)
    top = newest(call.tx, bucket, key) if bucket.versioning else None
    raise no_such_key(key) if top is None else marked(top, no_such_key(key))


def may_know(call: Call, bucket: Bucket) -> None:
    """Who may not list a bucket is not told what is not in it (GetObject, "Permissions")."""
    try:
        must_allow_bucket(call, bucket, "s3:ListBucket")
    except AccessDenied:
        raise access_denied() from None


def marked(marker: Version, error: S3Error) -> S3Error:
    """An error that says that a delete marker is why."""
    error.headers["x-amz-delete-marker"] = "true"
    error.headers["x-amz-version-id"] = marker.id or NULL
    if error.status == 405:
        error.headers["last-modified"] = http_date(marker.modified)
        error.headers["allow"] = "DELETE"
    return error


def described(call: Call, bucket: Bucket, key: str, version: Version, request: dict[str, Any]) -> dict[str, Any]:
    """A version as the headers of an answer."""
    found: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": version.modified,
        "ETag": f'"{version.etag}"',
        **version.headers,
        **encryption.shown(version.seal),
    }
    if version.metadata:
        found["Metadata"] = version.metadata
    if bucket.versioning:
        found["VersionId"] = version.id or NULL
    if version.storage:
        found["StorageClass"] = version.storage
    if version.tags:
        found["TagCount"] = len(version.tags)
    if version.redirect:
        found["WebsiteRedirectLocation"] = version.redirect
    if version.replication:
        found["ReplicationStatus"] = version.replication
    if version.lock is not None:
        found.update(shown_lock(call, bucket, key, version))
    if version.restoring or version.restored_until:
        found.update(shown_restore(call, version))
    if "lifecycle" in bucket.configured:
        found.update(shown_expiry(call, bucket, key, version))
    if request.get("ChecksumMode") == "ENABLED":
        found.update(checksums.shown(version))
    _override(call, request, found)
    return found


def _override(call: Call, request: dict[str, Any], found: dict[str, Any]) -> None:
    """A signed request may say under which headers it wants the object."""
    for member in OVERRIDES.keys() & request.keys():
        if call.caller.key is None:
            raise S3Error(
                "InvalidRequest", 400, "Request specific response headers cannot be used for anonymous GET requests."
            )
        value = request[member]
        found[OVERRIDES[member]] = http_date(value) if isinstance(value, float | int) else value


def _asked_range(
    call: Call, request: dict[str, Any], version: Version, parts: tuple[Part, ...], found: dict[str, Any]
) -> tuple[int, int]:
    """The bytes asked for: [start, stop). Tells of a part or a range in `found`."""
    number, text = request.get("PartNumber"), request.get("Range")
    if number is not None:
        if text is not None:
            raise S3Error("InvalidRequest", 400, "Cannot specify both Range header and partNumber query parameter.")
        start, stop = _part(version, parts, number, found)
    else:
        wanted = text is not None and conditions.range_counts(call.headers.get("if-range"), version)
        bounds = parsed_range(text, version.size) if text is not None and wanted else None
        if bounds is None:
            return 0, version.size
        start, stop = bounds
        for name in [name for name in found if name.startswith("Checksum")]:
            del found[name]  # it is the whole object's
    if stop > start:
        found["ContentRange"] = f"bytes {start}-{stop - 1}/{version.size}"
    return start, stop


def _part(version: Version, parts: tuple[Part, ...], number: int, found: dict[str, Any]) -> tuple[int, int]:
    """The bytes of one part: of the `number`th, whatever number it was uploaded under."""
    count = max(1, len(parts))
    if not 1 <= number <= count:
        raise S3Error(
            "InvalidPartNumber",
            416,
            "The requested partnumber is not satisfiable",
            ActualPartCount=count,
            PartNumberRequested=number,
        )
    if not parts:
        return 0, version.size
    found["PartsCount"] = count
    start = sum(part.size for part in parts[: number - 1])
    part = parts[number - 1]
    for name in [name for name in found if name.startswith("Checksum")]:
        del found[name]
    if part.checksum and "ChecksumMode" in found:
        found[f"Checksum{version.checksum_algorithm}"] = part.checksum
    return start, start + part.size


def parsed_range(text: str, size: int) -> tuple[int, int] | None:
    """[start, stop) of `bytes=…`; None when the header is none that S3 reads, which is then as if it were not there."""
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec:
        return None
    if not all(part == "" or (part.isascii() and part.isdigit() and len(part) < 19) for part in (first, last)):
        return None
    if not first and not last:
        return None
    if not first:
        start, stop = max(0, size - int(last)), size
        bad = int(last) == 0 or size == 0
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
        bad = start >= size
    if bad:
        error = S3Error(
            "InvalidRange", 416, "The requested range is not satisfiable", RangeRequested=text, ActualObjectSize=size
        )
        error.headers["content-range"] = f"bytes */{size}"
        raise error
    return start, stop


def _possible_id(version_id: str) -> bool:
    return len(version_id) == 32 and version_id.isascii()
