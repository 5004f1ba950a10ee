"""How images go: deprecated, disabled, deregistered; and what protects them from it.

Source: EC2 API Reference, the operations' pages; Amazon EC2 User Guide, "Deprecate an Amazon EC2 AMI", "Disable an
Amazon EC2 AMI", "Protect an Amazon EC2 AMI from deregistration".
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..kinds import targets
from ..service import Ec2Error, Request, invalid, operation
from ..volumes.records import Snapshot, snapshot_kind
from ..volumes.snapshots import drop, used_by
from .making import known_or_refused
from .records import Image, image_kind

replace = msgspec.structs.replace
COOLDOWN_SECONDS = 86_400.0
YEAR_SECONDS = 366 * 86_400.0
OF_IMAGE = targets(image_kind, "ImageId")


@operation("DeregisterImage", resource=OF_IMAGE)
def deregister_image(call: Call, request: Request) -> dict[str, Any]:
    """What was launched from it runs on. Its snapshots stay, unless they are to go and no other image has them."""
    image = known_or_refused(call, request["ImageId"])
    if image.protected or call.now < image.protected_until:
        raise Ec2Error(
            "OperationNotPermitted",
            f"The image '{image.id}' cannot be deregistered: deregistration protection is enabled for it.",
        )
    image_kind.delete(call, image.id)
    for disk in image.disks:
        snapshot = snapshot_kind.get(call, disk.snapshot) if disk.snapshot else None
        if snapshot is not None and snapshot.held:  # nobody else would have it taken: it is taken now
            snapshot_kind.put(call, snapshot.id, replace(snapshot, held=False))
    if not request.get("DeleteAssociatedSnapshots"):
        return {"Return": True}
    results = []
    for id in dict.fromkeys(disk.snapshot for disk in image.disks if disk.snapshot):
        snapshot = snapshot_kind.get(call, id)
        results.append({"SnapshotId": id, "ReturnCode": _let_go(call, snapshot)})
    return {"Return": True, "DeleteSnapshotResults": results}


def _let_go(call: Call, snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "client-error"
    if used_by(call, snapshot) is not None:
        return "skipped"
    drop(call, snapshot)
    return "success"


def _changed(call: Call, request: Request, **fields: Any) -> dict[str, Any]:
    image = known_or_refused(call, request["ImageId"])
    image_kind.put(call, image.id, replace(image, **fields))
    return {"Return": True}


@operation("DisableImage", resource=OF_IMAGE)
def disable_image(call: Call, request: Request) -> dict[str, Any]:
    """Nobody launches it any more, and it is shared with nobody."""
    _in(call, request, "available", "disabled")
    return _changed(call, request, state="disabled", launchers=[])


@operation("EnableImage", resource=OF_IMAGE)
def enable_image(call: Call, request: Request) -> dict[str, Any]:
    _in(call, request, "available", "disabled")
    return _changed(call, request, state="available")


def _in(call: Call, request: Request, *states: str) -> Image:
    image = known_or_refused(call, request["ImageId"])
    if image.state not in states:
        raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{image.id}' is {image.state}.")
    return image


@operation("EnableImageDeprecation", resource=OF_IMAGE)
def enable_deprecation(call: Call, request: Request) -> dict[str, Any]:
    """To the minute; within ten years, two for an image that is public."""
    image, at = known_or_refused(call, request["ImageId"]), request["DeprecateAt"]
    at = round(at / 60) * 60.0
    years = 2 if image.public else 10
    if not call.now < at <= call.now + years * YEAR_SECONDS:
        raise invalid(f"The date of deprecation must lie in the next {years} years.")
    return _changed(call, request, deprecated=at)


@operation("DisableImageDeprecation", resource=OF_IMAGE)
def disable_deprecation(call: Call, request: Request) -> dict[str, Any]:
    return _changed(call, request, deprecated=0.0)


@operation("EnableImageDeregistrationProtection", resource=OF_IMAGE)
def protect(call: Call, request: Request) -> dict[str, Any]:
    cooldown = COOLDOWN_SECONDS if request.get("WithCooldown") else 0.0
    _changed(call, request, protected=True, cooldown=cooldown, protected_until=0.0)
    return {"Return": "true"}


@operation("DisableImageDeregistrationProtection", resource=OF_IMAGE)
def unprotect(call: Call, request: Request) -> dict[str, Any]:
    """With a cooldown, the image is protected for another day."""
    image = known_or_refused(call, request["ImageId"])
    until = call.now + image.cooldown if image.protected and image.cooldown else image.protected_until
    _changed(call, request, protected=False, protected_until=until)
    return {"Return": "true"}
