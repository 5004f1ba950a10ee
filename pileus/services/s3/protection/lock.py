"""The lock of a new object, and whether a version may be removed.

Source: Amazon S3 User Guide, "Locking objects with Object Lock".
"""

from typing import Any

from pileus.service import Call

from ..errors import invalid_request
from ..tables import Bucket, Lock, Version


def new_lock(call: Call, bucket: Bucket, request: dict[str, Any]) -> Lock | None:
    """What the request asks for, else the bucket's default."""
    asked = "ObjectLockMode" in request or "ObjectLockRetainUntilDate" in request
    if asked or "ObjectLockLegalHoldStatus" in request:
        raise invalid_request("Bucket is missing Object Lock Configuration")
    return None


def check_removable(call: Call, bucket: Bucket, version: Version, request: dict[str, Any]) -> None:
    """Raises AccessDenied for a version under lock."""


def shown_lock(call: Call, bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    """The lock as an answer's members, to who may know it."""
    return {}
