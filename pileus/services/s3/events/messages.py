"""The messages that tell of events.

Source: Amazon S3 User Guide, "Event message structure". The record's version is the one AWS long gave to each kind of
event (2.1; 2.2 for replication; 2.3 for the lifecycle, tags, ACLs and expired restores); AWS now counts one version for
all kinds, with members that are added to these.
"""

import hashlib
from typing import Any
from urllib.parse import quote_plus

import orjson

from pileus.base import ids
from pileus.base.clock import iso
from pileus.identity.canonical import canonical_id
from pileus.service import Call

from ..tables import AGE_MAX, Bucket, Version

_VERSION_22 = ("Replication:",)
_VERSION_23 = ("LifecycleExpiration:", "LifecycleTransition", "ObjectTagging:", "ObjectAcl:", "ObjectRestore:Delete")
_SERVICE = "s3.amazonaws.com"


def message(
    call: Call, bucket: Bucket, rule_id: str, event: str, key: str, version: Version, details: dict[str, Any] | None
) -> str:
    """The body of a notification: one record. `event` without its `s3:`."""
    background = call.caller.principal.kind == "service" or not call.source_ip
    record: dict[str, Any] = {
        "eventVersion": _record_version(event),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": instant(call.now),
        "eventName": event,
        "userIdentity": {"principalId": _SERVICE if background else _principal_id(call)},
        "requestParameters": {"sourceIPAddress": _SERVICE if background else call.source_ip},
        "responseElements": {"x-amz-request-id": call.request_id, "x-amz-id-2": ids.host_id(call.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": customer_id(bucket.account)},
                "arn": bucket.arn,
            },
            "object": _object(call, bucket, event, key, version),
        },
        **_event_data(event, version),
        **(details or {}),
    }
    return orjson.dumps({"Records": [record]}).decode()


def test_message(call: Call, bucket: Bucket) -> str:
    """What a destination gets when it is configured."""
    return orjson.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": instant(call.now),
            "Bucket": bucket.name,
            "RequestId": call.request_id,
            "HostId": ids.host_id(call.request_id),
        }
    ).decode()


def _object(call: Call, bucket: Bucket, event: str, key: str, version: Version) -> dict[str, Any]:
    found: dict[str, Any] = {"key": quote_plus(key, safe="/")}
    removed = event in ("ObjectRemoved:Delete", "LifecycleExpiration:Delete")
    if not removed:
        if not version.marker and not event.startswith(("ObjectTagging:", "ObjectAcl:")):
            found["size"] = version.size
        found["eTag"] = version.etag or _EMPTY
    if bucket.versioning and (version.id or not removed):
        found["versionId"] = version.id or "null"
    if event.startswith(("ObjectCreated:", "ObjectRemoved:", "LifecycleExpiration:")):
        found["sequencer"] = _sequencer(call, version, removed)
    return found


_EMPTY = hashlib.md5(b"", usedforsecurity=False).hexdigest()


def _sequencer(call: Call, version: Version, removed: bool) -> str:
    """Rises with each change of a key: the age of versions falls as strictly."""
    made = AGE_MAX - version.age
    return f"{max(made + 1, int(call.now * 1e6)) if removed else made:018X}"


def _event_data(event: str, version: Version) -> dict[str, Any]:
    if event == "LifecycleTransition":
        transition = {"transitionEventData": {"destinationStorageClass": version.storage or "STANDARD"}}
        return {"lifecycleEventData": transition}
    if event in ("ObjectRestore:Completed", "ObjectRestore:Delete"):
        restore = {
            "lifecycleRestorationExpiryTime": instant(version.restored_until),
            "lifecycleRestoreStorageClass": version.storage,
        }
        return {"glacierEventData": {"restoreEventData": restore}}
    return {}


def _record_version(event: str) -> str:
    if event.startswith(_VERSION_23):
        return "2.3"
    return "2.2" if event.startswith(_VERSION_22) else "2.1"


def _principal_id(call: Call) -> str:
    if call.caller.key is None:
        return "Anonymous"
    return f"AWS:{call.caller.user_id}"


def customer_id(account: str) -> str:
    """The form of the ids by which AWS's retail side knows an account's owner."""
    return f"A{canonical_id(account)[:13].upper()}"


def instant(moment: float) -> str:
    """`1970-01-01T00:00:00.000Z`."""
    return f"{iso(moment)[:-1]}.{int(moment * 1000) % 1000:03d}Z"
