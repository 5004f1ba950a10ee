"""RunInstances.

Source: EC2 API Reference, "RunInstances". The answer says `pending`: machines, disks and addresses are recorded as
desired, and the reconcilers (`running.py`, `volumes/keeping.py`, `vpc/realizing.py`) make them.
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.service import Call

from .. import key_pairs
from ..able import refuse_where_none_can_run
from ..heeding import Heeded
from ..images.offered import launchable, launched_now, resolved
from ..images.records import Disk, Image, image_kind
from ..kinds import HEX_DIGITS
from ..placement import placing
from ..placement.records import placement_kind
from ..service import Ec2Error, Request, combination, invalid, operation, refuse_unread
from ..spot.records import record as spot_record
from ..spot.records import spot_kind
from ..tags import given as given_tags
from ..templates.applying import applied
from ..templates.records import named, template_kind
from ..tokens import made_before, remember
from ..volumes import making
from ..volumes.records import Attachment, volume_kind
from ..vpc.kinds import GROUP, INTERFACE, SUBNET
from . import capacity, disks, hostnames, joins, showing, telling, wishes
from .records import Instance, Placed, instance_kind
from .types import DEFAULT_TYPE, InstanceType, type_of

COUNT_MAX = 1_000


def _resources(call: Call, request: Request) -> list[str]:
    """What a launch must be allowed on, besides the disks and interfaces it makes (`telling.may_make`).

    Source: Service Authorization Reference, RunInstances' required resources.
    """
    template = request.get("LaunchTemplate")
    request, _ = applied(call, request)
    found = [image_kind.arn(call, resolved(call, request.get("ImageId") or "*")), instance_kind.arn(call, "*")]
    found.append(SUBNET.arn(call, request.get("SubnetId") or "*"))
    found += [GROUP.arn(call, id) for id in request.get("SecurityGroupIds") or ["*"]]
    if request.get("KeyName"):
        pair = key_pairs.named(call, request["KeyName"])
        found.append(key_pairs.kind.arn(call, pair.id if pair is not None else request["KeyName"]))
    placement = request.get("Placement") or {}
    if placement.get("GroupName") or placement.get("GroupId"):
        found.append(placement_kind.arn(call, placement.get("GroupName") or placement["GroupId"]))
    if template:
        id = named(call, template.get("LaunchTemplateId"), template.get("LaunchTemplateName")).id
        found.append(template_kind.arn(call, id))
    return found


def run(call: Call, given: Request) -> dict[str, Any]:
    """The whole of RunInstances, for the operation and for what launches by itself."""
    before = made_before(call, given)
    if before is not None:
        left = [one for id in before if (one := instance_kind.get(call, id)) is not None]
        if not left:
            raise instance_kind.unknown(before)
        return showing.reservation(call, left)
    merged, own_tags = applied(call, _plain(given))
    request = Heeded(merged)
    made = _launched(call, request, own_tags)
    refuse_unread("RunInstances", request)
    remember(call, given, [instance.id for instance in made], lasting=True)
    return showing.reservation(call, made)


def _plain(given: Request) -> dict[str, Any]:
    return given.plain() if isinstance(given, Heeded) else given


def _launched(call: Call, request: Request, own_tags: dict[str, str]) -> list[Instance]:
    request.get("ClientToken")
    low, high = request["MinCount"], request["MaxCount"]
    if low < 1 or high < low:
        raise invalid("The value for minCount must be at least 1, and maxCount must not be smaller than it.")
    if high > COUNT_MAX:
        raise Ec2Error("InstanceLimitExceeded", f"At most {COUNT_MAX} instances are launched by one request.")
    refuse_where_none_can_run(call)
    if not request.get("ImageId"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    asked = resolved(call, request["ImageId"])
    image = launched_now(call, launchable(call, asked))
    kind = type_of(request.get("InstanceType") or DEFAULT_TYPE)
    if image.architecture not in kind.architectures:
        raise invalid(
            f"The architecture '{','.join(kind.architectures)}' of the specified instance type does not match the "
            f"architecture '{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have "
            "matching architectures, and try again."
        )
    fields = wishes.options(call, request, image, kind)
    naming = request.get("PrivateDnsNameOptions") or {}
    wanted = disks.merged(image, request.get("BlockDeviceMappings") or [], kind)
    place = joins.read(call, request, high)
    high = capacity.fitting(call, low, high, kind.name, place.subnet.zone)
    if len(place.wishes) > kind.interfaces:
        raise Ec2Error(
            "AttachmentLimitExceeded",
            f"Interface count {len(place.wishes)} exceeds the limit for {kind.name}: {kind.interfaces}",
        )
    fields["resource_names"] = hostnames.of_launch(naming, place.subnet)
    grouping = placing.read(call, request.get("Placement") or {}, kind)
    high = placing.room(call, grouping, place.subnet.zone, low, high)
    telling.may_make(call, wanted, place)
    tags = given_tags(call, request, instance_kind, volume_kind, INTERFACE, spot_kind)
    tags[instance_kind.type] |= own_tags
    fields |= _market(request)
    market, launch = fields.pop("market", ""), {"ImageId": asked, "InstanceType": kind.name}
    if market:
        fields["market"] = market
        launch |= {"KeyName": fields["key_name"]} if fields.get("key_name") else {}
    price = fields.pop("spot_request", "")
    reservation = f"r-0{ids.unique_hex(HEX_DIGITS - 1)}"
    made = []
    for index, grouped in enumerate(placing.joined(call, grouping, place.subnet.zone, high)):
        fields["grouped"] = grouped
        made.append(_one(call, reservation, index, asked, image, kind, fields, wanted, place, tags))
    if market != "spot":
        return made
    return [_on_spot(call, one, launch, price, tags[spot_kind.type]) for one in made]


def _on_spot(call: Call, instance: Instance, launch: dict[str, Any], price: str, tags: dict[str, str]) -> Instance:
    """With the request that stands for it."""
    id = spot_record(call, instance.id, instance.zone, launch, price, tags)
    return instance_kind.put(call, instance.id, msgspec.structs.replace(instance, spot_request=id))


def _market(request: Request) -> dict[str, Any]:
    market = request.get("InstanceMarketOptions") or {}
    if market.get("MarketType") not in (None, "spot", "on-demand"):
        raise Ec2Error("Unsupported", "Pileus has no capacity blocks.")
    if market.get("MarketType") != "spot":
        return {}
    spot = market.get("SpotOptions") or {}
    if spot.get("InstanceInterruptionBehavior") == "hibernate":
        raise Ec2Error("Unsupported", "Pileus cannot hibernate an instance.")
    if spot.get("SpotInstanceType") == "persistent":
        raise Ec2Error("Unsupported", "Pileus has one-time spot requests only.")
    # Kept, and never exceeded: there is no moving price yet.
    return {"market": "spot", "spot_request": spot.get("MaxPrice") or ""}


def _one(
    call: Call,
    reservation: str,
    index: int,
    asked: str,
    image: Image,
    kind: InstanceType,
    fields: dict[str, Any],
    wanted: list[Disk],
    place: joins.Place,
    tags: dict[str, dict[str, str]],
) -> Instance:
    id = instance_kind.new_id()
    name = hostnames.resolved(call.region, id, fields["resource_names"])
    address, public = joins.join(call, id, place, tags[INTERFACE.type], name)
    placed, store = _disks(call, id, place.subnet.zone, image, kind, wanted, tags[volume_kind.type])
    instance = Instance(
        id=id,
        account=call.account,
        region=call.region,
        zone=place.subnet.zone,
        reservation=reservation,
        image=asked,
        type=kind.name,
        vpc=place.subnet.vpc,
        subnet=place.subnet.id,
        private_address=address,
        launched=float(int(call.now)),
        root_device=image.root_device,
        launch_index=index,
        disks=placed,
        store=store,
        public_at_boot=public,
        tags=tags[instance_kind.type],
        **fields,
    )
    return instance_kind.put(call, id, instance)


def _disks(
    call: Call, instance: str, zone: str, image: Image, kind: InstanceType, wanted: list[Disk], tags: dict[str, str]
) -> tuple[list[Placed], list[Placed]]:
    """The records of its volumes, and which instance store disks it has."""
    placed, store = [], []
    for disk in wanted:
        if disk.virtual:
            assert kind.store is not None
            store.append(Placed(disk.device, virtual=disk.virtual, size=kind.store[1]))
            continue
        root = disk.device == image.root_device
        source = making.source_of(call, disk.snapshot, of=image) if disk.snapshot else making.NOTHING
        if disk.size:
            source.must_fit_in(disk.size, "InvalidBlockDeviceMapping")
        volume = making.make(
            call,
            zone,
            size=disk.size or None,
            type=disk.type or None,
            iops=disk.iops or None,
            throughput=disk.throughput or None,
            source=source,
            encrypted=disk.encrypted,
            key=disk.key,
            tags=tags,
            root=root,
            attachment=Attachment(instance, disk.device, "attaching", call.now, disk.delete_on_termination),
        )
        placed.append(Placed(disk.device, volume.id, at=call.now))
    return placed, store


@operation("RunInstances", resource=_resources)
def run_instances(call: Call, request: Request) -> dict[str, Any]:
    if request.get("SecurityGroups") and request.get("SecurityGroupIds"):
        raise combination("The parameters groupName and groupId cannot be used together")
    return run(call, request)
