"""Whether an object's bytes are at hand.

Source: Amazon S3 User Guide, "Working with archived objects", "Restoring an archived object". Where a copy's source is
not at hand the API Reference speaks of ObjectNotInActiveTierError; what S3 answers is InvalidObjectState.
"""

import math

from pileus.base.clock import http_date
from pileus.service import Call

from ..errors import S3Error
from ..tables import Version

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
DAY = 86_400.0


def copy_ends(since: float, days: int) -> float:
    """So many days from then on, rounded up to the next midnight UTC."""
    return math.ceil((since + days * DAY) / DAY) * DAY


def at_hand(call: Call, version: Version) -> bool:
    return version.storage not in ARCHIVED or version.restored_until > call.now


def check_readable(call: Call, version: Version) -> None:
    """Raises InvalidObjectState for what lies in the archive."""
    if not at_hand(call, version):
        raise _not_at_hand("The operation is not valid for the object's storage class", version)


def check_copied(call: Call, version: Version) -> None:
    """The same for the source of a copy."""
    if not at_hand(call, version):
        raise _not_at_hand("Operation is not valid for the source object's storage class", version)


def _not_at_hand(message: str, version: Version) -> S3Error:
    return S3Error("InvalidObjectState", 403, message, StorageClass=version.storage)


def shown_restore(call: Call, version: Version) -> dict[str, str]:
    """`Restore` (x-amz-restore), while a copy is on its way or there."""
    if version.restoring:
        return {"Restore": 'ongoing-request="true"'}
    if version.restored_until <= call.now:
        return {}
    return {"Restore": f'ongoing-request="false", expiry-date="{http_date(version.restored_until)}"'}
