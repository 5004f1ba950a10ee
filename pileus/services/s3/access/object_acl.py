"""The access control list and the owner of a new object."""

from typing import Any

from pileus.service import Call

from ..tables import Bucket


def new_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...] | None]:
    """(the owner's account, the grants or None for the default)."""
    return bucket.account, None
