"""Permissions beside an operation's own: a copy's source, each of many objects to delete, whether to tell of a key.

The condition keys they are asked with are those of the request, but of the bucket and the object in question.
"""

from typing import Any

from pileus.service import Call, must_allow

from ..tables import Bucket
from .context import context_of, existing_tags
from .grants import bucket_grants, object_grants

_OF_THE_OBJECT = ("s3:existingobjecttag/", "s3:versionid")


def must_allow_object(
    call: Call, bucket: Bucket, action: str, key: str, version_id: str | None = None, reads: bool | None = None
) -> None:
    """Raises AccessDenied. `action`: `s3:GetObject`. `reads`: as in `object_grants`."""

    def context() -> dict[str, Any]:
        found = _of_request(call, bucket)
        if version_id is not None:
            found["s3:VersionId"] = version_id
        found.update(existing_tags(call, bucket, key, version_id))
        return found

    own = object_grants(call, bucket, key, version_id, reads)
    must_allow(call, action, f"{bucket.arn}/{key}", own=own, context=context)


def must_allow_bucket(call: Call, bucket: Bucket, action: str) -> None:
    """Raises AccessDenied. `action`: `s3:ListBucket`."""
    must_allow(call, action, bucket.arn, own=bucket_grants(call, bucket), context=lambda: _of_request(call, bucket))


def _of_request(call: Call, bucket: Bucket) -> dict[str, Any]:
    found = context_of(call, call.request)
    kept = {key: value for key, value in found.items() if not key.lower().startswith(_OF_THE_OBJECT)}
    return {**kept, "s3:ResourceAccount": bucket.account}
