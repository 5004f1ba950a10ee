"""Volumes: created, described, attached, detached, modified, deleted.

Source: EC2 API Reference, "CreateVolume" and its kin; Amazon EBS User Guide, "Modify an Amazon EBS volume using Elastic
Volumes operations" (once in six hours; a volume never shrinks).
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..able import refuse_where_no_disk_can_be
from ..filters import compiled, nobodys
from ..instances.disks import DEVICE, VOLUMES_MAX
from ..instances.records import Placed, instance_kind
from ..kinds import targets
from ..listing import describe, select
from ..names import guest_name
from ..regions import no_zone, zone_of
from ..service import Ec2Error, Request, invalid, missing, operation
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from ..tokens import made_before, remember
from . import encrypting, making, types
from .records import Attachment, Volume, snapshot_kind, volume_kind

replace = msgspec.structs.replace
MODIFY_SECONDS = 6 * 3_600.0


def show_attachment(volume: Volume, attachment: Attachment) -> dict[str, Any]:
    return {
        "AttachTime": attachment.at,
        "Device": attachment.device,
        "InstanceId": attachment.instance,
        "State": attachment.state,
        "VolumeId": volume.id,
        "DeleteOnTermination": attachment.delete_on_termination,
    }


def show(call: Call, volume: Volume) -> dict[str, Any]:
    attachments = [show_attachment(volume, volume.attachment)] if volume.attachment is not None else []
    shown: dict[str, Any] = {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.zone,
        "Size": volume.size,
        "SnapshotId": volume.snapshot,
        "State": volume.state,
        "CreateTime": volume.created,
        "VolumeType": volume.type,
        "Encrypted": volume.encrypted,
        "MultiAttachEnabled": False,
        "Attachments": attachments,
        **shown_tags(volume.tags),
    }
    if volume.key:
        shown["KmsKeyId"] = volume.key
    if volume.iops:
        shown["Iops"] = volume.iops
    if volume.throughput:
        shown["Throughput"] = volume.throughput
    return shown


def _creating(call: Call, request: Request) -> list[str]:
    """A snapshot that it is made of is asked for as well (Service Authorization Reference, "CreateVolume")."""
    source = request.get("SnapshotId")
    return [volume_kind.arn(call, "*"), *([snapshot_kind.arn(call, source)] if source else [])]


@operation(
    "CreateVolume",
    resource=_creating,
    context=lambda call, request: {
        "ec2:VolumeSize": str(request.get("Size") or ""),
        "ec2:VolumeType": request.get("VolumeType") or "gp2",
        "ec2:Encrypted": bool(request.get("Encrypted")),
        "ec2:AvailabilityZone": request.get("AvailabilityZone"),
    },
)
def create_volume(call: Call, request: Request) -> dict[str, Any]:
    before = made_before(call, request)
    if before is not None:
        return show(call, volume_kind.need(call, before[0]))
    refuse_where_no_disk_can_be(call)
    zone = zone_of(call, request.get("AvailabilityZone"), request.get("AvailabilityZoneId"), unknown=no_zone)
    if zone is None:
        raise missing("availabilityZone")
    if request.get("MultiAttachEnabled"):
        raise Ec2Error(
            "Unsupported", "Pileus attaches a volume to one instance at a time: leave MultiAttachEnabled out."
        )
    snapshot = request.get("SnapshotId")
    if not snapshot and request.get("Size") is None:
        raise missing("size/snapshot")
    volume = making.make(
        call,
        zone,
        size=request.get("Size"),
        type=request.get("VolumeType"),
        iops=request.get("Iops"),
        throughput=request.get("Throughput"),
        source=making.source_of(call, snapshot) if snapshot else making.NOTHING,
        encrypted=request.get("Encrypted"),
        key=request.get("KmsKeyId") or "",
        tags=given_tags(call, request, volume_kind)[volume_kind.type],
    )
    remember(call, request, [volume.id])
    return show(call, volume)


@operation("DescribeVolumes")
def describe_volumes(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, volume_kind, ids="VolumeIds", answer="Volumes", show=show, exclusive=True)


@operation("DeleteVolume", resource=targets(volume_kind, "VolumeId"))
def delete_volume(call: Call, request: Request) -> None:
    volume = volume_kind.need(call, request["VolumeId"])
    if volume.attachment is not None:
        raise Ec2Error("VolumeInUse", f"Volume {volume.id} is currently attached to {volume.attachment.instance}")
    if volume.state not in ("available", "error"):
        raise Ec2Error("IncorrectState", f"Volume {volume.id} is in the {volume.state} state.")
    volume_kind.put(call, volume.id, replace(volume, state="deleting"))


def _both(call: Call, request: Request) -> list[str]:
    found = [volume_kind.arn(call, request.get("VolumeId") or "*")]
    if request.get("InstanceId"):
        found.append(instance_kind.arn(call, request["InstanceId"]))
    return found


@operation("AttachVolume", resource=_both)
def attach_volume(call: Call, request: Request) -> dict[str, Any]:
    if request.get("EbsCardIndex"):
        raise invalid("Pileus's instances have one EBS card: leave EbsCardIndex out.")
    volume = volume_kind.need(call, request["VolumeId"])
    instance = instance_kind.need(call, request["InstanceId"])
    device = request["Device"]
    if not DEVICE.fullmatch(device) or guest_name(device).startswith("nvme"):
        raise invalid(f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name.")
    if volume.attachment is not None:
        raise Ec2Error("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.state != "available":
        raise Ec2Error("IncorrectState", f"{volume.id} is not 'available'.")
    if not instance.there or instance.state not in ("pending", "running", "stopping", "stopped"):
        raise Ec2Error("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if volume.zone != instance.zone:
        raise Ec2Error(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    taken = {guest_name(disk.device) for disk in (*instance.disks, *instance.store)}
    if guest_name(device) in taken:
        raise invalid(f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use")
    if len(instance.disks) >= VOLUMES_MAX:
        raise Ec2Error("AttachmentLimitExceeded", f"The instance '{instance.id}' has {VOLUMES_MAX} volumes already.")
    encrypting.may_use(call, volume.data_key)
    root = device == instance.root_device and instance.state == "stopped"
    attachment = Attachment(instance.id, device, "attaching", call.now)
    changed = replace(volume, state="in-use", attachment=attachment, root=root)
    volume_kind.put(call, volume.id, changed)
    disks = [*instance.disks, Placed(device, volume.id, at=call.now)]
    instance_kind.put(call, instance.id, replace(instance, disks=disks))
    return show_attachment(changed, attachment)


@operation("DetachVolume", resource=_both)
def detach_volume(call: Call, request: Request) -> dict[str, Any]:
    volume = volume_kind.need(call, request["VolumeId"])
    attachment = volume.attachment
    if attachment is None or attachment.state == "detached":
        raise Ec2Error("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
    if request.get("InstanceId") not in (None, attachment.instance) or request.get("Device") not in (
        None,
        attachment.device,
    ):
        instance_id = request.get("InstanceId") or attachment.instance
        raise Ec2Error(
            "InvalidAttachment.NotFound",
            f"The volume '{volume.id}' is not attached to instance '{instance_id}' as device "
            f"'{request.get('Device') or attachment.device}'.",
        )
    instance = instance_kind.get(call, attachment.instance)
    if volume.root and instance is not None and instance.state != "stopped":
        raise Ec2Error(
            "OperationNotPermitted",
            f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'",
        )
    leaving = replace(attachment, state="detaching", force=bool(request.get("Force")))
    changed = replace(volume, attachment=leaving)
    volume_kind.put(call, volume.id, changed)
    return show_attachment(changed, leaving)


def _modification(volume: Volume) -> dict[str, Any]:
    return {"VolumeId": volume.id, **(volume.modification or {})}


@operation("ModifyVolume", resource=targets(volume_kind, "VolumeId"))
def modify_volume(call: Call, request: Request) -> dict[str, Any]:
    volume = volume_kind.need(call, request["VolumeId"])
    if volume.state not in ("available", "in-use"):
        raise Ec2Error("IncorrectState", f"Volume {volume.id} is in the {volume.state} state.")
    before = volume.modification
    if before is not None and call.now < before["StartTime"] + MODIFY_SECONDS:
        raise Ec2Error(
            "VolumeModificationRateExceeded",
            f"You've reached the maximum modification rate per volume limit. Wait at least 6 hours between "
            f"modifications per EBS volume. Volume {volume.id}.",
        )
    if request.get("MultiAttachEnabled"):
        raise Ec2Error("Unsupported", "Pileus attaches a volume to one instance at a time.")
    size, type = request.get("Size") or volume.size, request.get("VolumeType") or volume.type
    if size < volume.size:
        raise invalid(f"New size cannot be smaller than existing size ({volume.size} GiB)")
    same = type == volume.type
    iops, throughput = request.get("Iops"), request.get("Throughput")
    if same and types.TYPES[type].iops is not None and iops is None:
        iops = volume.iops
    if same and types.TYPES[type].throughput is not None and throughput is None:
        throughput = volume.throughput
    performance = types.checked(type, size, iops, throughput)
    if (size, type, *performance) == (volume.size, volume.type, volume.iops, volume.throughput):
        raise invalid("The requested modification is the same as the volume's current configuration.")
    modification = {
        "ModificationState": "completed",
        "TargetSize": size,
        "TargetIops": performance.iops,
        "TargetVolumeType": type,
        "TargetThroughput": performance.throughput,
        "TargetMultiAttachEnabled": False,
        "OriginalSize": volume.size,
        "OriginalIops": volume.iops,
        "OriginalVolumeType": volume.type,
        "OriginalThroughput": volume.throughput,
        "OriginalMultiAttachEnabled": False,
        "Progress": 100,
        "StartTime": float(int(call.now)),
        "EndTime": float(int(call.now)),
    }
    changed = replace(
        volume,
        size=size,
        type=type,
        iops=performance.iops,
        throughput=performance.throughput,
        modification=modification,
    )
    volume_kind.put(call, volume.id, changed)
    return {"VolumeModification": {**_modification(changed), "ModificationState": "modifying", "Progress": 0}}


def _modified(member: str) -> Any:
    return lambda volume: [str((volume.modification or {}).get(member))]


MODIFICATIONS: dict[str, Any] = {
    "volume-id": lambda volume: [volume.id],
    "modification-state": _modified("ModificationState"),
    "original-iops": _modified("OriginalIops"),
    "original-size": _modified("OriginalSize"),
    "original-volume-type": _modified("OriginalVolumeType"),
    "target-iops": _modified("TargetIops"),
    "target-size": _modified("TargetSize"),
    "target-volume-type": _modified("TargetVolumeType"),
    "originalMultiAttachEnabled": lambda volume: ["false"],
    "targetMultiAttachEnabled": lambda volume: ["false"],
}


@operation("DescribeVolumesModifications")
def describe_volumes_modifications(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(request.get("Filters") or [], MODIFICATIONS)
    named = volume_kind.need_all(call, request.get("VolumeIds") or [])
    lost = [volume.id for volume in named if volume.modification is None]
    if lost:
        raise Ec2Error("InvalidVolumeModification.NotFound", f"Modification for volume '{lost[0]}' does not exist.")
    records, token = select(
        call, request, volume_kind, ids="VolumeIds", extra=lambda volume: volume.modification is not None, keep=keep
    )
    shown = [_modification(volume) for volume in records]
    return {"VolumesModifications": shown, **({"NextToken": token} if token else {})}


def _health(volume: Volume) -> str:
    return "ok" if volume.state != "error" else "impaired"


STATUSES: dict[str, Any] = {
    "availability-zone": lambda volume: [volume.zone],
    "volume-status.status": lambda volume: [_health(volume)],
    "volume-status.details-name": lambda volume: ["io-enabled", "io-performance"],
    "volume-status.details-status": lambda volume: ["passed", "not-applicable"],
    **nobodys("action.code", "action.description", "action.event-id"),
    **nobodys("event.description", "event.event-id", "event.event-type", "event.not-after", "event.not-before"),
}


def _status(call: Call, volume: Volume) -> dict[str, Any]:
    details = [{"Name": "io-enabled", "Status": "passed"}, {"Name": "io-performance", "Status": "not-applicable"}]
    return {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.zone,
        "VolumeStatus": {"Status": _health(volume), "Details": details},
        "Events": [],
        "Actions": [],
    }


@operation("DescribeVolumeStatus")
def describe_volume_status(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(request.get("Filters") or [], STATUSES)
    records, token = select(call, request, volume_kind, ids="VolumeIds", keep=keep, exclusive=True)
    shown = [_status(call, volume) for volume in records]
    return {"VolumeStatuses": shown, **({"NextToken": token} if token else {})}


@operation("DescribeVolumeAttribute", resource=targets(volume_kind, "VolumeId"))
def describe_volume_attribute(call: Call, request: Request) -> dict[str, Any]:
    volume = volume_kind.need(call, request["VolumeId"])
    if request["Attribute"] == "productCodes":
        return {"VolumeId": volume.id, "ProductCodes": []}
    return {"VolumeId": volume.id, "AutoEnableIO": {"Value": volume.auto_io}}


@operation("ModifyVolumeAttribute", resource=targets(volume_kind, "VolumeId"))
def modify_volume_attribute(call: Call, request: Request) -> None:
    """Nothing ever disables a volume's I/O here, so there is nothing to enable again by itself."""
    volume = volume_kind.need(call, request["VolumeId"])
    wanted = (request.get("AutoEnableIO") or {}).get("Value")
    if wanted is not None:
        volume_kind.put(call, volume.id, replace(volume, auto_io=wanted))
