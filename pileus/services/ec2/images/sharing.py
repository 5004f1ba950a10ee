"""Attributes of an image: who may launch it, its description; and whether an account may make images public.

Source: EC2 API Reference, "ModifyImageAttribute", "DescribeImageAttribute", "ResetImageAttribute"; Amazon EC2 User
Guide, "Block public access to your AMIs" (new accounts block it).
"""

from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.service import Call
from pileus.store import Table

from ..kinds import targets
from ..service import ACCOUNT, Ec2Error, Request, combination, invalid, operation
from ..volumes.records import snapshot_kind
from .describing import show_disk
from .making import known_or_refused
from .records import Image, image_kind

replace = msgspec.structs.replace
PERMISSION, ALL = "launchPermission", "all"
BLOCKED, OPEN = "block-new-sharing", "unblocked"

public_access = Table("ec2.images.public_access", str)  # account, region -> state, where it is not the default


def _one(request: Request) -> tuple[str, Any]:
    """(attribute, what is wanted of it), in whichever of its two forms the request has it."""
    name = request.get("Attribute")
    found: dict[str, Any] = {}
    if "Description" in request:
        found["description"] = request["Description"].get("Value") or ""
    if "ImdsSupport" in request:
        found["imdsSupport"] = request["ImdsSupport"].get("Value")
    if "LaunchPermission" in request:
        given = request["LaunchPermission"]
        add, remove = given.get("Add") or [], given.get("Remove") or []
        found[PERMISSION] = [_grantee(one) for one in add], [_grantee(one) for one in remove]
    if request.get("UserIds") or request.get("UserGroups"):
        named = [_grantee({"UserId": one}) for one in request.get("UserIds") or []]
        named += [_grantee({"Group": one}) for one in request.get("UserGroups") or []]
        kind = request.get("OperationType")
        if kind is None:
            raise Ec2Error("MissingParameter", "The request must contain the parameter operationType")
        found[PERMISSION] = (named, []) if kind == "add" else ([], named)
    if name and "Value" in request:
        found[name] = request["Value"]
    if len(found) != 1 or (name and name not in found):
        raise combination("Exactly one attribute is modified by a request.")
    return next(iter(found.items()))


def _grantee(given: Any) -> str:
    account, group = given.get("UserId"), given.get("Group")
    if account and not ACCOUNT.fullmatch(account):
        raise Ec2Error("InvalidUserID.Malformed", f'Invalid user id: "{account}"')
    if group not in (None, ALL) or not (account or group):
        raise Ec2Error("InvalidUserID.Malformed", f'Invalid user group: "{group}"')
    return str(account or group)


@operation("ModifyImageAttribute", resource=targets(image_kind, "ImageId"))
def modify_image_attribute(call: Call, request: Request) -> None:
    image = known_or_refused(call, request["ImageId"])
    name, value = _one(request)
    if name == "description":
        image_kind.put(call, image.id, replace(image, description=value))
    elif name == "imdsSupport":
        if value != "v2.0":
            raise invalid(f"Value ({value}) for parameter imdsSupport is invalid: it is v2.0, and for good.")
        image_kind.put(call, image.id, replace(image, imds_v2=True))
    elif name == PERMISSION:
        add, remove = value
        if ALL in add and ALL not in image.launchers and _access(call) == BLOCKED:
            raise Ec2Error(
                "OperationNotPermitted",
                "You can't publicly share this image because block public access for AMIs is enabled for this account "
                "in this region.",
            )
        if add and image.state == "disabled":
            raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{image.id}' is disabled and cannot be shared.")
        if add:
            _refuse_what_is_not_shared(call, image, add)
        launchers = sorted((set(image.launchers) | set(add)) - set(remove))
        image_kind.put(call, image.id, replace(image, launchers=launchers))
    else:
        raise invalid(f"Value ({name}) for parameter attribute is invalid. It cannot be changed.")


def _refuse_what_is_not_shared(call: Call, image: Image, with_whom: list[str]) -> None:
    found = [snapshot_kind.get(call, disk.snapshot) for disk in image.disks if disk.snapshot]
    keys = [snapshot.data_key for snapshot in found if snapshot is not None and snapshot.data_key is not None]
    if any(key.managed for key in keys):
        raise Ec2Error(
            "InvalidParameter",
            "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
        )
    if keys and ALL in with_whom:
        raise Ec2Error("InvalidParameter", "An image with encrypted snapshots cannot be shared publicly.")


@operation("ResetImageAttribute", resource=targets(image_kind, "ImageId"))
def reset_image_attribute(call: Call, request: Request) -> None:
    image = known_or_refused(call, request["ImageId"])
    if request["Attribute"] != PERMISSION:
        raise invalid("Only launchPermission can be reset.")
    image_kind.put(call, image.id, replace(image, launchers=[]))


@operation("DescribeImageAttribute", resource=targets(image_kind, "ImageId"))
def describe_image_attribute(call: Call, request: Request) -> dict[str, Any]:
    image = known_or_refused(call, request["ImageId"])
    member, value = _attributes(image)[request["Attribute"]]
    return {"ImageId": image.id, member: value}


def _attributes(image: Image) -> dict[str, tuple[str, Any]]:
    launched = {"Value": iso(image.last_launched)} if image.last_launched else {}
    permissions = [{"Group": ALL} if one == ALL else {"UserId": one} for one in image.launchers]
    return {
        "description": ("Description", {"Value": image.description}),
        "kernel": ("KernelId", {}),
        "ramdisk": ("RamdiskId", {}),
        PERMISSION: ("LaunchPermissions", permissions),
        "productCodes": ("ProductCodes", []),
        "blockDeviceMapping": ("BlockDeviceMappings", [show_disk(disk) for disk in image.disks]),
        "sriovNetSupport": ("SriovNetSupport", {"Value": "simple"}),
        "bootMode": ("BootMode", {}),
        "tpmSupport": ("TpmSupport", {}),
        "uefiData": ("UefiData", {}),
        "lastLaunchedTime": ("LastLaunchedTime", launched),
        "imdsSupport": ("ImdsSupport", {"Value": "v2.0"} if image.imds_v2 else {}),
        "deregistrationProtection": ("DeregistrationProtection", {"Value": image.protection}),
    }


def _access(call: Call) -> str:
    return public_access.get(call.tx, call.account, call.region) or BLOCKED


@operation("GetImageBlockPublicAccessState")
def get_state(call: Call, request: Request) -> dict[str, Any]:
    return {"ImageBlockPublicAccessState": _access(call), "ManagedBy": "account"}


@operation("EnableImageBlockPublicAccess")
def block(call: Call, request: Request) -> dict[str, Any]:
    """Images that are public stay so."""
    request.get("ImageBlockPublicAccessState")  # there is one value
    public_access.delete(call.tx, call.account, call.region)
    return {"ImageBlockPublicAccessState": BLOCKED}


@operation("DisableImageBlockPublicAccess")
def unblock(call: Call, request: Request) -> dict[str, Any]:
    public_access.put(call.tx, call.account, call.region, record=OPEN)
    return {"ImageBlockPublicAccessState": OPEN}
