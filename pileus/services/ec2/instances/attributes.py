"""Attributes of an instance, one at a time: asked for, changed, reset.

Source: EC2 API Reference, "DescribeInstanceAttribute", "ModifyInstanceAttribute", "ResetInstanceAttribute",
"ModifyInstanceMetadataOptions", "ModifyInstanceMaintenanceOptions"; Amazon EC2 User Guide, "Change the instance type".
"""

from base64 import b64encode
from typing import Any

import msgspec

from pileus.service import Call

from ..kinds import targets
from ..service import Ec2Error, Request, combination, invalid, operation
from ..volumes.records import volumes
from ..vpc import joining
from ..vpc.interfaces import set_groups, set_source_check
from ..vpc.records import Interface
from . import metadata_defaults, showing, wishes
from .disks import stores_of
from .records import Instance, Placed, instance_kind
from .types import InstanceType, type_of

replace = msgspec.structs.replace
WHEN_STOPPED = ("InstanceType", "UserData", "EbsOptimized")


def _value(value: Any) -> dict[str, Any]:
    return {"Value": value}


def _first(call: Call, instance: Instance) -> Interface | None:
    found = joining.interfaces_of(call.tx, instance.account, instance.region, instance.id)
    return found[0] if found else None


def _read(call: Call, instance: Instance, name: str) -> dict[str, Any]:
    if name == "groupSet":
        first = _first(call, instance)
        return {"Groups": joining.show_groups(first) if first is not None else []}
    if name == "sourceDestCheck":
        first = _first(call, instance)
        return {"SourceDestCheck": _value(first.source_check if first is not None else True)}
    if name == "blockDeviceMapping":
        return {"BlockDeviceMappings": showing.instance(call, instance)["BlockDeviceMappings"]}
    plain: dict[str, tuple[str, Any]] = {
        "instanceType": ("InstanceType", _value(instance.type)),
        "userData": ("UserData", _value(instance.user_data) if instance.user_data else {}),
        "disableApiTermination": ("DisableApiTermination", _value(instance.keep)),
        "disableApiStop": ("DisableApiStop", _value(instance.keep_running)),
        "instanceInitiatedShutdownBehavior": ("InstanceInitiatedShutdownBehavior", _value(instance.on_shutdown)),
        "rootDeviceName": ("RootDeviceName", _value(instance.root_device)),
        "ebsOptimized": ("EbsOptimized", _value(instance.ebs_optimized)),
        "enaSupport": ("EnaSupport", _value(True)),
        "enclaveOptions": ("EnclaveOptions", {"Enabled": False}),
        "kernel": ("KernelId", {}),
        "ramdisk": ("RamdiskId", {}),
        "productCodes": ("ProductCodes", []),
        "sriovNetSupport": ("SriovNetSupport", _value("simple")),
    }
    member, value = plain[name]
    return {member: value}


@operation("DescribeInstanceAttribute", resource=targets(instance_kind, "InstanceId"))
def describe_instance_attribute(call: Call, request: Request) -> dict[str, Any]:
    instance = instance_kind.need(call, request["InstanceId"])
    return {"InstanceId": instance.id, **_read(call, instance, request["Attribute"])}


def _given(request: Request) -> dict[str, Any]:
    """Attribute -> value, in whichever of its two forms the request has it."""
    found: dict[str, Any] = {}
    for member in ("DisableApiTermination", "DisableApiStop", "EbsOptimized", "SourceDestCheck", "InstanceType"):
        if member in request:
            found[member] = request[member].get("Value")
    for member in ("InstanceInitiatedShutdownBehavior", "UserData"):
        if member in request:
            found[member] = request[member].get("Value")
    if "Groups" in request:
        found["Groups"] = request["Groups"]
    if "BlockDeviceMappings" in request:
        found["BlockDeviceMappings"] = request["BlockDeviceMappings"]
    name = request.get("Attribute")
    if name is not None and "Value" in request:
        member = name[0].upper() + name[1:]
        value = request["Value"]
        known = {"DisableApiTermination", "DisableApiStop", "EbsOptimized", "SourceDestCheck"}
        if member in known:
            if value.lower() not in ("true", "false"):
                raise invalid(f"Value ({value}) for parameter value is invalid: it is true or false.")
            found[member] = value.lower() == "true"
        elif member in ("InstanceType", "InstanceInitiatedShutdownBehavior", "UserData"):
            found[member] = value
        else:
            raise invalid(f"Value ({name}) for parameter attribute is invalid. It cannot be changed.")
    return found


