"""Conditional requests: reads that want something newer, writes that must not overwrite.

Source: Amazon S3 User Guide, "Add preconditions to S3 operations with conditional requests"; Amazon S3 API Reference,
GetObject, PutObject, CopyObject; RFC 9110, "Conditional requests", whose order of precedence S3 keeps.
"""

from typing import Any

from pileus.base.clock import http_date

from ..errors import S3Error, no_such_key, not_implemented, precondition_failed
from ..tables import Version


def _names(header: str, etag: str) -> bool:
    """Whether a list of entity tags names this one."""
    if header.strip() == "*":
        return True
    names = (name.strip().removeprefix("W/").strip('"') for name in header.split(","))
    return etag in names


def check_read(request: dict[str, Any], version: Version) -> None:
    """Raises 412, or 304 for what the caller has already."""
    match, modified_before = request.get("IfMatch"), request.get("IfUnmodifiedSince")
    if match is not None:
        if not _names(match, version.etag):
            raise precondition_failed("If-Match")
    elif modified_before is not None and int(version.modified) > modified_before:
        raise precondition_failed("If-Unmodified-Since")
    other, modified_after = request.get("IfNoneMatch"), request.get("IfModifiedSince")
    if other is not None:
        if _names(other, version.etag):
            raise _not_modified(version)
    elif modified_after is not None and int(version.modified) <= modified_after:
        raise _not_modified(version)


def range_counts(if_range: str | None, version: Version) -> bool:
    """Whether a range is still one of what its reader has a part of. If not, all of the object is sent (RFC 9110,
    "If-Range"): both validators are compared as they are, and a weak one never fits."""
    return if_range is None or if_range.strip() in (f'"{version.etag}"', http_date(version.modified))


def _not_modified(version: Version) -> S3Error:
    error = S3Error("NotModified", 304, "Not Modified")
    error.headers["ETag"] = f'"{version.etag}"'
    return error


def check_copy_source(request: dict[str, Any], source: Version) -> None:
    """The conditions on what is copied: here everything that does not hold is a 412 (CopyObject)."""
    match, before = request.get("CopySourceIfMatch"), request.get("CopySourceIfUnmodifiedSince")
    if match is not None:
        if not _names(match, source.etag):
            raise precondition_failed("x-amz-copy-source-If-Match")
    elif before is not None and int(source.modified) > before:
        raise precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    other, after = request.get("CopySourceIfNoneMatch"), request.get("CopySourceIfModifiedSince")
    if other is not None:
        if _names(other, source.etag):
            raise precondition_failed("x-amz-copy-source-If-None-Match")
    elif after is not None and int(source.modified) <= after:
        raise precondition_failed("x-amz-copy-source-If-Modified-Since")


def check_delete(request: dict[str, Any], key: str, there: Version | None) -> None:
    """DeleteObject's conditions; what is not there meets none of them."""
    match, size = request.get("IfMatch"), request.get("IfMatchSize")
    modified = request.get("IfMatchLastModifiedTime")
    if match is None and size is None and modified is None:
        return
    if there is None:
        raise no_such_key(key)
    if match is not None and not _names(str(match), there.etag):
        raise precondition_failed("If-Match")
    if size is not None and size != there.size:
        raise precondition_failed("x-amz-if-match-size")
    if modified is not None and int(modified) != int(there.modified):
        raise precondition_failed("x-amz-if-match-last-modified-time")


def check_write(request: dict[str, Any], key: str, there: Version | None) -> None:
    """`there`: the current version, None when there is none or a delete marker is on top."""
    none_match, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none_match is None and match is None:
        return
    if none_match is not None:
        if none_match.strip() != "*" or match is not None:
            raise not_implemented(
                "A header you provided implies functionality that is not implemented",
                Header="If-None-Match",
                additionalMessage="We don't accept the provided value of If-None-Match header for this API",
            )
        if there is not None:
            raise precondition_failed("If-None-Match")
    elif there is None:
        raise no_such_key(key)
    elif not _names(str(match), there.etag):
        raise precondition_failed("If-Match")
