"""The network part of a launch: which subnet, which interfaces, which groups and addresses.

Source: EC2 API Reference, "RunInstances", "InstanceNetworkInterfaceSpecification"; its rules on what may stand together
("Network interfaces and an instance-level … may not be specified on the same request").
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..regions import zone_of
from ..service import Ec2Error, Request, combination, invalid
from ..vpc import joining
from ..vpc.kinds import INTERFACE
from ..vpc.records import Subnet


class Wish(msgspec.Struct, frozen=True):
    """One interface of a launch. `existing`: an interface that is there already. `public`: None leaves it to the
    subnet."""

    index: int
    groups: list[str]
    existing: str = ""
    private: str | None = None
    secondary: list[str] = []
    secondary_count: int = 0
    description: str = ""
    delete: bool = True
    public: bool | None = None
    subnet: str = ""


class Place(msgspec.Struct, frozen=True):
    subnet: Subnet
    wishes: list[Wish]


def read(call: Call, request: Request, count: int) -> Place:
    """Where the launch goes."""
    placement = request.get("Placement") or {}
    zone = zone_of(
        call,
        placement.get("AvailabilityZone"),
        placement.get("AvailabilityZoneId"),
        unknown=lambda name: invalid(f"Invalid availability zone: [{name}]"),
    )
    if placement.get("Tenancy") in ("dedicated", "host"):
        raise Ec2Error("Unsupported", "Pileus is one host for all: leave Tenancy out.")
    given = request.get("NetworkInterfaces") or []
    if not given:
        return _plain(call, request, zone, count)
    for member in ("SubnetId", "SecurityGroupIds", "SecurityGroups", "PrivateIpAddress"):
        if request.get(member):
            what = {"SubnetId": "subnet ID", "PrivateIpAddress": "private address"}.get(member, "security groups")
            raise combination(
                f"Network interfaces and an instance-level {what} may not be specified on the same request"
            )
    wishes = sorted((_wish(one, len(given)) for one in given), key=lambda wish: wish.index)
    if [wish.index for wish in wishes] != list(range(len(wishes))):
        raise invalid("Network interfaces' device indexes must be distinct and begin with 0.")
    if count > 1 and any(wish.existing or wish.private for wish in wishes):
        raise combination("Only one instance can be launched with a given network interface or private address.")
    return Place(_subnet(call, wishes[0], zone), wishes)


def _plain(call: Call, request: Request, zone: str | None, count: int) -> Place:
    id = request.get("SubnetId")
    subnet = joining.subnet_of(call, id) if id else joining.default_subnet(call, zone)
    _in_zone(subnet, zone)
    private = request.get("PrivateIpAddress") or None
    if private and count > 1:
        raise combination("Only one instance can be launched with a given private address.")
    names = request.get("SecurityGroups") or []
    if names and id:
        raise combination("The parameter groupName cannot be used with the parameter subnet")
    groups = joining.groups_of(call, subnet.vpc, request.get("SecurityGroupIds") or [], names, subnet=id or "")
    return Place(subnet, [Wish(0, groups, private=private)])


def _in_zone(subnet: Subnet, zone: str | None) -> None:
    if zone is not None and subnet.zone != zone:
        raise invalid(
            f"The availability zone '{zone}' does not match the subnet '{subnet.id}', which is in '{subnet.zone}'"
        )


def _wish(given: Any, of: int) -> Wish:
    index = given.get("DeviceIndex")
    if index is None:
        raise invalid("Each network interface requires a device index.")
    privates = given.get("PrivateIpAddresses") or []
    primary = [one.get("PrivateIpAddress") for one in privates if one.get("Primary")]
    if len(primary) > 1 or (primary and given.get("PrivateIpAddress") not in (None, primary[0])):
        raise combination("Only one primary private IP address can be specified.")
    public = given.get("AssociatePublicIpAddress")
    existing = given.get("NetworkInterfaceId") or ""
    if public and of > 1:
        raise combination(
            "The associatePublicIPAddress parameter cannot be specified when launching with multiple network "
            "interfaces."
        )
    if public and (existing or index):
        raise combination("The associatePublicIPAddress parameter is for a new interface with device index 0.")
    delete = given.get("DeleteOnTermination")
    if given.get("InterfaceType") not in (None, "interface") or given.get("NetworkCardIndex") not in (None, 0):
        raise Ec2Error("Unsupported", "Pileus has interfaces of the type 'interface' on network card 0 only.")
    return Wish(
        index,
        given.get("Groups") or [],
        existing,
        primary[0] if primary else given.get("PrivateIpAddress"),
        [one["PrivateIpAddress"] for one in privates if not one.get("Primary") and one.get("PrivateIpAddress")],
        given.get("SecondaryPrivateIpAddressCount") or 0,
        given.get("Description") or "",
        (not existing) if delete is None else delete,
        public,
        given.get("SubnetId") or "",
    )


def _subnet(call: Call, first: Wish, zone: str | None) -> Subnet:
    if first.existing:
        subnet = joining.subnet_of(call, INTERFACE.need(call, first.existing).subnet)
    elif first.subnet:
        subnet = joining.subnet_of(call, first.subnet)
    else:
        subnet = joining.default_subnet(call, zone)
    _in_zone(subnet, zone)
    return subnet


def join(call: Call, instance: str, place: Place, tags: dict[str, str], name: str = "") -> tuple[str, bool]:
    """Makes and attaches the interfaces of one instance; `name` resolves to the first. (Its primary private address,
    whether it gets a public one at each start.)"""
    primary, public = "", False
    for wish in place.wishes:
        subnet = joining.subnet_of(call, wish.subnet) if wish.subnet else place.subnet
        if wish.existing:
            interface = INTERFACE.need(call, wish.existing)
            if interface.vpc != place.subnet.vpc or interface.zone != place.subnet.zone:
                raise invalid(f"The network interface '{interface.id}' is not in the instance's zone and VPC.")
        else:
            if subnet.vpc != place.subnet.vpc or subnet.zone != place.subnet.zone:
                raise invalid(f"The subnet '{subnet.id}' is not in the instance's zone and VPC.")
            interface = joining.create_interface(
                call,
                subnet,
                groups=joining.groups_of(call, subnet.vpc, wish.groups, [], subnet=subnet.id),
                private=wish.private,
                secondary=wish.secondary,
                secondary_count=wish.secondary_count,
                description=wish.description,
                tags=tags,
            )
        joining.attach_interface(call, interface.id, instance, wish.index, delete_on_termination=wish.delete)
        if wish.index == 0:
            joining.name_interface(call, interface.id, name)
            primary = interface.addresses[0].address
            wanted = joining.wants_public(subnet) if wish.public is None else wish.public
            public = bool(wanted) and not wish.existing and len(place.wishes) == 1
            if public:
                joining.give_launch_address(call, interface.id)
    return primary, public
