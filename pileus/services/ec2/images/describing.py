"""DescribeImages.

Source: EC2 API Reference, "DescribeImages": own images, those one may launch, and everybody's; deprecated ones are left
out for others than their owner unless asked for.
"""

from collections.abc import Iterator
from typing import Any

from pileus.service import Call

from ..filters import chosen
from ..kinds import each
from ..listing import cut
from ..service import Ec2Error, Request, invalid, operation, refuse_no_users
from ..tags import show as show_tags
from ..volumes.records import AMAZON, AMAZON_ACCOUNT
from . import allowed
from .offered import found, may_launch, offered
from .records import Disk, Image, image_kind, images, written


def show(call: Call, image: Image) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ImageId": image.id,
        "Name": image.name,
        "ImageLocation": f"{image.owner}/{image.name}",
        "ImageType": "machine",
        "State": image.state,
        "Public": image.public,
        "Architecture": image.architecture,
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "CreationDate": written(image.created),
        "RootDeviceName": image.root_device,
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",
        "EnaSupport": True,
        "SriovNetSupport": "simple",
        "BlockDeviceMappings": [show_disk(disk) for disk in image.disks],
    }
    if image.owner == AMAZON:
        shown |= {"OwnerId": AMAZON_ACCOUNT, "ImageOwnerAlias": AMAZON}
    else:
        shown["OwnerId"] = image.owner
    if image.description:
        shown["Description"] = image.description
    if image.deprecated:
        shown["DeprecationTime"] = written(image.deprecated)
    if image.owner == call.account:
        shown["DeregistrationProtection"] = image.protection
        if image.last_launched:
            shown["LastLaunchedTime"] = written(image.last_launched)
    if image.imds_v2:
        shown["ImdsSupport"] = "v2.0"
    if image.source_instance:
        shown["SourceInstanceId"] = image.source_instance
    if image.source_image:
        shown |= {"SourceImageId": image.source_image, "SourceImageRegion": image.source_region or call.region}
    shown |= allowed.shown(call, image)
    if image.reason:
        shown["StateReason"] = {"Code": "Server.InternalError", "Message": image.reason}
    if image.tags and image.owner == call.account:
        shown["Tags"] = show_tags(image.tags)
    return shown


def show_disk(disk: Disk) -> dict[str, Any]:
    if disk.virtual:
        return {"DeviceName": disk.device, "VirtualName": disk.virtual}
    volume: dict[str, Any] = {
        "DeleteOnTermination": disk.delete_on_termination,
        "VolumeSize": disk.size,
        "VolumeType": disk.type or "gp2",
        "Encrypted": bool(disk.encrypted),
    }
    if disk.snapshot:
        volume["SnapshotId"] = disk.snapshot
    if disk.iops:
        volume["Iops"] = disk.iops
    if disk.throughput:
        volume["Throughput"] = disk.throughput
    if disk.key:
        volume["KmsKeyId"] = disk.key
    return {"DeviceName": disk.device, "Ebs": volume}


def _visible(call: Call) -> Iterator[Image]:
    yield from (image for image in offered(call.region).values() if allowed.allowed(call, image))
    for image in each(images, call.tx):
        if image.region == call.region and may_launch(call, image):
            yield image


def _of_owner(call: Call, image: Image, owners: list[str]) -> bool:
    for owner in owners:
        if owner == "self" and image.owner == call.account:
            return True
        if owner in (image.owner, AMAZON_ACCOUNT if image.owner == AMAZON else image.owner):
            return True
    return False


def _of_launcher(call: Call, image: Image, launchers: list[str]) -> bool:
    """'all': public; 'self': given to this account by name; an account: given to it by its owner, who asks."""
    for launcher in launchers:
        if launcher == "all" and image.public:
            return True
        account = call.account if launcher == "self" else launcher
        if account in image.launchers:
            return True
    return False


@operation("DescribeImages")
def describe_images(call: Call, request: Request) -> dict[str, Any]:
    keep = chosen(image_kind, request)
    wanted, owners, launchers = request.get("ImageIds"), request.get("Owners"), request.get("ExecutableUsers")
    refuse_no_users(owners, "self", AMAZON, "aws-marketplace", "aws-backup-vault")
    refuse_no_users(launchers, "self", "all")
    deprecated, disabled = request.get("IncludeDeprecated"), request.get("IncludeDisabled")
    if wanted:
        pairs = [(id, found(call, id)) for id in dict.fromkeys(wanted)]
        lost = [id for id, image in pairs if image is None]
        if lost:
            raise _unknown(lost)
        candidates: list[Image] = [image for _, image in pairs if image is not None]
    else:
        candidates = list(_visible(call))
        if "MaxResults" in request and request["MaxResults"] < 1:
            raise invalid("MaxResults must be at least 1")

    def passes(image: Image) -> bool:
        own = image.owner == call.account
        if not wanted and image.deprecated and image.deprecated <= call.now and not (own or deprecated):
            return False
        if image.state == "disabled" and not (own and (disabled or wanted)):
            return False
        if owners and not _of_owner(call, image, owners):
            return False
        if launchers and not _of_launcher(call, image, launchers):
            return False
        return keep(image)

    items, token = cut(call, request, "images", [(image.id, image) for image in candidates if passes(image)])
    return {"Images": [show(call, image) for image in items], **({"NextToken": token} if token else {})}


def _unknown(lost: list[str]) -> Ec2Error:
    for id in lost:
        if image_kind.form.fullmatch(id) is None:
            return Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{id}" (expecting "ami-...")')
    named = f"'[{', '.join(lost)}]'"
    told = f"The image id {named} does not exist" if len(lost) == 1 else f"The image ids {named} do not exist"
    return Ec2Error("InvalidAMIID.NotFound", told)
