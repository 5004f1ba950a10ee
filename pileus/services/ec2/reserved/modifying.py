"""ModifyReservedInstances: other zones, scopes, sizes and counts of the same value, in the same term.

A modification is done when it is answered: the originals end with the hour in which the new ones begin. Source: EC2 API
Reference, "ModifyReservedInstances", "DescribeReservedInstancesModifications"; Amazon EC2 User Guide, "Modify Reserved
Instances" (what must be identical; sizes of one family by their normalization factors, whose sum must stay).
"""

from collections import Counter
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.clock import iso_millis
from pileus.model.regions import zone_id
from pileus.service import Call

from ..filters import compiled
from ..instances.types import types
from ..kinds import each, targets
from ..listing import cut
from ..regions import zone_of
from ..service import Ec2Error, Request, combination, invalid, missing, operation
from ..tokens import made_before, remember
from .records import REGION, ZONE, Modification, Reserved, Target, modifications, reserved_kind

HOUR_SECONDS = 3_600
_SMALL = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}
replace = msgspec.structs.replace


def factor(type: str) -> float:
    """The normalization factor of a type's size: of Nxlarge, 8 times N."""
    size = type.partition(".")[2]
    return _SMALL.get(size) or 8.0 * int(size.removesuffix("xlarge"))


def _family(type: str) -> str:
    return type.partition(".")[0]


