"""The access control list and the owner of a new object.

Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket"; Amazon S3 API
Reference, PutObject.
"""

from typing import Any

from pileus.service import Call

from ..tables import Bucket
from .acl import PRIVATE, Acl, acls_disabled, asks, by_headers
from .grants import ENFORCED
from .ownership import PREFERRED
from .public_access import check_acl


def new_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> tuple[str, Acl | None]:
    """(the owner's account, the grants or None for the default)."""
    if bucket.ownership == ENFORCED:
        if asks(request) and not _hands_over(bucket, request):
            raise acls_disabled()
        return bucket.account, None
    # What a service of the cloud delivers is the bucket owner's; what the anonymous put is nobody's ('').
    writer = bucket.account if call.caller.principal.kind == "service" else call.account
    if not asks(request):
        return writer, None
    if bucket.ownership == PREFERRED and request.get("ACL") == "bucket-owner-full-control":
        return bucket.account, None
    acl = by_headers(request, writer, bucket.account) or PRIVATE
    check_acl(call, bucket, acl, "s3:PutObject", f"{bucket.arn}/{request.get('Key', '')}")
    return writer, acl or None


def _hands_over(bucket: Bucket, request: dict[str, Any]) -> bool:
    """The one list that buckets without ACLs still take, in any of its forms: full control to the bucket's owner, who
    owns the object too, and nothing else."""
    acl = by_headers(request, bucket.account, bucket.account)
    return acl == PRIVATE and request.get("ACL") != "bucket-owner-read"
