"""Retention and legal holds of single versions.

Source: Amazon S3 API Reference, PutObjectRetention, GetObjectRetention, PutObjectLegalHold, GetObjectLegalHold.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from .. import events
from ..addressing import object_operation
from ..errors import S3Error, invalid_request, malformed_xml
from ..objects.storing import change_version
from ..objects.tagging import changeable
from ..tables import Bucket, Lock
from .lock import check_changed, check_retention


@object_operation("PutObjectRetention")
def put_object_retention(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    _check_bucket(bucket)
    wanted = request.get("Retention", {})
    mode, until = wanted.get("Mode"), wanted.get("RetainUntilDate")
    if (mode is None) != (until is None):
        raise malformed_xml()
    version = changeable(call, bucket, request)
    old = version.lock
    if mode is None:
        # An empty retention takes it away, where it may be shortened at all.
        new = Lock("", 0.0, old.hold if old is not None else False)
    else:
        check_retention(call, mode, until)
        new = Lock(mode, until, old.hold if old is not None else False)
    check_changed(call, bucket, old, new, request)
    version = replace(version, lock=new)
    change_version(call.tx, bucket, request["Key"], version)
    events.happened(call, bucket, "ObjectRetention:Put", request["Key"], version)
    return {}


@object_operation("GetObjectRetention")
def get_object_retention(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    _check_bucket(bucket)
    lock = changeable(call, bucket, request).lock
    if lock is None or not lock.mode:
        raise _none_there()
    return {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until}}


@object_operation("PutObjectLegalHold")
def put_object_legal_hold(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    _check_bucket(bucket)
    status = request.get("LegalHold", {}).get("Status")
    if status not in ("ON", "OFF"):
        raise malformed_xml()
    version = changeable(call, bucket, request)
    lock = replace(version.lock or Lock(), hold=status == "ON")
    version = replace(version, lock=lock)
    change_version(call.tx, bucket, request["Key"], version)
    events.happened(call, bucket, "ObjectLegalHold:Put", request["Key"], version)
    return {}


@object_operation("GetObjectLegalHold")
def get_object_legal_hold(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    _check_bucket(bucket)
    lock = changeable(call, bucket, request).lock
    if lock is None:
        raise _none_there()
    return {"LegalHold": {"Status": "ON" if lock.hold else "OFF"}}


def _check_bucket(bucket: Bucket) -> None:
    if not bucket.object_lock:
        raise invalid_request("Bucket is missing Object Lock Configuration")


def _none_there() -> S3Error:
    return S3Error(
        "NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration"
    )
