"""Virtual MFA devices of users. A phone's clock is the machine's, so codes go by that, as signatures do."""

import io
from collections.abc import Iterable
from typing import Any

import msgspec

from pileus.identity.devices import (
    MfaDevice,
    devices_of,
    find_device,
    keep_device,
    mfa_devices,
    new_seed,
    synchronize,
)
from pileus.identity.people import User, users, users_by_id
from pileus.service import Call

from . import targets
from .entities import own_name, user_named
from .listing import page, page_of
from .service import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidAuthenticationCode,
    LimitExceeded,
    NoSuchEntity,
    Request,
    ValidationError,
    iam,
)
from .tags import given_tags, show_tags, tag_operations
from .users import show_user

DEVICES_PER_USER_MAX = 8
_PIXELS = 4


def _device_at(call: Call, serial: str) -> MfaDevice:
    device = find_device(call.tx, serial)
    if device is None or device.account != call.account:
        raise NoSuchEntity(f"VirtualMFADevice with serial number {serial} does not exist.")
    return device


def _assigned(call: Call, request: Request, user: User) -> MfaDevice:
    device = find_device(call.tx, request["SerialNumber"])
    if device is None or device.account != call.account or device.holder != user.id:
        raise NoSuchEntity(f"MFA Device invalid for user {user.name}.")
    return device


_by_serial = targets.named_by("SerialNumber")


def _created_arn(call: Call, request: Request) -> str:
    path = request.get("Path", "/")
    return f"arn:{call.partition}:iam::{call.account}:mfa{path}{request['VirtualMFADeviceName']}"


@iam.operation("CreateVirtualMFADevice", resource=_created_arn)
def create_virtual_mfa_device(call: Call, request: Request) -> dict[str, Any]:
    name = request["VirtualMFADeviceName"]
    if mfa_devices.get(call.tx, call.account, name.lower()) is not None:
        raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    device = MfaDevice(
        call.account,
        name,
        new_seed(),
        float(int(call.now)),
        request.get("Path", "/"),
        call.partition,
        tags=given_tags(call, request, "MFADevice"),
    )
    keep_device(call.tx, device)
    shown: dict[str, Any] = {
        "SerialNumber": device.serial,
        "Base32StringSeed": device.seed_base32.encode(),
        "QRCodePNG": _picture(device.uri(f"{name}@{call.account}")),
    }
    if device.tags:
        shown["Tags"] = show_tags(device.tags)
    return {"VirtualMFADevice": shown}


def _picture(uri: str) -> bytes:
    """A QR code as PNG. The library is loaded on first use."""
    import segno

    picture = io.BytesIO()
    segno.make(uri, micro=False).save(picture, kind="png", scale=_PIXELS)
    return picture.getvalue()


def _synchronized(call: Call, request: Request, device: MfaDevice) -> MfaDevice:
    first, second = request["AuthenticationCode1"], request["AuthenticationCode2"]
    known = synchronize(device, first, second, call.cloud.clock.machine())
    if known is None:
        raise InvalidAuthenticationCode("Authentication code for device is not valid.")
    return known


@iam.operation("EnableMFADevice", resource=targets.the_user, context=targets.of_user)
def enable_mfa_device(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    device = _device_at(call, request["SerialNumber"])
    if device.holder:
        raise EntityAlreadyExists("MFA device is already in use.")
    if len(devices_of(call.tx, call.account, user.id)) >= DEVICES_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for MfaDevicesPerUser: {DEVICES_PER_USER_MAX}")
    known = _synchronized(call, request, device)
    keep_device(call.tx, msgspec.structs.replace(known, holder=user.id, enabled=float(int(call.now))))


@iam.operation("ResyncMFADevice", resource=targets.the_user, context=targets.of_user)
def resync_mfa_device(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    keep_device(call.tx, _synchronized(call, request, _assigned(call, request, user)))


@iam.operation("DeactivateMFADevice", resource=targets.the_user, context=targets.of_user)
def deactivate_mfa_device(call: Call, request: Request) -> None:
    name = own_name(call, request)
    if not name:
        raise ValidationError("The root user has no virtual MFA devices here.")
    device = _assigned(call, request, user_named(call, name))
    keep_device(call.tx, msgspec.structs.replace(device, holder="", enabled=0.0))


@iam.operation("DeleteVirtualMFADevice", resource=_by_serial, context=targets.of_device)
def delete_virtual_mfa_device(call: Call, request: Request) -> None:
    device = _device_at(call, request["SerialNumber"])
    if device.holder:
        raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
    mfa_devices.delete(call.tx, call.account, device.name.lower())


def _holder(call: Call, device: MfaDevice) -> User | None:
    found = users.find(call.tx, users_by_id, device.holder, limit=1) if device.holder else ()
    return next((user for _, user in found), None)


def _holder_named(call: Call, request: Request) -> Request:
    """The user that GetMFADevice shows: the one it names, else the one who holds the device."""
    device = find_device(call.tx, request["SerialNumber"])
    holder = _holder(call, device) if device is not None and device.account == call.account else None
    return request if holder is None or "UserName" in request else {**request, "UserName": holder.name}


@iam.operation(
    "GetMFADevice",
    resource=lambda call, request: targets.the_user(call, _holder_named(call, request)),
    context=lambda call, request: targets.of_user(call, _holder_named(call, request)),
)
def get_mfa_device(call: Call, request: Request) -> dict[str, Any]:
    device = _device_at(call, request["SerialNumber"])
    holder = _holder(call, device)
    if holder is None or ("UserName" in request and holder.name.lower() != request["UserName"].lower()):
        raise NoSuchEntity(f"MFA Device {device.serial} is not assigned to the user.")
    return {"UserName": holder.name, "SerialNumber": device.serial, "EnableDate": device.enabled}


@iam.operation("ListMFADevices", resource=targets.the_user, context=targets.of_user)
def list_mfa_devices(call: Call, request: Request) -> dict[str, Any]:
    name = own_name(call, request)
    if not name:
        return {"MFADevices": [], "IsTruncated": False}
    user = user_named(call, name)

    def show(device: MfaDevice) -> dict[str, Any]:
        return {"UserName": user.name, "SerialNumber": device.serial, "EnableDate": device.enabled}

    named = [(device.name.lower(), device) for device in devices_of(call.tx, call.account, user.id)]
    return page_of(call, request, "MFADevices", named, show)


@iam.operation("ListVirtualMFADevices", resource=targets.listed("mfa"))
def list_virtual_mfa_devices(call: Call, request: Request) -> dict[str, Any]:
    wanted = request.get("AssignmentStatus", "Any")

    def rows(after: tuple[Any, ...] | None, count: int) -> Iterable[tuple[tuple[Any, ...], MfaDevice]]:
        return mfa_devices.scan(call.tx, call.account, after=after, limit=count)

    def show(device: MfaDevice) -> dict[str, Any]:
        shown: dict[str, Any] = {"SerialNumber": device.serial}
        holder = _holder(call, device)
        if holder is not None:
            shown |= {"EnableDate": device.enabled, "User": show_user(call, holder, brief=True)}
        return shown

    def keep(device: MfaDevice) -> bool:
        return wanted == "Any" or (wanted == "Assigned") == bool(device.holder)

    return page(call, request, "VirtualMFADevices", rows, show, keep)


tag_operations(
    "MFADevice",
    lambda call, request: _device_at(call, request["SerialNumber"]),
    keep_device,
    _by_serial,
    targets.of_device,
)