def _alike(call: Call, wanted: list[str]) -> list[Reserved]:
    """The originals. They may differ in their zones and sizes only."""
    found = reserved_kind.need_all(call, wanted)
    for one in found:
        state = one.state(call.now)
        if state != "active":
            raise invalid(f"The Reserved Instance {one.id} is {state}: only active ones can be modified.")
    same = {
        (one.offering_class, one.payment, one.duration, int(one.end) // HOUR_SECONDS, _family(one.type))
        for one in found
    }
    if len(same) > 1:
        raise invalid("The Reserved Instances to be modified must be identical, except for their zones and sizes.")
    return found


def _target(call: Call, given: Any, before: list[Reserved]) -> Target:
    """One target configuration; what it leaves out is as it was, if that was the same of all originals."""
    if given.get("Platform") not in (None, "EC2-VPC"):
        raise Ec2Error("Unsupported", "Pileus has no other network platform than EC2-VPC: leave Platform out.")
    count = given.get("InstanceCount")
    if count is None:
        raise missing("InstanceCount")
    if count < 1:
        raise invalid(f"Value ({count}) for parameter instanceCount is invalid. It must be at least 1.")
    type = given.get("InstanceType") or _common(before, "type", "InstanceType")
    if type not in types() or _family(type) != _family(before[0].type):
        raise invalid(f"The instance type '{type}' is not a size of the family '{_family(before[0].type)}'.")
    if "AvailabilityZone" in given and "AvailabilityZoneId" in given:
        raise combination("Only one of AvailabilityZone and AvailabilityZoneId may be given.")
    zone = zone_of(call, given.get("AvailabilityZone"), given.get("AvailabilityZoneId"))
    scope = given.get("Scope")
    if scope == REGION and zone:
        raise combination("A Reserved Instance with the scope Region has no Availability Zone.")
    if scope == REGION:
        return Target("", type, count)
    if not zone:
        zone = _common(before, "zone", "AvailabilityZone")
        if scope == ZONE and not zone:
            raise missing("AvailabilityZone")
    return Target("", type, count, zone)


def _common(before: list[Reserved], field: str, member: str) -> Any:
    values = {getattr(one, field) for one in before}
    if len(values) > 1:
        raise missing(member)
    return values.pop()


def _check_value(before: list[Reserved], after: list[Target]) -> None:
    was = sum(one.count * factor(one.type) for one in before)
    becomes = sum(one.count * factor(one.type) for one in after)
    if was != becomes:
        raise invalid(
            f"The target configurations must have the size of the originals: {was:g} normalized units, not {becomes:g}."
        )
    if Counter((one.type, one.zone, one.count) for one in before) == Counter(
        (one.type, one.zone, one.count) for one in after
    ):
        raise invalid("The target configurations are those that the Reserved Instances have.")


@operation("ModifyReservedInstances", resource=targets(reserved_kind, "ReservedInstancesIds"))
def modify_reserved_instances(call: Call, request: Request) -> dict[str, Any]:
    done = made_before(call, request)
    if done is not None:
        return {"ReservedInstancesModificationId": done[0]}
    before = _alike(call, request["ReservedInstancesIds"])
    wanted = [_target(call, one, before) for one in request["TargetConfigurations"]]
    if not wanted:
        raise missing("TargetConfigurations")
    _check_value(before, wanted)
    effective = max(float(int(call.now) // HOUR_SECONDS * HOUR_SECONDS), *(one.start for one in before))
    id = f"rimod-{ids.request_id()}"
    end = min(one.end for one in before)
    after = [replace(one, reserved=reserved_kind.new_id()) for one in wanted]
    for one in before:
        reserved_kind.put(call, one.id, replace(one, end=effective))
    for target in after:
        new = replace(
            before[0], id=target.reserved, type=target.type, count=target.count, zone=target.zone, start=effective
        )
        reserved_kind.put(call, new.id, replace(new, end=end, of=id, tags={}))
    made = Modification(id, call.now, effective, [one.id for one in before], after, request.get("ClientToken") or "")
    modifications.put(call.tx, call.account, call.region, id, record=made)
    remember(call, request, [id])
    return {"ReservedInstancesModificationId": id}


def _of_targets(read: Any) -> Any:
    return lambda one: [value for target in one.after if (value := read(target))]


def _stamp(moment: float) -> list[str]:
    return [f"{iso_millis(moment)}Z"]


FILTERS: dict[str, Any] = {
    "client-token": lambda one: [one.token],
    "create-date": lambda one: _stamp(one.made),
    "effective-date": lambda one: _stamp(one.effective),
    "modification-result.reserved-instances-id": _of_targets(lambda target: target.reserved),
    "modification-result.target-configuration.availability-zone": _of_targets(lambda target: target.zone),
    "modification-result.target-configuration.availability-zone-id": _of_targets(
        lambda target: zone_id(target.zone) if target.zone else ""
    ),
    "modification-result.target-configuration.instance-count": _of_targets(lambda target: str(target.count)),
    "modification-result.target-configuration.instance-type": _of_targets(lambda target: target.type),
    "reserved-instances-id": lambda one: one.before,
    "reserved-instances-modification-id": lambda one: [one.id],
    "status": lambda one: ["fulfilled"],
    "status-message": lambda one: [],
    "update-date": lambda one: _stamp(one.made),
}


def _show_target(one: Target) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "InstanceCount": one.count,
        "InstanceType": one.type,
        "Platform": "EC2-VPC",
        "Scope": ZONE if one.zone else REGION,
    }
    if one.zone:
        configuration |= {"AvailabilityZone": one.zone, "AvailabilityZoneId": zone_id(one.zone)}
    return {"ReservedInstancesId": one.reserved, "TargetConfiguration": configuration}


def _show(one: Modification) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ReservedInstancesModificationId": one.id,
        "ReservedInstancesIds": [{"ReservedInstancesId": id} for id in one.before],
        "ModificationResults": [_show_target(target) for target in one.after],
        "CreateDate": one.made,
        "UpdateDate": one.made,
        "EffectiveDate": one.effective,
        "Status": "fulfilled",
    }
    if one.token:
        shown["ClientToken"] = one.token
    return shown


@operation("DescribeReservedInstancesModifications")
def describe_reserved_instances_modifications(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(request.get("Filters") or [], FILTERS, tagged=False)
    wanted = request.get("ReservedInstancesModificationIds")
    known = {one.id: one for one in each(modifications, call.tx, call.account, call.region)}
    for id in wanted or []:
        if id not in known:
            raise invalid(f"The Reserved Instances modification {id} does not exist.")
    found = [(id, one) for id, one in known.items() if (not wanted or id in wanted) and keep(one)]
    items, token = cut(call, request, "modifications", found)
    shown = [_show(one) for one in items]
    return {"ReservedInstancesModifications": shown, **({"NextToken": token} if token else {})}
