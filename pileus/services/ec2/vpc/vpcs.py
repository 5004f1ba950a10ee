"""VPCs: made, described, changed, given further ranges, deleted.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "VPC CIDR blocks".
"""

from ipaddress import IPv4Network
from itertools import chain
from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import created, targets
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, missing
from . import quotas, ranges, records
from .defaults import association_id, make_default_dhcp, make_default_vpc, make_vpc, operation
from .group_associations import drop_all
from .kinds import ACL, GROUP, ROUTE_TABLE, RULE, VPC, internal_domain
from .records import Range, Vpc
from .route_states import tables_in
from .waking import changed

replace = msgspec.structs.replace
LENGTHS = range(16, 29)
PRIVATE = tuple(IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
FORBIDDEN = tuple(IPv4Network(each) for each in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"))


def vpc_range(text: str) -> str:
    """Raises InvalidVpc.Range."""
    network = ranges.parsed(text, "cidrBlock")
    if network.prefixlen not in LENGTHS or ranges.overlapping(network, FORBIDDEN):
        raise Ec2Error("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")
    return str(network)


def show(call: Call, vpc: Vpc) -> dict[str, Any]:
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "State": "available",
        "CidrBlock": vpc.range,
        "CidrBlockAssociationSet": [show_range(each) for each in vpc.ranges],
        "DhcpOptionsId": vpc.dhcp,
        "InstanceTenancy": vpc.tenancy,
        "IsDefault": vpc.default,
        **tags.shown(vpc.tags),
    }


def show_range(range: Range, state: str = "associated") -> dict[str, Any]:
    return {"AssociationId": range.association, "CidrBlock": range.cidr, "CidrBlockState": {"State": state}}


def _room(call: Call) -> None:
    quotas.room(VPC.all(call), quotas.VPCS, "VpcLimitExceeded", "The maximum number of VPCs has been reached.")


def default_dhcp(call: Call) -> str:
    """The set that a new VPC gets: the one with the region's own names."""
    domain = internal_domain(call.region)
    wanted = {"domain-name": (domain,), "domain-name-servers": ("AmazonProvidedDNS",)}
    found = records.dhcp_options.scan(call.tx, call.account, call.region)
    there = next((each.id for _, each in found if each.options == wanted and not each.tags), None)
    return there or make_default_dhcp(call)


@operation("CreateVpc", resource=created(VPC), partial="IPv4 ranges given by the caller; one tenancy")
def create_vpc(call: Call, request: Request) -> dict[str, Any]:
    if "CidrBlock" not in request:
        raise missing("CidrBlock")
    cidr = vpc_range(request["CidrBlock"])
    tenancy = request.get("InstanceTenancy") or "default"
    if tenancy != "default":
        raise invalid(
            f"Value ({tenancy}) for parameter instanceTenancy is invalid. There is one host here, shared by all."
        )
    if request.get("AmazonProvidedIpv6CidrBlock") is True:
        raise invalid("IPv6 is not there: leave AmazonProvidedIpv6CidrBlock out.")
    _room(call)
    given = tags.given(call, request, VPC)[VPC.type]
    made = make_vpc(call, cidr, dhcp=default_dhcp(call), tags=given)
    return {"Vpc": show(call, made) | {"State": "pending"}}


@operation("CreateDefaultVpc")
def create_default_vpc(call: Call, request: Request) -> dict[str, Any]:
    if any(vpc.default for vpc in VPC.all(call)):
        raise Ec2Error("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
    _room(call)
    made = make_default_vpc(call, default_dhcp(call))
    records.homes.put(call.tx, call.account, call.region, record=made.id)
    return {"Vpc": show(call, made) | {"State": "pending"}}


@operation("DescribeVpcs")
def describe_vpcs(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, VPC, ids="VpcIds", answer="Vpcs", show=show)


def depends(call: Call, vpc: Vpc) -> bool:
    """Whether anything is left in the VPC but what it came with."""
    key = (call.account, call.region, vpc.id)
    tx = call.tx
    others = chain(
        records.subnets.find(tx, records.subnets_of_vpc, *key, limit=1),
        records.interfaces.find(tx, records.interfaces_of_vpc, *key, limit=1),
        records.internet_gateways.find(tx, records.gateway_of_vpc, *key, limit=1),
        (each for each in records.endpoints.find(tx, records.endpoints_of_vpc, *key) if not each[1].deleted),
        (each for each in records.acls.find(tx, records.acls_of_vpc, *key) if each[1].id != vpc.acl),
        (each for each in records.groups.find(tx, records.groups_of_vpc, *key) if each[1].id != vpc.group),
        (each for each in records.peerings.find(tx, records.peerings_of_vpc, *key) if each[1].status == "active"),
        (table for table in tables_in(call, vpc.id) if not any(each.main for each in table.associations)),
    )
    return next(iter(others), None) is not None


@operation("DeleteVpc", resource=targets(VPC, "VpcId"))
def delete_vpc(call: Call, request: Request) -> None:
    vpc = VPC.need(call, request["VpcId"])
    if depends(call, vpc):
        raise Ec2Error("DependencyViolation", f"The vpc '{vpc.id}' has dependencies and cannot be deleted.")
    changed(call, vpc.id)
    for table in tables_in(call, vpc.id):
        ROUTE_TABLE.delete(call, table.id)
    ACL.delete(call, vpc.acl)
    for _, rule in list(
        records.group_rules.find(call.tx, records.rules_of_group, call.account, call.region, vpc.group)
    ):
        RULE.delete(call, rule.id)
    GROUP.delete(call, vpc.group)
    drop_all(call, vpc.id)
    VPC.delete(call, vpc.id)
    if records.homes.get(call.tx, call.account, call.region) == vpc.id:
        records.homes.put(call.tx, call.account, call.region, record="")


@operation("ModifyVpcAttribute", resource=targets(VPC, "VpcId"), partial="the attributes of names")
def modify_vpc_attribute(call: Call, request: Request) -> None:
    vpc = VPC.need(call, request["VpcId"])
    named = ("EnableDnsHostnames", "EnableDnsSupport", "EnableNetworkAddressUsageMetrics")
    given = {name: request[name].get("Value", False) for name in named if name in request}
    if given.get("EnableNetworkAddressUsageMetrics"):
        raise Ec2Error("Unsupported", "Pileus has no metrics of addresses: leave EnableNetworkAddressUsageMetrics out.")
    if len(given) != 1:
        raise combination("Exactly one attribute must be specified.") if given else missing("Attribute")
    support = given.get("EnableDnsSupport", vpc.dns_support)
    hostnames = given.get("EnableDnsHostnames", vpc.dns_hostnames)
    VPC.put(call, vpc.id, replace(vpc, dns_support=support, dns_hostnames=hostnames))
    changed(call, vpc.id)


@operation("DescribeVpcAttribute", resource=targets(VPC, "VpcId"))
def describe_vpc_attribute(call: Call, request: Request) -> dict[str, Any]:
    vpc = VPC.need(call, request["VpcId"])
    found = {
        "enableDnsSupport": ("EnableDnsSupport", vpc.dns_support),
        "enableDnsHostnames": ("EnableDnsHostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
    }
    name, value = found[request["Attribute"]]
    return {"VpcId": vpc.id, name: {"Value": value}}


def _associable(vpc: Vpc, cidr: str) -> bool:
    """The secondary ranges that do not go with the primary one are refused (the guide's table "IPv4 CIDR block
    association restrictions")."""
    first, new = IPv4Network(vpc.range), IPv4Network(cidr)
    inside = next((each for each in PRIVATE if new.subnet_of(each)), None)
    home = next((each for each in PRIVATE if first.subnet_of(each)), None)
    return inside is None or home is None or inside == home


@operation("AssociateVpcCidrBlock", resource=targets(VPC, "VpcId"), partial="IPv4 ranges given by the caller")
def associate_vpc_cidr_block(call: Call, request: Request) -> dict[str, Any]:
    vpc = VPC.need(call, request["VpcId"])
    if "CidrBlock" not in request:
        raise missing("CidrBlock")
    cidr = vpc_range(request["CidrBlock"])
    if ranges.overlapping(cidr, [each.cidr for each in vpc.ranges]):
        raise invalid(f"The CIDR '{cidr}' conflicts with an existing range of the VPC.")
    if not _associable(vpc, cidr):
        raise Ec2Error(
            "InvalidVpc.Range",
            f"The CIDR '{cidr}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR.",
        )
    if len(vpc.ranges) >= quotas.RANGES:
        raise Ec2Error(
            "CidrLimitExceeded", f"This network '{vpc.id}' has met its maximum number of allowed CIDRs: {quotas.RANGES}"
        )
    for table in tables_in(call, vpc.id):
        if any(
            "/" in route.destination and ranges.within(cidr, [route.destination]) and route.kind == "peer"
            for route in table.routes
        ):
            raise Ec2Error("InvalidVpc.Range", f"The CIDR '{cidr}' is within a route of {table.id} to a peer.")
    made = Range(association_id("vpc-cidr-assoc"), cidr)
    _write(call, replace(vpc, ranges=(*vpc.ranges, made)))
    return {"VpcId": vpc.id, "CidrBlockAssociation": show_range(made, "associating")}


@operation("DisassociateVpcCidrBlock", resource=lambda call, request: VPC.arn(call, _of_association(call, request)))
def disassociate_vpc_cidr_block(call: Call, request: Request) -> dict[str, Any]:
    association = request["AssociationId"]
    id = _of_association(call, request)
    if id == "*":
        raise Ec2Error(
            "InvalidVpcCidrBlockAssociationID.NotFound",
            f"The vpc CIDR block association ID '{association}' does not exist",
        )
    vpc = VPC.need(call, id)
    gone = next(each for each in vpc.ranges if each.association == association)
    if gone == vpc.ranges[0]:
        raise Ec2Error(
            "OperationNotPermitted",
            f"The vpc CIDR block with association ID {association} may not be disassociated. "
            "It is the primary IPv4 CIDR block of the VPC",
        )
    subnets = records.subnets.find(call.tx, records.subnets_of_vpc, call.account, call.region, vpc.id)
    if any(ranges.within(subnet.range, [gone.cidr]) for _, subnet in subnets):
        raise Ec2Error(
            "DependencyViolation", f"The vpc CIDR block '{gone.cidr}' has dependencies and cannot be disassociated."
        )
    _write(call, replace(vpc, ranges=tuple(each for each in vpc.ranges if each != gone)))
    return {"VpcId": vpc.id, "CidrBlockAssociation": show_range(gone, "disassociating")}


def _of_association(call: Call, request: Request) -> str:
    key = (call.account, call.region, request["AssociationId"])
    found = records.vpcs.find(call.tx, records.by_range_association, *key)
    return next((vpc.id for _, vpc in found), "*")


def _write(call: Call, vpc: Vpc) -> None:
    """Its tables show the ranges as local routes, its peers reach them."""
    VPC.put(call, vpc.id, vpc)
    cidrs = tuple(each.cidr for each in vpc.ranges)
    for table in tables_in(call, vpc.id):
        ROUTE_TABLE.put(call, table.id, replace(table, ranges=cidrs))
    _tell_peers(call, vpc, cidrs)
    changed(call, vpc.id)


def _tell_peers(call: Call, vpc: Vpc, cidrs: tuple[str, ...]) -> None:
    for _, peering in list(records.peerings.find(call.tx, records.peerings_of_vpc, call.account, call.region, vpc.id)):
        for side in (peering.requester, peering.accepter):
            there = records.peerings.get(call.tx, side.account, side.region, peering.id)
            if there is not None:
                told = {
                    name: replace(each, ranges=cidrs) if each.vpc == vpc.id else each
                    for name, each in (("requester", there.requester), ("accepter", there.accepter))
                }
                records.peerings.put(call.tx, side.account, side.region, peering.id, record=replace(there, **told))


def taken(call: Call, vpc: Vpc) -> list[str]:
    """The ranges of its subnets."""
    found = records.subnets.find(call.tx, records.subnets_of_vpc, call.account, call.region, vpc.id)
    return [subnet.range for _, subnet in found]
