"""The rows of an inventory report.

Source: Amazon S3 User Guide, "Amazon S3 Inventory list", "Cataloging and analyzing your data with S3 Inventory". Every
field is quoted; keys are URL-encoded; what a version has not is empty.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from pileus.identity.canonical import canonical_id
from pileus.store import Transaction

from ..events.messages import instant
from ..listing.walk import Place, all_versions
from ..objects.storing import NULL
from ..tables import Bucket, Version, current

ENCRYPTION = {"C": "SSE-C", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS"}


def _lock_until(version: Version) -> str:
    return instant(version.lock.until) if version.lock is not None and version.lock.mode else ""


def _hold(version: Version) -> str:
    return "" if version.lock is None else "On" if version.lock.hold else "Off"


def _bucket_key(version: Version) -> str:
    if version.marker or version.seal is None or version.seal.kind == "C":
        return ""
    return "ENABLED" if version.seal.bucket_key else "DISABLED"


def _of_objects(read: Callable[[Version], str]) -> Callable[[Version], str]:
    """Delete markers have none."""
    return lambda version: "" if version.marker else read(version)


FIELDS: dict[str, Callable[[Version], str]] = {
    "Size": _of_objects(lambda version: str(version.size)),
    "LastModifiedDate": lambda version: instant(version.modified),
    "ETag": _of_objects(lambda version: version.etag),
    "StorageClass": _of_objects(lambda version: version.storage or "STANDARD"),
    "IsMultipartUploaded": _of_objects(lambda version: "true" if "-" in version.etag else "false"),
    "ReplicationStatus": lambda version: version.replication,
    "EncryptionStatus": _of_objects(lambda v: ENCRYPTION[v.seal.kind] if v.seal is not None else "SSE-S3"),
    "ObjectLockRetainUntilDate": _lock_until,
    "ObjectLockMode": lambda version: version.lock.mode if version.lock is not None else "",
    "ObjectLockLegalHoldStatus": _hold,
    # Objects stay in the tier where they begin.
    "IntelligentTieringAccessTier": lambda v: "FREQUENT" if v.storage == "INTELLIGENT_TIERING" else "",
    "BucketKeyStatus": _bucket_key,
    "ChecksumAlgorithm": _of_objects(lambda version: version.checksum_algorithm),
    "ObjectOwner": lambda version: canonical_id(version.owner),
}
"""Optional fields, in the order of the columns."""


class Rows(NamedTuple):
    """A batch of rows, and where the next one goes on (None at the end)."""

    text: bytes
    number: int
    after: Place | None


def columns(wanted: dict[str, Any]) -> list[str]:
    """The names of a report's columns."""
    versioned = ["VersionId", "IsLatest", "IsDeleteMarker"] if wanted["IncludedObjectVersions"] == "All" else []
    asked = wanted.get("OptionalFields", ())
    return ["Bucket", "Key", *versioned, *(name for name in FIELDS if name in asked)]


def batch(tx: Transaction, bucket: Bucket, wanted: dict[str, Any], after: Place | None, limit: int) -> Rows:
    out = io.StringIO()
    write = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    every = wanted["IncludedObjectVersions"] == "All"
    named = [FIELDS[name] for name in FIELDS if name in wanted.get("OptionalFields", ())]
    count, last = 0, after
    for key, version, latest in _found(tx, bucket, wanted, after, limit):
        row = [bucket.name, quote(key, safe="/")]
        if every:
            row += [version.id or NULL if bucket.versioning else "", _bool(latest), _bool(version.marker)]
        write([*row, *(read(version) for read in named)])
        count, last = count + 1, Place(key, version.age)
    return Rows(out.getvalue().encode(), count, last if count == limit else None)


def _found(
    tx: Transaction, bucket: Bucket, wanted: dict[str, Any], after: Place | None, limit: int
) -> Iterator[tuple[str, Version, bool]]:
    prefix = wanted.get("Filter", {}).get("Prefix", "")
    if wanted["IncludedObjectVersions"] == "All":
        for name, version, latest in all_versions(tx, bucket.id, prefix, "", after, limit):
            if version is not None:
                yield name, version, latest
        return
    beyond = (after.key,) if after is not None else None
    for (key,), version in current.scan(tx, bucket.id, begins=prefix, after=beyond, limit=limit):
        yield str(key), version, True


def _bool(value: bool) -> str:
    return "true" if value else "false"
