"""Whether an object's bytes are at hand.

Source: Amazon S3 User Guide, "Working with archived objects", "Restoring an archived object".
"""

from pileus.base.clock import http_date
from pileus.service import Call

from ..errors import S3Error
from ..tables import Version

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


def check_readable(call: Call, version: Version) -> None:
    """Raises InvalidObjectState for what lies in the archive."""
    if version.storage in ARCHIVED and version.restored_until <= call.now:
        raise S3Error(
            "InvalidObjectState",
            403,
            "The operation is not valid for the object's storage class",
            StorageClass=version.storage,
        )


def shown_restore(call: Call, version: Version) -> str:
    """The x-amz-restore header."""
    if version.restoring:
        return 'ongoing-request="true"'
    return f'ongoing-request="false", expiry-date="{http_date(version.restored_until)}"'
