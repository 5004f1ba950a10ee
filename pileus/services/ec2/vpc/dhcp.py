"""DHCP options: what machines of a VPC are told about names and time.

Source: Amazon VPC User Guide, "DHCP option sets in Amazon VPC"; EC2 API Reference, "CreateDhcpOptions".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import created, targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid
from .defaults import operation, own
from .kinds import DHCP_OPTIONS, VPC
from .records import DhcpOptions
from .waking import changed

SERVERS_MAX = 4
LISTS = ("domain-name-servers", "ntp-servers", "netbios-name-servers")
KEYS = (*LISTS, "domain-name", "netbios-node-type")


def show(call: Call, found: DhcpOptions) -> dict[str, Any]:
    configurations = [
        {"Key": key, "Values": [{"Value": value} for value in values]} for key, values in sorted(found.options.items())
    ]
    return {
        "DhcpOptionsId": found.id,
        "OwnerId": found.account,
        "DhcpConfigurations": configurations,
        **tags.shown(found.tags),
    }


def _options(request: Request) -> dict[str, tuple[str, ...]]:
    options: dict[str, tuple[str, ...]] = {}
    for given in request["DhcpConfigurations"]:
        key, values = given.get("Key") or "", tuple(given.get("Values") or ())
        # A list may also come as one text with commas.
        values = tuple(part.strip() for value in values for part in value.split(","))
        if key not in KEYS:
            raise invalid(f"Value ({key}) for parameter name is invalid. Unknown DHCP option")
        if not values or "" in values:
            raise invalid(f"Value () for parameter value is invalid. {key} must have a value")
        if len(values) > (SERVERS_MAX if key in LISTS else 1):
            raise invalid(f"Value ({', '.join(values)}) for parameter value is invalid. Too many values for {key}")
        if key == "netbios-node-type" and values[0] not in ("1", "2", "4", "8"):
            raise invalid(f"Value ({values[0]}) for parameter value is invalid. Invalid Node Type")
        options[key] = values
    if not options:
        raise Ec2Error("MissingParameter", "The request must contain the parameter dhcpConfiguration")
    return options


@operation("CreateDhcpOptions", resource=created(DHCP_OPTIONS))
def create_dhcp_options(call: Call, request: Request) -> dict[str, Any]:
    id = DHCP_OPTIONS.new_id()
    given = tags.given(call, request, DHCP_OPTIONS)[DHCP_OPTIONS.type]
    made = DHCP_OPTIONS.put(call, id, DhcpOptions(options=_options(request), **own(call, id, given)))
    return {"DhcpOptions": show(call, made)}


@operation("DescribeDhcpOptions")
def describe_dhcp_options(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, DHCP_OPTIONS, ids="DhcpOptionsIds", answer="DhcpOptions", show=show)


@operation("DeleteDhcpOptions", resource=targets(DHCP_OPTIONS, "DhcpOptionsId"))
def delete_dhcp_options(call: Call, request: Request) -> None:
    found = DHCP_OPTIONS.need(call, request["DhcpOptionsId"])
    if any(vpc.dhcp == found.id for vpc in VPC.all(call)):
        raise Ec2Error("DependencyViolation", f"The dhcpOptions '{found.id}' has dependencies and cannot be deleted.")
    DHCP_OPTIONS.delete(call, found.id)


def _parties(call: Call, request: Request) -> list[str]:
    options, vpc = request.get("DhcpOptionsId") or "*", request.get("VpcId") or "*"
    return [*([DHCP_OPTIONS.arn(call, options)] if options != "default" else []), VPC.arn(call, vpc)]


@operation("AssociateDhcpOptions", resource=_parties)
def associate_dhcp_options(call: Call, request: Request) -> None:
    vpc, wanted = VPC.need(call, request["VpcId"]), request["DhcpOptionsId"]
    if wanted != "default":
        DHCP_OPTIONS.need(call, wanted)
    VPC.put(call, vpc.id, msgspec.structs.replace(vpc, dhcp=wanted))
    changed(call, vpc.id)
