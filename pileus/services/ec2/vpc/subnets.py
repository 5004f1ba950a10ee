"""Subnets: a part of a VPC's range in one zone.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Subnet CIDR blocks".
"""

from ipaddress import IPv4Network
from typing import Any

import msgspec

from pileus.model import regions as facts
from pileus.service import Call

from .. import tags
from ..kinds import targets
from ..listing import describe
from ..regions import zone_of
from ..service import Ec2Error, Request, missing
from . import quotas, ranges, records
from .defaults import PREFIX, make_subnet, operation
from .kinds import ACL, ROUTE_TABLE, SUBNET, VPC, free_of, subnet_arn, within
from .range_reservations import RESERVATION, reservations_in
from .records import Subnet, Vpc
from .vpcs import taken
from .waking import changed

replace = msgspec.structs.replace
LENGTHS = range(16, 29)


def show(call: Call, subnet: Subnet) -> dict[str, Any]:
    return {
        "SubnetId": subnet.id,
        "SubnetArn": subnet_arn(subnet),
        "VpcId": subnet.vpc,
        "OwnerId": subnet.account,
        "State": "available",
        "CidrBlock": subnet.range,
        "AvailableIpAddressCount": free_of(subnet),
        "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": facts.zone_id(subnet.zone),
        "DefaultForAz": subnet.default,
        "MapPublicIpOnLaunch": subnet.map_public,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6Native": False,
        "EnableDns64": False,
        "MapCustomerOwnedIpOnLaunch": False,
        "Ipv6CidrBlockAssociationSet": [],
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.host_names or "ip-name",
            "EnableResourceNameDnsARecord": subnet.resource_names,
            "EnableResourceNameDnsAAAARecord": False,
        },
        **tags.shown(subnet.tags),
    }


def _subnet_range(call: Call, vpc: Vpc, text: str) -> str:
    """Raises InvalidSubnet.Range, InvalidSubnet.Conflict."""
    network = ranges.parsed(text, "cidrBlock")
    if network.prefixlen not in LENGTHS or not ranges.within(network, [each.cidr for each in vpc.ranges]):
        raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")
    if ranges.overlapping(network, taken(call, vpc)):
        raise Ec2Error("InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet")
    return str(network)


def _zone(call: Call, request: Request) -> str:
    """The one with the fewest subnets, when none is asked for."""
    asked = zone_of(call, request.get("AvailabilityZone"), request.get("AvailabilityZoneId"))
    if asked is not None:
        return asked
    zones = facts.zones(call.region)
    found = [subnet.zone for subnet in SUBNET.all(call) if subnet.vpc == request["VpcId"]]
    return min(zones, key=lambda zone: (found.count(zone), zone))


def _make(call: Call, vpc: Vpc, zone: str, cidr: str, **more: Any) -> Subnet:
    quotas.room(
        taken(call, vpc),
        quotas.SUBNETS,
        "SubnetLimitExceeded",
        f"The maximum number of subnets has been reached for '{vpc.id}'.",
    )
    made = make_subnet(call, vpc, zone, cidr, **more)
    changed(call, vpc.id)
    return made


def _parties(call: Call, request: Request) -> list[str]:
    return [SUBNET.arn(call, "*"), VPC.arn(call, request.get("VpcId") or "*")]


@operation("CreateSubnet", resource=_parties, context=within)
def create_subnet(call: Call, request: Request) -> dict[str, Any]:
    vpc = VPC.need(call, request["VpcId"])
    if "CidrBlock" not in request:
        raise missing("CidrBlock")
    zone = _zone(call, request)
    cidr = _subnet_range(call, vpc, request["CidrBlock"])
    made = _make(call, vpc, zone, cidr, tags=tags.given(call, request, SUBNET)[SUBNET.type])
    return {"Subnet": show(call, made)}


@operation("CreateDefaultSubnet")
def create_default_subnet(call: Call, request: Request) -> dict[str, Any]:
    zone = zone_of(call, request.get("AvailabilityZone"), request.get("AvailabilityZoneId"))
    if zone is None:
        raise missing("AvailabilityZone")
    home = records.homes.get(call.tx, call.account, call.region)
    if not home:
        raise Ec2Error("DefaultVpcDoesNotExist", "There is no default VPC in this region.")
    vpc = VPC.need(call, home)
    there = [each for each in SUBNET.all(call) if each.vpc == home and each.default and each.zone == zone]
    if there:
        raise Ec2Error(
            "DefaultSubnetAlreadyExistsInAvailabilityZone", f"'{there[0].id}' is already the default subnet in {zone}."
        )
    others = taken(call, vpc)
    free = (
        str(each) for each in IPv4Network(vpc.range).subnets(new_prefix=PREFIX) if not ranges.overlapping(each, others)
    )
    cidr = next(free, None)
    if cidr is None:
        raise Ec2Error("InsufficientFreeAddressesInVpc", f"There is no free /{PREFIX} range left in '{home}'.")
    return {"Subnet": show(call, _make(call, vpc, zone, cidr, default=True))}


@operation("DescribeSubnets")
def describe_subnets(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, SUBNET, ids="SubnetIds", answer="Subnets", show=show)


ALWAYS_OFF = ("EnableResourceNameDnsAAAARecordOnLaunch", "EnableDns64", "AssignIpv6AddressOnCreation")
PARTIAL = "MapPublicIpOnLaunch and the names of machines"


@operation("ModifySubnetAttribute", resource=targets(SUBNET, "SubnetId"), partial=PARTIAL)
def modify_subnet_attribute(call: Call, request: Request) -> None:
    """What machines that are launched in it from now on get."""
    subnet = SUBNET.need(call, request["SubnetId"])
    off = [member for member in ALWAYS_OFF if member in request]
    for member in off:
        if request[member].get("Value"):
            raise Ec2Error("Unsupported", f"Pileus has no IPv6 yet: leave {member} out.")
    changes: dict[str, Any] = {}
    for member, field in (
        ("MapPublicIpOnLaunch", "map_public"),
        ("EnableResourceNameDnsARecordOnLaunch", "resource_names"),
    ):
        if member in request:
            changes[field] = bool(request[member].get("Value", False))
    if "PrivateDnsHostnameTypeOnLaunch" in request:
        changes["host_names"] = request["PrivateDnsHostnameTypeOnLaunch"]
    if not changes and not off and len(request) == 1:
        raise missing("MapPublicIpOnLaunch")
    SUBNET.put(call, subnet.id, replace(subnet, **changes))


@operation("DeleteSubnet", resource=targets(SUBNET, "SubnetId"))
def delete_subnet(call: Call, request: Request) -> None:
    subnet = SUBNET.need(call, request["SubnetId"])
    if subnet.used:
        raise Ec2Error("DependencyViolation", f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
    key = (call.account, call.region, subnet.id)
    for _, table in list(records.route_tables.find(call.tx, records.table_of_subnet, *key)):
        left = tuple(each for each in table.associations if each.subnet != subnet.id)
        ROUTE_TABLE.put(call, table.id, replace(table, associations=left))
    for _, acl in list(records.acls.find(call.tx, records.acl_of_subnet, *key)):
        kept = tuple(each for each in acl.associations if each.subnet != subnet.id)
        ACL.put(call, acl.id, replace(acl, associations=kept))
    for one in reservations_in(call, subnet.id):
        RESERVATION.delete(call, one.id)
    SUBNET.delete(call, subnet.id)
    changed(call, subnet.vpc)
