"""The lock of a new object, and whether a version may be removed.

Source: Amazon S3 User Guide, "Locking objects with Object Lock", "Object Lock considerations". Locks are judged by the
cloud's clock.
"""

from typing import Any

from pileus.service import AccessDenied, Call, must_allow

from ..access.grants import object_grants
from ..errors import S3Error, invalid_argument, invalid_request
from ..tables import Bucket, Lock, Version

DAY_S = 86_400.0
MODES = ("GOVERNANCE", "COMPLIANCE")


def new_lock(call: Call, bucket: Bucket, request: dict[str, Any]) -> Lock | None:
    """What the request asks for, else the bucket's default."""
    mode, until = request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus")
    asked = mode is not None or until is not None
    if not bucket.object_lock:
        if asked or hold is not None:
            raise invalid_request("Bucket is missing Object Lock Configuration")
        return None
    if hold not in (None, "ON", "OFF"):
        raise invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold)
    if asked:
        if mode is None or until is None:
            raise invalid_argument(
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
            )
        check_retention(call, mode, until)
        return Lock(mode, until, hold == "ON")
    if bucket.lock_mode:
        until = default_until(bucket, call.now)
        return Lock(bucket.lock_mode, until, hold == "ON")
    return Lock(hold=True) if hold == "ON" else None


def default_until(bucket: Bucket, now: float) -> float:
    """A year of a default retention is 365 days."""
    return now + (bucket.lock_days + 365 * bucket.lock_years) * DAY_S


def check_retention(call: Call, mode: str, until: float) -> None:
    if mode not in MODES:
        raise invalid_argument("Unknown wormMode directive", "x-amz-object-lock-mode", mode)
    if until <= call.now:
        raise invalid_argument("The retain until date must be in the future!")


def check_removable(call: Call, bucket: Bucket, version: Version, request: dict[str, Any]) -> None:
    """Raises AccessDenied for a version under lock; governance can be bypassed by who may and says so."""
    lock = version.lock
    if lock is None or version.marker:
        return
    if lock.hold:
        raise _locked()
    if lock.until > call.now and not (lock.mode == "GOVERNANCE" and _bypasses(call, bucket, request)):
        raise _locked()


def _bypasses(call: Call, bucket: Bucket, request: dict[str, Any]) -> bool:
    if not request.get("BypassGovernanceRetention"):
        return False
    key = request.get("Key", "")
    try:
        must_allow(
            call,
            "s3:BypassGovernanceRetention",
            f"{bucket.arn}/{key}",
            own=object_grants(call, bucket, key, request.get("VersionId")),
        )
    except AccessDenied:
        return False
    return True


def check_changed(call: Call, bucket: Bucket, old: Lock | None, new: Lock, request: dict[str, Any]) -> None:
    """Retention may be lengthened by all who may set it; shortened or loosened only in governance mode, by bypass."""
    if old is None or old.until <= call.now:
        return
    stricter = new.until >= old.until and not (old.mode == "COMPLIANCE" and new.mode != "COMPLIANCE")
    if stricter and (new.mode == old.mode or new.mode == "COMPLIANCE"):
        return
    if old.mode == "GOVERNANCE" and _bypasses(call, bucket, request):
        return
    raise _locked()


def _locked() -> S3Error:
    return S3Error("AccessDenied", 403, "Access Denied because object protected by object lock.")


def shown_lock(call: Call, bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    """The lock as an answer's members, to who may know it (GetObject, "Permissions")."""
    lock = version.lock
    found: dict[str, Any] = {}
    if lock is None:
        return found
    own = object_grants(call, bucket, key, version.id or None)
    if lock.mode and _may(call, "s3:GetObjectRetention", bucket, key, own):
        found.update(ObjectLockMode=lock.mode, ObjectLockRetainUntilDate=lock.until)
    if _may(call, "s3:GetObjectLegalHold", bucket, key, own):
        found["ObjectLockLegalHoldStatus"] = "ON" if lock.hold else "OFF"
    return found


def _may(call: Call, action: str, bucket: Bucket, key: str, own: Any) -> bool:
    try:
        must_allow(call, action, f"{bucket.arn}/{key}", own=own)
    except AccessDenied:
        return False
    return True
