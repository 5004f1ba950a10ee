"""RestoreObject: an archived object is asked for, and will be readable for some days.

Source: Amazon S3 API Reference, RestoreObject; Amazon S3 User Guide, "Restoring an archived object", "Understanding
archive retrieval options" (which gives ranges: each retrieval here takes one duration within its range), "Upgrading the
speed of an in-progress restore".
"""

import math
from typing import Any

from msgspec.structs import replace

from pileus.service import Call, Reply

from .. import events
from ..addressing import object_operation
from ..buckets.payloads import payload
from ..errors import S3Error, invalid_argument, malformed_xml, not_implemented
from ..objects.storing import change_version
from ..objects.tagging import changeable
from ..tables import Bucket, Restore, Version, restores
from .states import ARCHIVED, copy_ends

TIERS = ("Bulk", "Standard", "Expedited")
"""From the slowest to the fastest."""
HOUR = 3_600.0
DURATIONS = {
    "GLACIER": {"Expedited": 180.0, "Standard": 4 * HOUR, "Bulk": 8 * HOUR},
    "DEEP_ARCHIVE": {"Standard": 12 * HOUR, "Bulk": 48 * HOUR},
}
SELECTING = ("Type", "SelectParameters", "OutputLocation", "Description")


@object_operation("RestoreObject", partial="SELECT and the archive tiers of S3 Intelligent-Tiering are refused")
def restore_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> Any:
    key = request["Key"]
    version = changeable(call, bucket, request)
    if version.storage not in ARCHIVED:
        raise S3Error(
            "InvalidObjectState",
            403,
            "Restore is not allowed for the object's current storage class",
            StorageClass=version.storage or "STANDARD",
        )
    wanted = payload(call, request)
    for member in SELECTING:
        if member in wanted:
            raise not_implemented(f"Pileus does not select from archived objects: {member} is not supported")
    tier, days = _tier(wanted, version), wanted.get("Days")
    if days is not None and days < 1:
        raise invalid_argument("Days must be a positive integer", "Days", days)
    if version.restoring:
        return _hurry(call, bucket, key, version, tier, days)
    if days is None:
        raise malformed_xml()
    if version.restored_until > call.now:
        return _extend(call, bucket, key, version, days)
    version = replace(version, restoring=True, restored_until=0.0)
    change_version(call.tx, bucket, key, version)
    asked = Restore(call.now, _ready(call, version, tier), days, tier)
    restores.put(call.tx, bucket.id, key, version.age, record=asked)
    events.happened(call, bucket, "ObjectRestore:Post", key, version)
    return Reply({}, 202)


def _tier(wanted: dict[str, Any], version: Version) -> str:
    named = wanted.get("GlacierJobParameters", {}).get("Tier", wanted.get("Tier", "Standard"))
    if "Tier" in wanted and wanted["Tier"] != named:
        raise malformed_xml()
    if named not in DURATIONS[version.storage]:
        raise invalid_argument("Retrieval option is not supported by this storage class", "Tier", named)
    return str(named)


def _ready(call: Call, version: Version, tier: str) -> float:
    """In whole seconds, as timers like it."""
    return float(math.floor(call.now + DURATIONS[version.storage][tier]))


def _extend(call: Call, bucket: Bucket, key: str, version: Version, days: int) -> dict[str, Any]:
    """The copy that is there stays for so many days from now on."""
    version = replace(version, restored_until=copy_ends(call.now, days))
    change_version(call.tx, bucket, key, version)
    held = restores.get(call.tx, bucket.id, key, version.age)
    if held is not None:
        restores.put(call.tx, bucket.id, key, version.age, record=replace(held, days=days))
    return {}


def _hurry(call: Call, bucket: Bucket, key: str, version: Version, tier: str, days: int | None) -> Reply:
    """A faster tier makes a retrieval under way faster; nothing else of it can be changed."""
    held = restores.get(call.tx, bucket.id, key, version.age)
    if held is None or days not in (None, held.days) or TIERS.index(tier) <= TIERS.index(held.tier):
        raise S3Error("RestoreAlreadyInProgress", 409, "Object restore is already in progress")
    ready = min(held.ready, _ready(call, version, tier))
    restores.put(call.tx, bucket.id, key, version.age, record=replace(held, ready=ready, tier=tier))
    return Reply({}, 202)
