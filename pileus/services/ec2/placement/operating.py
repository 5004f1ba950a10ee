"""The operations on placement groups.

Source: EC2 API Reference, "CreatePlacementGroup", "DeletePlacementGroup", "DescribePlacementGroups",
"ModifyInstancePlacement", "Error codes" (PlacementGroupLimitExceeded: 500 in a region).
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..filters import compiled
from ..instances.records import instance_kind
from ..instances.types import type_of
from ..kinds import targets
from ..service import Ec2Error, Request, combination, invalid, missing, operation
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from ..vpc.quotas import room
from .placing import check_zone, joined, members, read
from .records import Group, named, names, need, placement_kind

GROUPS_MAX = 500
PARTITIONS_MAX, PARTITIONS_DEFAULT = 7, 2
NAME_MAX = 255
PARTIAL = (
    "all machines are on the one host: spread and partition keep the rules and numbers, and put nothing on other "
    "hardware"
)
replace = msgspec.structs.replace


def _arn(call: Call, request: Request) -> str:
    return placement_kind.arn(call, request.get("GroupName") or "*")


def _show(call: Call, group: Group) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "GroupId": group.id,
        "GroupName": group.name,
        "GroupArn": placement_kind.arn(call, group.id),
        "Strategy": group.strategy,
        "State": "available",
        **shown_tags(group.tags),
    }
    if group.partitions:
        shown["PartitionCount"] = group.partitions
    if group.spread:
        shown["SpreadLevel"] = group.spread[0]
    return shown


def _partitions(request: Request, strategy: str) -> int:
    count = request.get("PartitionCount")
    if strategy != "partition":
        if count is not None:
            raise combination("PartitionCount is for the strategy partition only.")
        return 0
    if count is None:
        return PARTITIONS_DEFAULT
    if not 1 <= count <= PARTITIONS_MAX:
        raise invalid(f"Value ({count}) for parameter partitionCount is invalid. It is 1 to {PARTITIONS_MAX}.")
    return int(count)


@operation("CreatePlacementGroup", resource=_arn, partial=PARTIAL)
def create_placement_group(call: Call, request: Request) -> dict[str, Any]:
    name, strategy = request.get("GroupName") or "", request.get("Strategy") or "cluster"
    if not name:
        raise missing("GroupName")
    if len(name) > NAME_MAX or not name.isascii():
        raise invalid(f"Invalid value for groupName: at most {NAME_MAX} ASCII characters.")
    if strategy == "precision-time":
        raise Ec2Error("Unsupported", "Pileus has no hardware with a clock of its own: precision-time is refused.")
    if request.get("SpreadLevel") == "host":
        raise Ec2Error("Unsupported", "The spread level host is for Outposts, which Pileus does not have.")
    if request.get("SpreadLevel") and strategy != "spread":
        raise combination("SpreadLevel is for the strategy spread only.")
    if named(call, name) is not None:
        raise Ec2Error("InvalidPlacementGroup.Duplicate", f"The placement group '{name}' already exists.")
    room(
        placement_kind.all(call),
        GROUPS_MAX,
        "PlacementGroupLimitExceeded",
        f"The maximum number of placement groups has been reached ({GROUPS_MAX}).",
    )
    made = Group(
        placement_kind.new_id(),
        name,
        call.account,
        call.region,
        strategy,
        _partitions(request, strategy),
        given_tags(call, request, placement_kind)[placement_kind.type],
    )
    placement_kind.put(call, made.id, made)
    names.put(call.tx, call.account, call.region, name, record=made.id)
    return {"PlacementGroup": _show(call, made)}


@operation("DeletePlacementGroup", resource=_arn)
def delete_placement_group(call: Call, request: Request) -> None:
    group = need(call, request["GroupName"])
    if members(call, group.id):
        raise Ec2Error(
            "InvalidPlacementGroup.InUse", f"The placement group '{group.name}' is in use and may not be deleted."
        )
    names.delete(call.tx, call.account, call.region, group.name)
    placement_kind.delete(call, group.id)


@operation("DescribePlacementGroups")
def describe_placement_groups(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(
        request.get("Filters") or [],
        {**placement_kind.filters, "group-arn": lambda group: [placement_kind.arn(call, group.id)]},
    )
    found = list(placement_kind.all(call))
    wanted, ids = request.get("GroupNames") or [], request.get("GroupIds") or []
    if wanted or ids:
        found = [need(call, name) for name in dict.fromkeys(wanted)] + placement_kind.need_all(call, ids)
    return {"PlacementGroups": [_show(call, group) for group in found if keep(group)]}


def _moved(call: Call, request: Request) -> list[str]:
    found = targets(instance_kind, "InstanceId")(call, request)
    group = request.get("GroupName") or request.get("GroupId")
    return [*found, placement_kind.arn(call, group)] if group else found


@operation("ModifyInstancePlacement", resource=_moved, partial="without HostId, HostResourceGroupArn, Affinity")
def modify_instance_placement(call: Call, request: Request) -> dict[str, Any]:
    """Into a group, to another partition, or with an empty GroupName out of its group."""
    instance = instance_kind.need(call, request["InstanceId"])
    if request.get("Tenancy") not in (None, "default"):
        raise Ec2Error("Unsupported", "Pileus is one host for all: leave Tenancy out.")
    if all(request.get(name) is None for name in ("GroupName", "GroupId", "PartitionNumber", "Tenancy")):
        raise missing("GroupName, GroupId, PartitionNumber or Tenancy")
    if instance.state != "stopped":
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    given = {"GroupName": request.get("GroupName"), "GroupId": request.get("GroupId")}
    given["PartitionNumber"] = request.get("PartitionNumber")
    if given["GroupName"] is None and given["GroupId"] is None and instance.grouped is not None:
        given["GroupName"] = instance.grouped.name
    wish = read(call, given, type_of(instance.type))
    # It is out of its old group before it joins: it does not count among those that are there.
    outside = instance_kind.put(call, instance.id, replace(instance, grouped=None))
    if wish is not None:
        check_zone(call, wish.group, instance.zone)
        (grouped,) = joined(call, wish, instance.zone)
        instance_kind.put(call, instance.id, replace(outside, grouped=grouped))
    return {"Return": True}
