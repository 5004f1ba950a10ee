"""How machines are joined to networks: interfaces made, attached, given public addresses and shown.

What the rest of EC2 uses of this package. All of it belongs to the caller's account and the call's region.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from ..service import Ec2Error, invalid
from . import allotting, quotas, records
from .defaults import association_id, own, settle
from .kinds import ADDRESS, GROUP, INTERFACE, SUBNET, VPC, private_name, public_name
from .records import Association, Attachment, Interface, Private, SecurityGroup, Subnet, Vpc
from .route_states import refresh
from .waking import changed, instance_changed

__all__ = ["private_name", "public_name"]

AMAZON = "amazon"
replace = msgspec.structs.replace


def default_subnet(call: Call, zone: str | None) -> Subnet:
    """The default VPC's, in the zone (or in the first that has one). Raises MissingInput, or VPCIdNotSpecified."""
    settle(call)
    vpc = records.homes.get(call.tx, call.account, call.region)
    if not vpc:
        raise Ec2Error(
            "VPCIdNotSpecified",
            "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
        )
    found = [each for each in subnets_in(call, vpc) if each.default and zone in (None, each.zone)]
    if not found:
        where = f" for availability zone: '{zone}'" if zone else ""
        raise Ec2Error("MissingInput", f"No default subnet{where}. Please specify a subnet.")
    return min(found, key=lambda each: each.zone)


def subnets_in(call: Call, vpc: str) -> list[Subnet]:
    found = records.subnets.find(call.tx, records.subnets_of_vpc, call.account, call.region, vpc)
    return [subnet for _, subnet in found]


def subnet_of(call: Call, subnet_id: str) -> Subnet:
    settle(call)
    return SUBNET.need(call, subnet_id)


def wants_public(subnet: Subnet) -> bool:
    return subnet.map_public


def group_named(call: Call, vpc: str, name: str) -> SecurityGroup | None:
    found = records.groups.find(call.tx, records.groups_of_vpc, call.account, call.region, vpc, name, limit=1)
    return next((group for _, group in found), None)


def _elsewhere(group: str, subnet: str) -> Ec2Error:
    if subnet:
        told = f"Security group {group} and subnet {subnet} belong to different networks."
        return Ec2Error("InvalidParameter", told)
    return Ec2Error("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")


def groups_of(call: Call, vpc: str, ids: list[str], names: list[str], *, subnet: str = "") -> list[str]:
    """The ids of these groups of the VPC; of its default group if both are empty. `subnet`: the one that the caller
    named, for EC2's words about a group of another VPC."""
    settle(call)
    found = GROUP.need_all(call, ids)
    for group in found:
        if vpc not in (group.vpc, *group.vpcs):
            raise _elsewhere(group.id, subnet)
    for name in dict.fromkeys(names):
        named = group_named(call, vpc, name)
        if named is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist in VPC '{vpc}'")
        found.append(named)
    if not found:
        return [VPC.need(call, vpc).group]
    chosen = list(dict.fromkeys(group.id for group in found))
    if len(chosen) > quotas.GROUPS_OF_INTERFACE:
        raise Ec2Error(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        )
    return chosen


def create_interface(
    call: Call,
    subnet: Subnet,
    *,
    groups: list[str],
    private: str | None = None,
    secondary: Sequence[str] = (),
    secondary_count: int = 0,
    description: str = "",
    source_check: bool = True,
    tags: dict[str, str] = {},  # noqa: B006 - never changed
    requester: str = "",
    type: str = "interface",
) -> Interface:
    """An interface that is attached to nothing. `groups`: ids, as `groups_of` gives them."""
    if 1 + len(secondary) + secondary_count > quotas.ADDRESSES_OF_INTERFACE:
        raise too_many_addresses()
    id = INTERFACE.new_id()
    addresses = [Private(allotting.allot(call, subnet.id, id, private), True)]
    addresses += [Private(allotting.allot(call, subnet.id, id, wanted)) for wanted in secondary]
    addresses += [Private(allotting.allot(call, subnet.id, id)) for _ in range(secondary_count)]
    made = Interface(
        vpc=subnet.vpc,
        subnet=subnet.id,
        zone=subnet.zone,
        mac=_mac(),
        addresses=tuple(addresses),
        groups=tuple(groups),
        names=names_of(call, groups),
        source_check=source_check,
        description=description,
        requester=requester,
        type=type,
        **own(call, id, dict(tags)),
    )
    return INTERFACE.put(call, id, made)


