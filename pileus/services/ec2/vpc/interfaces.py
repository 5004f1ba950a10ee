"""Network interfaces: made, described, attached, changed, deleted.

Source: EC2 API Reference, the operations' pages; Amazon EC2 User Guide, "Elastic network interfaces".
"""

from typing import Any

import msgspec

from pileus.model import regions as facts
from pileus.service import Call

from .. import tags
from ..kinds import KINDS, targets
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, missing
from ..tokens import made_before, remember
from . import quotas, records
from .defaults import operation
from .joining import (
    attach_interface,
    create_interface,
    delete_interface,
    detach_interface,
    groups_of,
    interfaces_of,
    names_of,
    show_attachment,
    show_groups,
    show_instance_interface,
    tell_instance,
    write,
)
from .kinds import GROUP, INTERFACE, SUBNET, VPC, public_name, within
from .records import Association, Interface
from .waking import instance_changed

replace = msgspec.structs.replace


def show(call: Call, interface: Interface) -> dict[str, Any]:
    """With more than a machine's description of it tells."""
    shown = show_instance_interface(call, interface)
    shown |= {
        "AvailabilityZone": interface.zone,
        "AvailabilityZoneId": facts.zone_id(interface.zone),
        "RequesterManaged": bool(interface.requester),
        "TagSet": tags.show(interface.tags),
    }
    if interface.type == "nat_gateway":
        shown["InterfaceType"] = "nat_gateway"
    if interface.requester:
        shown["RequesterId"] = interface.requester
    if interface.attachment is not None:
        attachment = interface.attachment
        shown["Attachment"] = show_attachment(attachment) | {
            "InstanceId": attachment.instance,
            "InstanceOwnerId": attachment.instance_account,
        }
    for private, each in zip(interface.addresses, shown["PrivateIpAddresses"], strict=True):
        if private.public is not None:
            each["Association"] = _show_association(call, interface, private.public)
    if interface.primary.public is not None:
        shown["Association"] = shown["PrivateIpAddresses"][0]["Association"]
    return shown


def _show_association(call: Call, interface: Interface, public: Association) -> dict[str, Any]:
    shown = {"PublicIp": public.address, "IpOwnerId": public.owner}
    shown["PublicDnsName"] = public_name(call.region, public.address, VPC.need(call, interface.vpc))
    if public.allocation:
        shown |= {"AllocationId": public.allocation, "AssociationId": public.id}
    return shown


def _creating(call: Call, request: Request) -> list[str]:
    groups = [GROUP.arn(call, id) for id in request.get("Groups") or []]
    return [INTERFACE.arn(call, "*"), SUBNET.arn(call, request.get("SubnetId") or "*"), *groups]


def _addresses(request: Request) -> tuple[str | None, list[str]]:
    """(the primary one, the others) as given in either form."""
    primary = request.get("PrivateIpAddress")
    secondary = []
    for each in request.get("PrivateIpAddresses") or []:
        address = each.get("PrivateIpAddress")
        if not address:
            raise missing("privateIpAddress")
        if not each.get("Primary"):
            secondary.append(address)
        elif primary is not None:
            raise combination("Only one primary private IP address can be specified.")
        else:
            primary = address
    return primary, secondary


@operation("CreateNetworkInterface", resource=_creating, context=within)
def create_network_interface(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"NetworkInterface": show(call, INTERFACE.need(call, there[0])), **token}
    subnet = SUBNET.need(call, request["SubnetId"])
    quotas.room(
        INTERFACE.all(call),
        quotas.INTERFACES,
        "NetworkInterfaceLimitExceeded",
        "The maximum number of network interfaces has been reached.",
    )
    primary, secondary = _addresses(request)
    count = request.get("SecondaryPrivateIpAddressCount") or 0
    if count and secondary:
        raise combination("privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together")
    made = create_interface(
        call,
        subnet,
        groups=groups_of(call, subnet.vpc, request.get("Groups") or [], []),
        private=primary,
        secondary=secondary,
        secondary_count=count,
        description=request.get("Description") or "",
        tags=tags.given(call, request, INTERFACE)[INTERFACE.type],
    )
    remember(call, request, [made.id])
    return {"NetworkInterface": show(call, made) | {"Status": "pending"}, **token}


@operation("DescribeNetworkInterfaces")
def describe_network_interfaces(call: Call, request: Request) -> dict[str, Any]:
    request.get("IncludeManagedResources")  # there are none that are hidden
    return describe(
        call, request, INTERFACE, ids="NetworkInterfaceIds", answer="NetworkInterfaces", show=show, exclusive=True
    )


@operation("DeleteNetworkInterface", resource=targets(INTERFACE, "NetworkInterfaceId"))
def delete_network_interface(call: Call, request: Request) -> None:
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    if interface.attachment is not None or interface.requester:
        raise invalid(f"Network interface '{interface.id}' is currently in use.")
    delete_interface(call, interface.id)


def instance_arn(call: Call, instance: str) -> str:
    return f"arn:{call.partition}:ec2:{call.region}:{call.account}:instance/{instance}"


def _attaching(call: Call, request: Request) -> list[str]:
    interface, instance = request.get("NetworkInterfaceId") or "*", request.get("InstanceId") or "*"
    return [INTERFACE.arn(call, interface), instance_arn(call, instance)]


def need_instance(call: Call, instance: str) -> Any:
    """Raises InvalidInstanceID.NotFound."""
    kind = KINDS.get("i")
    if kind is None:
        raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{instance}' does not exist")
    return kind.need(call, instance)


