"""What the lifecycle will do to an object, as its headers tell."""

from typing import Any

from pileus.service import Call

from ..tables import Bucket, Version


def shown_expiry(call: Call, bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    """`Expiration`, when a rule says when this object expires."""
    return {}