def too_many_addresses() -> Ec2Error:
    return Ec2Error(
        "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit. Limit: 50 addresses."
    )


def names_of(call: Call, groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(GROUP.need(call, group).name for group in groups)


def _mac() -> str:
    """One that is locally administered, as EC2's are."""
    digits = "02" + ids.unique_hex(10)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def attach_interface(
    call: Call, interface: str, instance: str, index: int, *, delete_on_termination: bool
) -> Interface:
    known = INTERFACE.need(call, interface)
    if known.attachment is not None or known.requester:
        raise in_use(interface)
    for other in interfaces_of(call.tx, call.account, call.region, instance):
        if other.attachment is not None and other.attachment.index == index:
            raise invalid(f"Instance '{instance}' already has an interface attached at device index '{index}'.")
    attachment = Attachment(
        association_id("eni-attach"), instance, index, delete_on_termination, call.now, instance_account=call.account
    )
    _tell_addresses(call, known, instance)
    return write(call, replace(known, attachment=attachment))


def name_interface(call: Call, interface: str, name: str) -> None:
    """A further name that resolves to its primary address; an empty one takes it away."""
    known = INTERFACE.need(call, interface)
    if known.host_name != name:
        write(call, replace(known, host_name=name))


def in_use(interface: str) -> Ec2Error:
    return Ec2Error("InvalidNetworkInterface.InUse", f"Interface: [{interface}] in use.")


def _tell_addresses(call: Call, interface: Interface, instance: str) -> None:
    """Elastic addresses' records say which machine they lead to."""
    for each in interface.addresses:
        if each.public is not None and each.public.allocation:
            address = ADDRESS.need(call, each.public.allocation)
            ADDRESS.put(call, address.id, replace(address, instance=instance))


def write(call: Call, interface: Interface) -> Interface:
    """Keeps a changed interface, and has the network, the routes to it and its machine see to it."""
    INTERFACE.put(call, interface.id, interface)
    refresh(call, interface.vpc, interface.id)
    changed(call, interface.vpc)
    return interface


def detach_interface(call: Call, interface: str) -> None:
    """Harmless if it is not attached. A public address of Amazon's pool goes."""
    known = INTERFACE.need(call, interface)
    if known.attachment is None:
        return
    take_launch_address(call, interface)
    known = INTERFACE.need(call, interface)
    _tell_addresses(call, known, "")
    write(call, replace(known, attachment=None, host_name=""))


def delete_interface(call: Call, interface: str) -> None:
    """Of one that is detached. Elastic addresses that it had stay, associated with nothing."""
    known = INTERFACE.need(call, interface)
    if known.attachment is not None:
        raise Ec2Error(
            "InvalidParameterValue",
            f"Network interface '{interface}' is currently in use.",
        )
    for each in known.addresses:
        if each.public is not None:
            drop_public(call, each.public)
        allotting.give_back(call, known.subnet, each.address)
    INTERFACE.delete(call, interface)
    refresh(call, known.vpc, interface)
    changed(call, known.vpc)


def drop_public(call: Call, public: Association) -> None:
    """The public side of an association that ends: Amazon's goes back to the pool, an elastic one is free again."""
    if not public.allocation:
        allotting.return_public(call, public.address)
        return
    address = ADDRESS.need(call, public.allocation)
    ADDRESS.put(call, address.id, replace(address, association="", interface="", private="", instance="", service=""))


def give_launch_address(call: Call, interface: str) -> str:
    """A public address of Amazon's pool for its primary private one, unless that has one. Raises
    InsufficientAddressCapacity when all are taken."""
    known = INTERFACE.need(call, interface)
    there = known.primary.public
    if there is not None:
        return there.address
    address = allotting.take_public(call, interface)
    first = replace(known.primary, public=Association(address, AMAZON))
    write(call, replace(known, addresses=(first, *known.addresses[1:]), launched_public=True))
    return address


def take_launch_address(call: Call, interface: str) -> None:
    """Harmless if there is none; elastic ones stay."""
    known = INTERFACE.need(call, interface)
    if not known.launched_public and not any(_amazons(each) for each in known.addresses):
        return
    left = []
    for each in known.addresses:
        if each.public is not None and _amazons(each):
            allotting.return_public(call, each.public.address)
            each = replace(each, public=None)
        left.append(each)
    write(call, replace(known, addresses=tuple(left), launched_public=False))


def _amazons(private: Private) -> bool:
    return private.public is not None and private.public.owner == AMAZON


def interfaces_of(tx: Transaction, account: str, region: str, instance: str) -> list[Interface]:
    """Those attached to the machine, by device index."""
    found = records.interfaces.find(tx, records.interfaces_of_instance, account, region, instance)
    return [interface for _, interface in found]


def tell_instance(call: Call, interface: Interface) -> None:
    """The machine of the interface must look at it."""
    if interface.attachment is not None:
        instance_changed(call, interface.attachment.instance)


def show_association(call: Call, public: Association, vpc: Vpc) -> dict[str, Any]:
    """As machines show it."""
    shown = {"PublicIp": public.address, "IpOwnerId": public.owner}
    return shown | {"PublicDnsName": public_name(call.region, public.address, vpc)}


def show_instance_interface(call: Call, interface: Interface, vpc: Vpc | None = None) -> dict[str, Any]:
    """An InstanceNetworkInterface of DescribeInstances. `vpc`: the record, where it was read already."""
    vpc = vpc or VPC.need(call, interface.vpc)
    shown: dict[str, Any] = {
        "NetworkInterfaceId": interface.id,
        "OwnerId": interface.account,
        "VpcId": interface.vpc,
        "SubnetId": interface.subnet,
        "MacAddress": interface.mac,
        "Description": interface.description,
        "SourceDestCheck": interface.source_check,
        "Status": interface.status,
        "InterfaceType": interface.type,
        "Groups": show_groups(interface),
        "Ipv6Addresses": [],
        "PrivateIpAddress": interface.primary.address,
        "PrivateIpAddresses": [_show_private(call, each, vpc) for each in interface.addresses],
    }
    if vpc.dns_hostnames and vpc.dns_support:
        shown["PrivateDnsName"] = private_name(call.region, interface.primary.address)
    if interface.attachment is not None:
        shown["Attachment"] = show_attachment(interface.attachment)
    if interface.primary.public is not None:
        shown["Association"] = show_association(call, interface.primary.public, vpc)
    return shown


def show_attachment(attachment: Attachment) -> dict[str, Any]:
    return {
        "AttachmentId": attachment.id,
        "AttachTime": attachment.at,
        "DeleteOnTermination": attachment.delete_on_termination,
        "DeviceIndex": attachment.index,
        "NetworkCardIndex": 0,
        "Status": attachment.status,
    }


def show_groups(interface: Interface) -> list[dict[str, str]]:
    pairs = zip(interface.groups, interface.names, strict=True)
    return [{"GroupId": id, "GroupName": name} for id, name in pairs]


def _show_private(call: Call, private: Private, vpc: Vpc) -> dict[str, Any]:
    shown: dict[str, Any] = {"PrivateIpAddress": private.address, "Primary": private.primary}
    if vpc.dns_hostnames and vpc.dns_support:
        shown["PrivateDnsName"] = private_name(call.region, private.address)
    if private.public is not None:
        shown["Association"] = show_association(call, private.public, vpc)
    return shown
