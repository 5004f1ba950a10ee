"""What a request says of a new object besides its bytes; PutObject, CopyObject, uploads and POST forms share it.

Source: Amazon S3 API Reference, PutObject; Amazon S3 User Guide, "Working with object metadata", "Understanding and
managing Amazon S3 storage classes", "Categorizing your objects using tags".
"""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from pileus.service import Call

from ..access.object_acl import new_acl
from ..errors import S3Error, invalid_argument, not_implemented
from ..names import check_tag
from ..protection.lock import new_lock
from ..tables import Bucket, Lock, Seal
from .encryption import Sealed, new_seal

METADATA_BYTES_MAX = 2 * 1024
TAGS_MAX = 10
CLASSES = (
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
    "GLACIER_IR",
)  # fmt: skip
ELSEWHERE = ("OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP")
SYSTEM = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
UNKNOWN_TYPE = "binary/octet-stream"


class Draft(NamedTuple):
    """A version before its bytes. `sealed` has the ciphers its bytes are sealed with."""

    headers: dict[str, str]
    metadata: dict[str, str]
    storage: str
    tags: dict[str, str]
    lock: Lock | None
    acl: tuple[tuple[str, str], ...] | None
    owner: str
    redirect: str
    sealed: Sealed

    @property
    def seal(self) -> Seal | None:
        return self.sealed.seal


def draft(call: Call, bucket: Bucket, request: dict[str, Any]) -> Draft:
    """Raises S3's own error for whatever is wrong with it."""
    for member in ("WriteOffsetBytes", "ObjectLockEventHold", "ObjectLockEventHoldDurationDays",
                   "ObjectLockEventHoldDurationYears"):  # fmt: skip
        if member in request:
            raise not_implemented(f"A header you provided implies functionality that is not implemented: {member}")
    owner, acl = new_acl(call, bucket, request)
    tagging = request.get("Tagging")
    return Draft(
        system_headers(request),
        user_metadata(request),
        storage_class(request),
        parsed_tags(tagging) if tagging else {},
        new_lock(call, bucket, request),
        acl,
        owner,
        redirect(request),
        new_seal(call, bucket, request),
    )


def system_headers(request: dict[str, Any]) -> dict[str, str]:
    headers = {name: request[name] for name in SYSTEM if name in request}
    headers.setdefault("ContentType", UNKNOWN_TYPE)
    return headers


def user_metadata(request: dict[str, Any]) -> dict[str, str]:
    metadata: dict[str, str] = request.get("Metadata", {})
    if metadata:
        size = sum(len(name) + len(value.encode()) for name, value in metadata.items())
        if size > METADATA_BYTES_MAX:
            raise S3Error(
                "MetadataTooLarge",
                400,
                "Your metadata headers exceed the maximum allowed metadata size",
                Size=size,
                MaxSizeAllowed=METADATA_BYTES_MAX,
            )
    return metadata


def storage_class(request: dict[str, Any]) -> str:
    """'' for STANDARD."""
    named = request.get("StorageClass", "STANDARD")
    if named not in CLASSES:
        detail = "" if named not in ELSEWHERE else f": {named} is not a class of general purpose buckets"
        raise S3Error("InvalidStorageClass", 400, f"The storage class you specified is not valid{detail}")
    return "" if named == "STANDARD" else str(named)


def parsed_tags(text: str) -> dict[str, str]:
    """Tags as the x-amz-tagging header has them: like a URL's query."""
    pairs = parse_qsl(text, keep_blank_values=True)
    tags = dict(pairs)
    if len(pairs) != len(tags):
        raise invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name"
            " duplicates.",
            "x-amz-tagging",
            text,
        )
    check_tags(tags)
    return tags


def check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise S3Error("BadRequest", 400, "Object tags cannot be greater than 10")
    for key, value in tags.items():
        check_tag(key, value)


def redirect(request: dict[str, Any]) -> str:
    location: str = request.get("WebsiteRedirectLocation", "")
    # A form's field may hold a line break, which no header can.
    if location and not (location.startswith(("/", "http://", "https://")) and location.isprintable()):
        raise S3Error(
            "InvalidRedirectLocation",
            400,
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        )
    if len(location) > 2_048:
        raise S3Error("InvalidRedirectLocation", 400, "The length of website redirect location cannot exceed 2,048"
                      " characters.")  # fmt: skip
    return location
