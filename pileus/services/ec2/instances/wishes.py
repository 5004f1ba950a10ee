"""What a launch asks for, read and checked: everything about the instance but its network.

Source: EC2 API Reference, "RunInstances" and the structures it names.
"""

import binascii
from base64 import b64decode
from typing import Any

from pileus.service import Call

from .. import key_pairs
from ..images.records import Image
from ..service import Ec2Error, Request, invalid
from . import cpu, credits, metadata_defaults, profiles
from .records import Metadata
from .types import InstanceType

USER_DATA_MAX = 16 * 1024
HOPS_MAX = 64


def user_data(text: str | None) -> str:
    """As it came, in Base64; checked. Source: User Guide, "Run commands when you launch an EC2 instance" (16 KB)."""
    if not text:
        return ""
    try:
        raw = b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("Invalid BASE64 encoding of user data.") from None
    if len(raw) > USER_DATA_MAX:
        raise invalid(f"User data is limited to {USER_DATA_MAX} bytes")
    return text


def metadata(given: Any, before: Metadata) -> Metadata:
    """Metadata options as a request changes them."""
    hops = given.get("HttpPutResponseHopLimit")
    if hops is not None and not 1 <= hops <= HOPS_MAX:
        raise invalid(f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid. It is 1 to {HOPS_MAX}.")
    if given.get("HttpProtocolIpv6") == "enabled":
        raise Ec2Error("Unsupported", "Pileus has no IPv6 yet: leave HttpProtocolIpv6 out.")
    return Metadata(
        given.get("HttpTokens") or before.tokens,
        hops or before.hops,
        {"enabled": True, "disabled": False}.get(given.get("HttpEndpoint") or "", before.enabled),
        {"enabled": True, "disabled": False}.get(given.get("InstanceMetadataTags") or "", before.tags),
    )


def options(call: Call, request: Request, image: Image, kind: InstanceType) -> dict[str, Any]:
    """Fields of the record."""
    found: dict[str, Any] = {
        "user_data": user_data(request.get("UserData")),
        "monitored": bool((request.get("Monitoring") or {}).get("Enabled")),
        "on_shutdown": request.get("InstanceInitiatedShutdownBehavior") or "stop",
        "keep": bool(request.get("DisableApiTermination")),
        "keep_running": bool(request.get("DisableApiStop")),
        "ebs_optimized": bool(request.get("EbsOptimized")),
        "architecture": image.architecture,
        "token": request.get("ClientToken") or "",
        "recovery": (request.get("MaintenanceOptions") or {}).get("AutoRecovery") or "default",
    }
    if request.get("KeyName"):
        found["key_name"] = key_pairs.need(call, request["KeyName"]).name
    if request.get("IamInstanceProfile"):
        found["profile"] = profiles.wanted(call, request["IamInstanceProfile"])
    found["metadata"] = metadata(request.get("MetadataOptions") or {}, metadata_defaults.of_launch(call, image))
    metadata_defaults.check(call, found["metadata"])
    found["cpu"] = cpu.wanted(request.get("CpuOptions") or {}, kind)
    found["credits"] = credits.of_launch(call, (request.get("CreditSpecification") or {}).get("CpuCredits"), kind)
    _refuse(request, kind)
    return found


def _refuse(request: Request, kind: InstanceType) -> None:
    """What cannot be real here, by name."""
    if (request.get("HibernationOptions") or {}).get("Configured"):
        raise Ec2Error(
            "UnsupportedHibernationConfiguration",
            "Pileus cannot hibernate an instance: its machines share the host's kernel, which keeps their memory.",
        )
    if (request.get("EnclaveOptions") or {}).get("Enabled"):
        raise Ec2Error("Unsupported", "Pileus has no enclaves: its machines share the host's kernel.")
    reservation = request.get("CapacityReservationSpecification") or {}
    if reservation.get("CapacityReservationPreference") not in (None, "open", "none"):
        raise Ec2Error("Unsupported", "Pileus has no capacity reservations.")