@operation("AttachNetworkInterface", resource=_attaching)
def attach_network_interface(call: Call, request: Request) -> dict[str, Any]:
    if request.get("NetworkCardIndex"):
        raise invalid("Machines here have one network card: NetworkCardIndex is 0.")
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    instance = request["InstanceId"]
    need_instance(call, instance)
    there = interfaces_of(call.tx, call.account, call.region, instance)
    if there and there[0].zone != interface.zone:
        raise invalid(
            "You may not attach a network interface to an instance if they are not in the same availability zone"
        )
    made = attach_interface(call, interface.id, instance, request["DeviceIndex"], delete_on_termination=False)
    assert made.attachment is not None
    instance_changed(call, instance)
    return {"AttachmentId": made.attachment.id, "NetworkCardIndex": 0}


def _attached(call: Call, attachment: str) -> Interface | None:
    found = records.interfaces.find(call.tx, records.by_attachment, call.account, call.region, attachment)
    return next((interface for _, interface in found), None)


def _detaching(call: Call, request: Request) -> list[str]:
    found = _attached(call, request.get("AttachmentId") or "")
    if found is None or found.attachment is None:
        return [INTERFACE.arn(call, "*")]
    return [INTERFACE.arn(call, found.id), instance_arn(call, found.attachment.instance)]


@operation("DetachNetworkInterface", resource=_detaching)
def detach_network_interface(call: Call, request: Request) -> None:
    """With or without Force: the wire is pulled on the host's side, which the guest cannot refuse."""
    request.get("Force")
    attachment = request["AttachmentId"]
    interface = _attached(call, attachment)
    if interface is None or interface.attachment is None:
        raise Ec2Error("InvalidAttachmentID.NotFound", f"The attachment ID '{attachment}' does not exist")
    if interface.attachment.index == 0:
        raise Ec2Error(
            "OperationNotPermitted",
            "The network interface at device index 0 and networkCard index 0 cannot be detached.",
        )
    instance = interface.attachment.instance
    detach_interface(call, interface.id)
    instance_changed(call, instance)


def _modifying(call: Call, request: Request) -> list[str]:
    groups = [GROUP.arn(call, id) for id in request.get("Groups") or []]
    return [INTERFACE.arn(call, request.get("NetworkInterfaceId") or "*"), *groups]


@operation("ModifyNetworkInterfaceAttribute", resource=_modifying)
def modify_network_interface_attribute(call: Call, request: Request) -> None:
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    given = [name for name in ("Description", "SourceDestCheck", "Groups", "Attachment") if name in request]
    if len(given) != 1:
        raise combination("Exactly one attribute must be specified.") if given else missing("Attribute")
    if interface.requester and given != ["Groups"]:
        raise Ec2Error("OperationNotPermitted", f"The interface '{interface.id}' is managed by a service.")
    if "Description" in request:
        changed = replace(interface, description=request["Description"].get("Value") or "")
    elif "SourceDestCheck" in request:
        changed = replace(interface, source_check=request["SourceDestCheck"].get("Value", False))
    elif "Groups" in request:
        changed = regrouped(call, interface, request["Groups"])
    else:
        changed = _reattached(interface, request["Attachment"])
    write(call, changed)
    tell_instance(call, changed)


def regrouped(call: Call, interface: Interface, groups: list[str]) -> Interface:
    """With other groups."""
    ids = groups_of(call, interface.vpc, groups, [])
    return replace(interface, groups=tuple(ids), names=names_of(call, ids))


def set_groups(call: Call, interface: Interface, groups: list[str]) -> None:
    """For whoever changes them through the machine."""
    tell_instance(call, write(call, regrouped(call, interface, groups)))


def set_source_check(call: Call, interface: Interface, check: bool) -> None:
    tell_instance(call, write(call, replace(interface, source_check=check)))


def _reattached(interface: Interface, given: Request) -> Interface:
    id = given.get("AttachmentId")
    if interface.attachment is None or interface.attachment.id != id:
        raise Ec2Error("InvalidAttachmentID.NotFound", f"The attachment ID '{id}' does not exist")
    keep = given.get("DeleteOnTermination", interface.attachment.delete_on_termination)
    return replace(interface, attachment=replace(interface.attachment, delete_on_termination=keep))


@operation("DescribeNetworkInterfaceAttribute")
def describe_network_interface_attribute(call: Call, request: Request) -> dict[str, Any]:
    interface = INTERFACE.need(call, request["NetworkInterfaceId"])
    asked = request.get("Attribute")
    if asked is None:
        raise missing("attribute")
    answer: dict[str, Any] = {"NetworkInterfaceId": interface.id}
    if asked == "description":
        answer["Description"] = {"Value": interface.description}
    elif asked == "groupSet":
        answer["Groups"] = show_groups(interface)
    elif asked == "sourceDestCheck":
        answer["SourceDestCheck"] = {"Value": interface.source_check}
    elif asked == "associatePublicIpAddress":
        answer["AssociatePublicIpAddress"] = interface.launched_public
    elif interface.attachment is not None:
        answer["Attachment"] = show(call, interface)["Attachment"]
    return answer


@operation("ResetNetworkInterfaceAttribute", resource=targets(INTERFACE, "NetworkInterfaceId"))
def reset_network_interface_attribute(call: Call, request: Request) -> None:
    """Of what can be reset there is the check of source and destination, which is on."""
    if "SourceDestCheck" not in request:
        raise missing("sourceDestCheck")
    write(call, replace(INTERFACE.need(call, request["NetworkInterfaceId"]), source_check=True))
