"""Block device mappings of a launch: the image's, as the request changes them.

Source: Amazon EC2 User Guide, "Block device mappings"; EC2 API Reference, "BlockDeviceMapping", "EbsBlockDevice".
"""

import re
from typing import Any

import msgspec

from ..images.records import Disk, Image
from ..service import Ec2Error, Request, invalid
from .records import Placed
from .types import InstanceType

DEVICE = re.compile(r"(/dev/)?(sd[a-z]+[0-9]{0,2}|xvd[a-z]+[0-9]{0,2}|nvme[0-9]+n1)")
VIRTUAL = re.compile(r"ephemeral([0-9]|1[0-9]|2[0-3])")
VOLUMES_MAX = 28


def read(given: Request) -> Disk:
    """One mapping of a request."""
    device = given.get("DeviceName")
    if not device:
        raise Ec2Error("MissingParameter", "The request must contain the parameter BlockDeviceMapping.DeviceName")
    if not DEVICE.fullmatch(device):
        raise invalid(f"Value ({device}) for parameter BlockDeviceMapping.DeviceName is invalid: not a device name.")
    ebs, virtual = given.get("Ebs"), given.get("VirtualName")
    if given.get("NoDevice") is not None:
        return Disk(device, none=True)
    if virtual:
        if ebs:
            raise Ec2Error("InvalidBlockDeviceMapping", f"Both an EBS volume and {virtual} are mapped to {device}")
        if not VIRTUAL.fullmatch(virtual):
            raise Ec2Error("InvalidBlockDeviceMapping", f"The virtual name {virtual} is not valid")
        return Disk(device, virtual=virtual)
    if ebs is None:
        raise Ec2Error("InvalidBlockDeviceMapping", f"The mapping of {device} names no volume")
    delete = ebs.get("DeleteOnTermination")
    return Disk(
        device,
        ebs.get("SnapshotId") or "",
        ebs.get("VolumeSize") or 0,
        ebs.get("VolumeType") or "",
        ebs.get("Iops") or 0,
        ebs.get("Throughput") or 0,
        True if delete is None else delete,
        ebs.get("Encrypted"),
        ebs.get("KmsKeyId") or "",
    )


def merged(image: Image, given: list[Any], kind: InstanceType) -> list[Disk]:
    """What the instance gets, its root disk first. Raises InvalidBlockDeviceMapping."""
    found = {disk.device: disk for disk in image.disks}
    for mapping in given:
        asked = read(mapping)
        old = found.get(asked.device)
        if asked.none:
            found.pop(asked.device, None)
            continue
        if old is not None and not asked.virtual and not old.virtual:
            asked = _over(old, asked, mapping.get("Ebs") or {})
            if asked.snapshot != old.snapshot:
                raise (
                    Ec2Error(
                        "InvalidBlockDeviceMapping", f"snapshotId can only be modified on EBS devices: {asked.device}"
                    )
                    if asked.device == image.root_device
                    else Ec2Error(
                        "InvalidBlockDeviceMapping", f"The snapshot of {asked.device} cannot be changed at launch"
                    )
                )
        elif not asked.virtual and not asked.size and not asked.snapshot:
            raise Ec2Error("MissingParameter", "The request must contain the parameter size or snapshotId")
        found[asked.device] = asked
    root = found.pop(image.root_device, None)
    if root is None or root.virtual:
        raise Ec2Error("InvalidBlockDeviceMapping", f"The root device {image.root_device} must be a volume")
    disks = [root, *(disk for _, disk in sorted(found.items()))]
    if sum(not disk.virtual for disk in disks) > VOLUMES_MAX:
        raise Ec2Error("AttachmentLimitExceeded", f"An instance can have at most {VOLUMES_MAX} volumes.")
    return _stored(disks, kind)


def _over(old: Disk, asked: Disk, ebs: Any) -> Disk:
    """The image's mapping with what the request says otherwise."""
    return msgspec.structs.replace(
        asked,
        snapshot=asked.snapshot or old.snapshot,
        size=asked.size or old.size,
        type=asked.type or old.type,
        iops=asked.iops or (old.iops if asked.type in ("", old.type) else 0),
        throughput=asked.throughput or (old.throughput if asked.type in ("", old.type) else 0),
        delete_on_termination=asked.delete_on_termination
        if "DeleteOnTermination" in ebs
        else old.delete_on_termination,
    )


def _stored(disks: list[Disk], kind: InstanceType) -> list[Disk]:
    """Instance store disks that the type does not have are left out, as in AWS; those it has and nobody mapped appear
    by themselves where AWS attaches them by itself (NVMe types)."""
    count = kind.store[0] if kind.store is not None else 0
    kept, mapped = [], set()
    for disk in disks:
        if not disk.virtual:
            kept.append(disk)
            continue
        number = int(disk.virtual.removeprefix("ephemeral"))
        if number < count and number not in mapped:
            mapped.add(number)
            kept.append(disk)
    taken = {disk.device for disk in kept}
    free = (f"/dev/sd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz" if f"/dev/sd{letter}" not in taken)
    return kept + [Disk(next(free), virtual=f"ephemeral{n}") for n in range(count) if n not in mapped]


def stores_of(kind: InstanceType, taken: set[str]) -> list[Placed]:
    """The instance store disks of a type that nothing maps."""
    disks = _stored([Disk(device) for device in sorted(taken)], kind)
    size = kind.store[1] if kind.store is not None else 0
    return [Placed(disk.device, virtual=disk.virtual, size=size) for disk in disks if disk.virtual]
