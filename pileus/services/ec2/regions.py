"""DescribeRegions and DescribeAvailabilityZones.

Source: EC2 API Reference, the operations' pages. Every region is enabled in every account.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.model import regions as facts
from pileus.service import Call

from .filters import compiled, nobodys
from .service import Ec2Error, Request, invalid, operation


class _Region(msgspec.Struct, frozen=True):
    name: str
    endpoint: str
    status: str
    tags: dict[str, str] = {}


class _Zone(msgspec.Struct, frozen=True):
    name: str
    id: str
    region: str
    tags: dict[str, str] = {}


@operation("DescribeRegions")
def describe_regions(call: Call, request: Request) -> dict[str, Any]:
    """Order of names; AllRegions changes nothing, since none is disabled."""
    request.get("AllRegions")
    known = {
        name: _Region(
            name,
            f"ec2.{name}.{region.domain}",
            "opt-in-not-required" if name in facts.ENABLED_FROM_THE_START else "opted-in",
        )
        for name, region in sorted(facts.regions().items())
        if region.partition == call.partition
    }
    wanted = request.get("RegionNames") or list(known)
    for name in wanted:
        if name not in known:
            raise invalid(f"Invalid region name: [{name}]")
    keep = compiled(
        request.get("Filters") or [],
        {
            "region-name": lambda region: [region.name],
            "endpoint": lambda region: [region.endpoint],
            "opt-in-status": lambda region: [region.status],
        },
        tagged=False,
    )
    found = [known[name] for name in known if name in wanted and keep(known[name])]
    return {
        "Regions": [
            {"RegionName": region.name, "Endpoint": region.endpoint, "OptInStatus": region.status} for region in found
        ]
    }


@operation("DescribeAvailabilityZones")
def describe_availability_zones(call: Call, request: Request) -> dict[str, Any]:
    request.get("AllAvailabilityZones")
    known = [_Zone(name, facts.zone_id(name), call.region) for name in facts.zones(call.region)]
    for member, value_of in (("ZoneNames", lambda zone: zone.name), ("ZoneIds", lambda zone: zone.id)):
        wanted = request.get(member)
        if wanted:
            lost = [name for name in wanted if name not in map(value_of, known)]
            if lost:
                raise invalid(f"Invalid availability zone: [{lost[0]}]")
            known = [zone for zone in known if value_of(zone) in wanted]
    keep = compiled(
        request.get("Filters") or [],
        {
            "zone-name": lambda zone: [zone.name],
            "zone-id": lambda zone: [zone.id],
            "region-name": lambda zone: [zone.region],
            "state": lambda zone: ["available"],
            "zone-type": lambda zone: ["availability-zone"],
            "opt-in-status": lambda zone: ["opt-in-not-required"],
            "group-name": lambda zone: [f"{zone.region}-zg-1"],
            **nobodys("message", "parent-zone-id", "parent-zone-name"),
        },
        tagged=False,
    )
    return {"AvailabilityZones": [_show(zone) for zone in known if keep(zone)]}


def _show(zone: _Zone) -> dict[str, Any]:
    return {
        "ZoneName": zone.name,
        "ZoneId": zone.id,
        "RegionName": zone.region,
        "GroupName": f"{zone.region}-zg-1",
        "NetworkBorderGroup": zone.region,
        "State": "available",
        "OptInStatus": "opt-in-not-required",
        "ZoneType": "availability-zone",
        "Messages": [],
    }


def no_zone(name: str) -> Ec2Error:
    """As disks' operations say it."""
    return Ec2Error("InvalidZone.NotFound", f"The zone '{name}' does not exist.")


def zone_of(
    call: Call, name: str | None, id: str | None = None, *, unknown: Callable[[str], Ec2Error] | None = None
) -> str | None:
    """The zone that a request names in either way; None when it names none. Raises InvalidParameterValue, or what
    `unknown` makes of the name."""
    known = {facts.zone_id(zone): zone for zone in facts.zones(call.region)}
    if id:
        if id not in known:
            if unknown is not None:
                raise unknown(id)
            raise invalid(f"Value ({id}) for parameter availabilityZoneId is invalid.")
        return known[id]
    if name and name not in known.values():
        if unknown is not None:
            raise unknown(name)
        raise invalid(
            f"Value ({name}) for parameter availabilityZone is invalid. "
            f"Subnets can currently only be created in the following availability zones: "
            f"{', '.join(known.values())}."
        )
    return name or None
