"""CreateImage, RegisterImage, CopyImage: an image is the record, its bytes are snapshots.

An image is `pending` until all its snapshots are there (`completing.py`). Source: EC2 API Reference, the operations'
pages; Amazon EC2 User Guide, "Create an Amazon EBS-backed AMI".
"""

import re
from typing import Any

import msgspec

from pileus.model import regions
from pileus.service import Call, Outside

from ..instances.disks import read as read_mapping
from ..instances.records import Instance, instance_kind
from ..kinds import created
from ..service import Ec2Error, Request, invalid, operation
from ..tags import given as given_tags
from ..tokens import made_before, remember
from ..volumes import encrypting, making, snapshots
from ..volumes.records import Snapshot, snapshot_kind, volume_kind
from .offered import found
from .records import Disk, Image, image_kind, images, images_of_name

replace = msgspec.structs.replace
NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
DESCRIPTION_MAX = 255


def _named(call: Call, request: Request) -> tuple[str, str]:
    """The name and the description of a new image, fit and free."""
    name, description = request["Name"], request.get("Description") or ""
    if not NAME.fullmatch(name):
        raise Ec2Error(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '[', "
            "']', ' ', '.', '/', '-', ''', '@' and '_'",
        )
    for _, other in images.find(call.tx, images_of_name, call.account, call.region, name, limit=1):
        raise Ec2Error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {other.id}")
    if len(description) > DESCRIPTION_MAX:
        raise invalid(f"The description is longer than {DESCRIPTION_MAX} characters.")
    return name, description


def _sources(call: Call, request: Request) -> list[str]:
    instance = instance_kind.arn(call, request.get("InstanceId") or "*")
    return [instance, image_kind.arn(call, "*"), snapshot_kind.arn(call, "*")]


@operation("CreateImage", resource=_sources)
def create_image(call: Call, request: Request) -> Any:
    """Of a machine that runs, its reconciler shuts the guest down, keeps the moment and boots it again, unless the
    caller would rather not have that; of one that is stopped, and of one that is not to be rebooted, it is taken now.
    """
    if request.get("SnapshotLocation") not in (None, "regional"):
        raise Ec2Error("Unsupported", "Pileus has regions only: leave SnapshotLocation out.")
    instance = instance_kind.need(call, request["InstanceId"])
    if instance.state not in ("running", "stopped"):
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not 'running' or 'stopped'.")
    name, description = _named(call, request)
    reboots = instance.state == "running" and not request.get("NoReboot")
    tags = given_tags(call, request, image_kind, snapshot_kind)
    id = image_kind.new_id()
    disks, made = _of_machine(call, request, instance, id, tags[snapshot_kind.type], held=reboots)
    origin = image_kind.behind(call, instance.image)  # whether or not it could be launched by now
    image_kind.put(
        call,
        id,
        Image(
            id=id,
            name=name,
            owner=call.account,
            region=call.region,
            state="pending",
            created=float(int(call.now)),
            root_device=instance.root_device,
            disks=disks,
            architecture=instance.architecture,
            description=description,
            source_instance=instance.id,
            source_image=instance.image,
            source_region=call.region,
            imds_v2=origin is not None and origin.imds_v2,
            tags=tags[image_kind.type],
        ),
    )
    if reboots:
        instance_kind.put(call, instance.id, replace(instance, imaging=[*instance.imaging, id]))
        return {"ImageId": id}
    made = snapshots.one_moment(call, instance.id, made)

    async def work() -> Any:
        await snapshots.taken(call, made)
        return await call.conclude(lambda call: {"ImageId": id})

    return Outside(work)


