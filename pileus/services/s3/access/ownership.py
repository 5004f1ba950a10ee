"""Who owns what is put into a bucket, and whether access control lists count.

Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".
"""

from typing import Any

from pileus.service import Call

from ..tables import Bucket


def initial_access(call: Call, bucket: Bucket, request: dict[str, Any]) -> Bucket:
    """A new bucket with the ownership rule and the ACL its request asks for."""
    return bucket
