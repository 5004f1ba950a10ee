"""An account's own defaults for the metadata options of new instances, in a region.

What a launch asks for comes first, then the account's default, then the image's, then EC2's: for each option by itself.
Source: EC2 API Reference, "ModifyInstanceMetadataDefaults", "GetInstanceMetadataDefaults"; Amazon EC2 User Guide,
"Configure instance metadata options for new instances" (order of precedence; enforcing IMDSv2).
"""

from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Table

from ..images.records import Image
from ..service import Ec2Error, Request, invalid, operation
from .records import Metadata

HOPS_MAX = 64
NO_PREFERENCE = "no-preference"


class Defaults(msgspec.Struct, frozen=True):
    """As requests spell them; empty, or 0, where there is no preference."""

    tokens: str = ""
    hops: int = 0
    endpoint: str = ""
    tags: str = ""
    enforced: str = ""


defaults = Table("ec2.metadata.defaults", Defaults)  # account, region
_ON = {"enabled": True, "disabled": False}


def _of(call: Call) -> Defaults:
    return defaults.get(call.tx, call.account, call.region) or Defaults()


def of_launch(call: Call, image: Image) -> Metadata:
    """What an instance of the image has where its launch says nothing."""
    own = _of(call)
    less = Metadata(tokens="required", hops=2) if image.imds_v2 else Metadata()
    return Metadata(
        own.tokens or less.tokens,
        own.hops or less.hops,
        _ON.get(own.endpoint, less.enabled),
        _ON.get(own.tags, less.tags),
    )


def check(call: Call, options: Metadata) -> None:
    """Raises UnsupportedOperation for version 1 where the account enforces version 2."""
    if _of(call).enforced == "enabled" and options.tokens != "required":
        raise Ec2Error(
            "UnsupportedOperation",
            "httpTokensEnforced is enabled for this account: httpTokens must be required, or enforcement must be "
            "disabled by ModifyInstanceMetadataDefaults.",
        )


@operation("GetInstanceMetadataDefaults")
def get_instance_metadata_defaults(call: Call, request: Request) -> dict[str, Any]:
    own = _of(call)
    members = {
        "HttpTokens": own.tokens,
        "HttpPutResponseHopLimit": own.hops,
        "HttpEndpoint": own.endpoint,
        "InstanceMetadataTags": own.tags,
        "HttpTokensEnforced": own.enforced,
    }
    shown = {name: value for name, value in members.items() if value}
    return {"AccountLevel": {**shown, "ManagedBy": "account"} if shown else {}}


@operation("ModifyInstanceMetadataDefaults")
def modify_instance_metadata_defaults(call: Call, request: Request) -> dict[str, Any]:
    """What is left out stays as it is; `no-preference`, or -1 hops, takes a default away."""
    own = _of(call)
    hops = request.get("HttpPutResponseHopLimit")
    if hops is not None and hops != -1 and not 1 <= hops <= HOPS_MAX:
        raise invalid(f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid. It is 1 to {HOPS_MAX}, or -1.")

    def changed(member: str, before: str) -> str:
        given = request.get(member)
        return before if given is None else "" if given == NO_PREFERENCE else str(given)

    after = Defaults(
        changed("HttpTokens", own.tokens),
        own.hops if hops is None else max(0, hops),
        changed("HttpEndpoint", own.endpoint),
        changed("InstanceMetadataTags", own.tags),
        changed("HttpTokensEnforced", own.enforced),
    )
    defaults.put(call.tx, call.account, call.region, record=after)
    return {"Return": True}