def _of_machine(
    call: Call, request: Request, instance: Instance, image: str, tags: dict[str, str], *, held: bool
) -> tuple[list[Disk], list[Snapshot]]:
    """The mappings of an image of the machine, and the snapshots that are to be taken for it."""
    given = {one.device: one for one in map(read_mapping, request.get("BlockDeviceMappings") or [])}
    disks, made = [], []
    for placed in instance.disks:
        asked = given.pop(placed.device, None)
        if asked is not None and asked.none and placed.device != instance.root_device:
            continue
        if asked is not None and (asked.none or asked.virtual or asked.snapshot):
            raise Ec2Error("InvalidBlockDeviceMapping", f"The disk at {placed.device} is taken as it is, or left out.")
        volume = volume_kind.need(call, placed.volume)
        if asked is not None and (asked.key or asked.encrypted not in (None, volume.encrypted)):
            raise Ec2Error(
                "InvalidBlockDeviceMapping", f"The snapshot of {placed.device} is encrypted as the volume is."
            )
        snapshot = snapshots.begin(call, volume, f"Created by CreateImage({instance.id}) for {image}", tags)
        if held:
            snapshot = snapshot_kind.put(call, snapshot.id, replace(snapshot, held=True))
        made.append(snapshot)
        keeps = volume.attachment is not None and volume.attachment.delete_on_termination
        size = asked.size if asked is not None and asked.size else volume.size
        if size < volume.size:
            raise invalid(f"Volume of size {size}GB is smaller than snapshot, expect size >= {volume.size}GB")
        type = asked.type if asked is not None and asked.type else volume.type
        plain = type == volume.type and volume.type != "gp2"
        disks.append(
            Disk(
                placed.device,
                snapshot.id,
                size,
                type,
                asked.iops if asked is not None and asked.iops else volume.iops if plain else 0,
                asked.throughput if asked is not None and asked.throughput else volume.throughput if plain else 0,
                keeps if asked is None else asked.delete_on_termination,
                snapshot.encrypted or None,
            )
        )
    if not any(disk.device == instance.root_device for disk in disks):
        raise invalid(f"Instance {instance.id} does not have a volume attached at root ({instance.root_device})")
    return disks + [_sound(call, disk) for disk in given.values() if not disk.none], made


def _sound(call: Call, disk: Disk) -> Disk:
    """A mapping that a request adds, its size known. Raises what a launch would raise."""
    if disk.virtual:
        return disk
    if not disk.snapshot:
        encrypting.key_for(call, disk.encrypted, disk.key, None)
        if not disk.size:
            raise Ec2Error("MissingParameter", "The request must contain the parameter size or snapshotId")
        return disk
    source = making.source_of(call, disk.snapshot)
    if disk.size:
        source.must_fit_in(disk.size)
    encrypted = source.record is not None and source.record.encrypted
    if disk.key or disk.encrypted not in (None, encrypted):
        raise Ec2Error("InvalidBlockDeviceMapping", f"A mapping of {disk.snapshot} is encrypted as the snapshot is.")
    return replace(disk, size=disk.size or source.size, encrypted=encrypted or None)


@operation("RegisterImage", resource=created(image_kind))
def register_image(call: Call, request: Request) -> dict[str, Any]:
    """Of snapshots that are there. What its guest would need and Pileus does not have is refused."""
    name, description = _named(call, request)
    _refuse_unfit(request)
    root = request.get("RootDeviceName")
    if not root:
        raise Ec2Error("MissingParameter", "The request must contain the parameter RootDeviceName")
    disks = [_sound(call, read_mapping(one)) for one in request.get("BlockDeviceMappings") or []]
    if len({disk.device for disk in disks}) < len(disks):
        raise Ec2Error("InvalidBlockDeviceMapping", "A device is mapped twice.")
    if not any(disk.device == root and disk.snapshot for disk in disks):
        raise Ec2Error("InvalidBlockDeviceMapping", f"The root device {root} must be mapped to a snapshot.")
    for disk in disks:
        snapshot = snapshot_kind.get(call, disk.snapshot) if disk.snapshot else None
        if snapshot is not None and snapshot.state != "completed":
            raise Ec2Error("IncorrectState", f"The snapshot '{snapshot.id}' is not completed.")
    made = Image(
        id=image_kind.new_id(),
        name=name,
        owner=call.account,
        region=call.region,
        state="available",
        created=float(int(call.now)),
        root_device=root,
        disks=disks,
        architecture="x86_64",
        description=description,
        imds_v2=request.get("ImdsSupport") == "v2.0",
        tags=given_tags(call, request, image_kind)[image_kind.type],
    )
    return {"ImageId": image_kind.put(call, made.id, made).id}