@operation("ModifyInstanceAttribute", resource=targets(instance_kind, "InstanceId"))
def modify_instance_attribute(call: Call, request: Request) -> None:
    instance = instance_kind.need(call, request["InstanceId"])
    given = _given(request)
    if not given:
        raise combination("No attributes specified.")
    if len(given) > 1:
        raise combination("Fields for multiple attribute types specified: " + ", ".join(sorted(given)))
    ((member, value),) = given.items()
    if not instance.there:
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in a valid state.")
    if member in WHEN_STOPPED and instance.state != "stopped":
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if member in ("SourceDestCheck", "Groups"):
        first = _first(call, instance)
        assert first is not None
        if member == "SourceDestCheck":
            set_source_check(call, first, bool(value))
        else:
            set_groups(call, first, list(value))
        return
    if member == "BlockDeviceMappings":
        _keep_or_delete(call, instance, value)
        return
    instance_kind.put(call, instance.id, replace(instance, **_changed(call, instance, member, value)))


def _changed(call: Call, instance: Instance, member: str, value: Any) -> dict[str, Any]:
    if member == "InstanceType":
        known = call.cloud.service("ec2").operations["RunInstances"].model.input.members["InstanceType"].shape.enum
        if value not in known:
            raise Ec2Error("InvalidInstanceAttributeValue", f"Invalid value '{value}' for InstanceType.")
        kind = type_of(value)
        if instance.architecture not in kind.architectures:
            raise invalid(f"The instance type '{kind.name}' does not have the architecture of '{instance.id}'.")
        return {
            "type": kind.name,
            "cpu": None,
            "credits": instance.credits or kind.credits,
            "store": _stores(instance, kind),
        }
    if member == "UserData":
        # A blob comes as its bytes, the older form as their Base64.
        text = b64encode(value).decode() if isinstance(value, bytes) else value
        return {"user_data": wishes.user_data(text)}
    if member == "InstanceInitiatedShutdownBehavior":
        if value not in ("stop", "terminate"):
            raise invalid(f"Invalid value '{value}' for instanceInitiatedShutdownBehavior: stop or terminate.")
        return {"on_shutdown": value}
    fields = {"DisableApiTermination": "keep", "DisableApiStop": "keep_running", "EbsOptimized": "ebs_optimized"}
    return {fields[member]: bool(value)}


def _stores(instance: Instance, kind: InstanceType) -> list[Placed]:
    """Instance store disks of the new type; those of the old were lost when it stopped."""
    return stores_of(kind, {disk.device for disk in instance.disks})


def _keep_or_delete(call: Call, instance: Instance, mappings: list[Any]) -> None:
    for mapping in mappings:
        device, ebs = mapping.get("DeviceName"), mapping.get("Ebs") or {}
        placed = next((disk for disk in instance.disks if disk.device == device), None)
        volume = volumes.get(call.tx, instance.account, instance.region, placed.volume) if placed is not None else None
        if volume is None or volume.attachment is None:
            raise Ec2Error("InvalidInstanceAttributeValue", f"No device is currently mapped at {device}")
        if ebs.get("VolumeId") not in (None, volume.id):
            raise Ec2Error("InvalidInstanceAttributeValue", f"The volume at {device} is {volume.id}")
        delete = ebs.get("DeleteOnTermination")
        if delete is not None:
            attachment = replace(volume.attachment, delete_on_termination=delete)
            volumes.put(
                call.tx, volume.account, volume.region, volume.id, record=replace(volume, attachment=attachment)
            )


@operation("ResetInstanceAttribute", resource=targets(instance_kind, "InstanceId"))
def reset_instance_attribute(call: Call, request: Request) -> None:
    instance = instance_kind.need(call, request["InstanceId"])
    name = request["Attribute"]
    if name != "sourceDestCheck":
        raise invalid(f"Value ({name}) for parameter attribute is invalid. Only sourceDestCheck can be reset.")
    first = _first(call, instance)
    if first is not None:
        set_source_check(call, first, True)


@operation("ModifyInstanceMetadataOptions", resource=targets(instance_kind, "InstanceId"))
def modify_instance_metadata_options(call: Call, request: Request) -> dict[str, Any]:
    instance = instance_kind.need(call, request["InstanceId"])
    if not instance.there:
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in a valid state.")
    changed = wishes.metadata(request, instance.metadata)
    if changed.tokens != instance.metadata.tokens:
        metadata_defaults.check(call, changed)
    instance_kind.put(call, instance.id, replace(instance, metadata=changed))
    return {"InstanceId": instance.id, "InstanceMetadataOptions": showing.metadata(changed, "pending")}


@operation("ModifyInstanceMaintenanceOptions", resource=targets(instance_kind, "InstanceId"))
def modify_instance_maintenance_options(call: Call, request: Request) -> dict[str, Any]:
    instance = instance_kind.need(call, request["InstanceId"])
    changed = replace(instance, recovery=request.get("AutoRecovery") or instance.recovery)
    instance_kind.put(call, instance.id, changed)
    return {"InstanceId": instance.id, "AutoRecovery": changed.recovery}