def _refuse_unfit(request: Request) -> None:
    if request.get("Architecture") != "x86_64":
        raise Ec2Error("Unsupported", "Pileus runs images of the architecture x86_64 only: name it.")
    if request.get("VirtualizationType") != "hvm":
        raise Ec2Error("Unsupported", "Pileus runs images of the virtualization type hvm only: name it.")
    if request.get("BootMode") not in (None, "legacy-bios"):
        raise Ec2Error("Unsupported", "Pileus has no UEFI: its machines share the host's kernel.")
    if request.get("EnaSupport") is False or request.get("SriovNetSupport") not in (None, "simple"):
        raise Ec2Error("Unsupported", "Every image has EnaSupport and SriovNetSupport here: leave them out.")


@operation("CopyImage", resource=lambda call, request: _both(call, request))
def copy_image(call: Call, request: Request) -> dict[str, Any]:
    """Neither launch permissions nor deprecation go along."""
    before = made_before(call, request)
    if before is not None:
        return {"ImageId": before[0]}
    region = request["SourceRegion"]
    if region not in regions.regions():
        raise invalid(f"Invalid source region: {region}")
    under = request.get("Encrypted"), request.get("KmsKeyId") or ""
    request.get("SnapshotCopyCompletionDurationMinutes")  # a copy is done at once, which is within any time
    name, description = _named(call, request)
    source = found(call, request["SourceImageId"], region)
    if source is None:
        raise image_kind.unknown([request["SourceImageId"]])
    if source.state != "available":
        raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{source.id}' is no longer available.")
    tags = given_tags(call, request, image_kind, snapshot_kind)
    own = tags[image_kind.type]
    if request.get("CopyImageTags") and source.owner == call.account:
        own = {key: value for key, value in source.tags.items() if not key.startswith("aws:")} | own
    id = image_kind.new_id()
    why = f"Copied for DestinationAmi {id} from SourceAmi {source.id}"
    disks = [_copied(call, region, disk, why, tags[snapshot_kind.type], under) for disk in source.disks]
    image_kind.put(
        call,
        id,
        Image(
            id=id,
            name=name,
            owner=call.account,
            region=call.region,
            state="pending",
            created=float(int(call.now)),
            root_device=source.root_device,
            disks=disks,
            architecture=source.architecture,
            description=description or source.description,
            source_image=source.id,
            source_region=region,
            imds_v2=source.imds_v2,
            tags=own,
        ),
    )
    remember(call, request, [id])
    return {"ImageId": id}


def _both(call: Call, request: Request) -> list[str]:
    """The copy, and the image it is of, which may be in another region."""
    source = image_kind.arn(call, request.get("SourceImageId") or "*")
    there = source.replace(f":{call.region}:", f":{request.get('SourceRegion') or call.region}:")
    return [image_kind.arn(call, "*"), there, snapshot_kind.arn(call, "*")]


def _copied(
    call: Call, region: str, disk: Disk, why: str, tags: dict[str, str], under: tuple[bool | None, str]
) -> Disk:
    if not disk.snapshot:
        return disk
    source = snapshots.readable_in(call, region, disk.snapshot)
    if source is None:
        raise Ec2Error(
            "InvalidRequest", "You do not have permission to access the storage of this ami: its owner shares it."
        )
    copy = snapshots.copied(call, source, why, tags, *under)
    return replace(disk, snapshot=copy.id, encrypted=copy.encrypted or None, key="")


def known_or_refused(call: Call, id: str) -> Image:
    """The caller's own image. Raises AuthFailure for one that is somebody else's."""
    own = image_kind.get(call, id)
    if own is not None:
        return own
    if found(call, id) is not None:
        raise Ec2Error("AuthFailure", f"Not authorized for image:{id}")
    raise image_kind.unknown([id])
