"""The kinds of things in networks: their ids, what errors call them, their filters and condition keys.

Source: EC2 API Reference, the Describe operations' pages (filters) and "Error codes"; Service Authorization Reference,
"Condition keys for Amazon EC2".
"""

from collections.abc import Callable, Iterable
from typing import Any

from pileus.base.arns import partition_of
from pileus.base.clock import iso_millis
from pileus.model import regions as facts
from pileus.service import Call

from ..filters import boolean, nobodys, same
from ..kinds import Kind
from ..service import Ec2Error
from . import records
from .ranges import free_in
from .records import (
    Acl,
    DhcpOptions,
    ElasticAddress,
    GroupRule,
    Interface,
    InternetGateway,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)

Values = Iterable[str | None]
ICMP = 1
V6 = tuple(f"ipv6-cidr-block-association.{each}" for each in ("ipv6-cidr-block", "association-id", "state"))


class GroupKind(Kind[SecurityGroup]):
    """Groups' errors have another form."""

    def unknown(self, lost: list[str]) -> Ec2Error:
        error = super().unknown(lost)
        if error.code == self.not_found:
            shown = f"group '{lost[0]}' does not" if len(lost) == 1 else f"groups '{', '.join(lost)}' do not"
            error.message = f"The security {shown} exist"
        return error


def vpc_arn(call: Call, id: str, account: str | None = None) -> str:
    return f"arn:{call.partition}:ec2:{call.region}:{account or call.account}:vpc/{id}"


def _vpc_key(call: Call, record: Any) -> dict[str, Any]:
    return {"ec2:Vpc": vpc_arn(call, record.vpc)}


def within(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """For `operation(context=…)` of what is made in a VPC, or in a subnet, that the request names."""
    vpc, subnet = request.get("VpcId"), request.get("SubnetId")
    if vpc:
        return {"ec2:Vpc": vpc_arn(call, vpc)}
    known = SUBNET.get(call, subnet) if subnet else None
    if known is None:
        return {}
    shown = {"ec2:Vpc": vpc_arn(call, known.vpc), "ec2:Subnet": SUBNET.arn(call, known.id)}
    return shown | {"ec2:AvailabilityZone": known.zone}


def _owned(more: dict[str, Callable[[Any], Values]]) -> dict[str, Callable[[Any], Values]]:
    return {"owner-id": lambda record: [record.account], **more}


VPC: Kind[Vpc] = Kind(
    "vpc",
    "vpc",
    "InvalidVpcID",
    "vpc",
    records.vpcs,
    _owned(
        {
            "vpc-id": lambda vpc: [vpc.id],
            "cidr": lambda vpc: [vpc.range],
            "cidr-block-association.cidr-block": lambda vpc: [each.cidr for each in vpc.ranges],
            "cidr-block-association.association-id": lambda vpc: [each.association for each in vpc.ranges],
            "cidr-block-association.state": lambda vpc: ["associated"],
            "dhcp-options-id": lambda vpc: [vpc.dhcp],
            "is-default": lambda vpc: [boolean(vpc.default)],
            "isDefault": lambda vpc: [boolean(vpc.default)],
            "state": lambda vpc: ["available"],
            **nobodys(*V6, "ipv6-cidr-block-association.ipv6-pool"),
        }
    ),
    lambda call, vpc: {"ec2:VpcID": vpc.id, "ec2:Tenancy": vpc.tenancy},
)
SUBNET: Kind[Subnet] = Kind(
    "subnet",
    "subnet",
    "InvalidSubnetID",
    "subnet",
    records.subnets,
    _owned(
        {
            "subnet-id": lambda subnet: [subnet.id],
            "vpc-id": lambda subnet: [subnet.vpc],
            "availability-zone": lambda subnet: [subnet.zone],
            "availabilityZone": lambda subnet: [subnet.zone],
            "availability-zone-id": lambda subnet: [facts.zone_id(subnet.zone)],
            "availabilityZoneId": lambda subnet: [facts.zone_id(subnet.zone)],
            "available-ip-address-count": lambda subnet: [str(free_of(subnet))],
            "cidr-block": lambda subnet: [subnet.range],
            "cidr": lambda subnet: [subnet.range],
            "cidrBlock": lambda subnet: [subnet.range],
            "default-for-az": lambda subnet: [boolean(subnet.default)],
            "defaultForAz": lambda subnet: [boolean(subnet.default)],
            "private-dns-name-options-on-launch.hostname-type": lambda subnet: [subnet.host_names or "ip-name"],
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": lambda subnet: [
                boolean(subnet.resource_names)
            ],
            "map-public-ip-on-launch": lambda subnet: [boolean(subnet.map_public)],
            "state": lambda subnet: ["available"],
            "subnet-arn": lambda subnet: [subnet_arn(subnet)],
            **nobodys(*V6, "customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn"),
            **same("false", "enable-dns64", "ipv6-native", "map-customer-owned-ip-on-launch"),
            **same("false", "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record"),
        }
    ),
    lambda call, subnet: _vpc_key(call, subnet) | {"ec2:AvailabilityZone": subnet.zone, "ec2:SubnetID": subnet.id},
)
DHCP_OPTIONS: Kind[DhcpOptions] = Kind(
    "dopt",
    "dhcp-options",
    "InvalidDhcpOptionID",
    "dhcpOption",
    records.dhcp_options,
    _owned(
        {
            "dhcp-options-id": lambda found: [found.id],
            "key": lambda found: list(found.options),
            "value": lambda found: [value for values in found.options.values() for value in values],
        }
    ),
    malformed="InvalidDhcpOptionsId.Malformed",
)
GATEWAY: Kind[InternetGateway] = Kind(
    "igw",
    "internet-gateway",
    "InvalidInternetGatewayID",
    "internetGateway",
    records.internet_gateways,
    _owned(
        {
            "internet-gateway-id": lambda gateway: [gateway.id],
            "attachment.vpc-id": lambda gateway: [gateway.vpc] if gateway.vpc else [],
            "attachment.state": lambda gateway: ["available"] if gateway.vpc else [],
        }
    ),
    malformed="InvalidInternetGatewayId.Malformed",
)


def _routes(read: Callable[[Any], str | None]) -> Callable[[RouteTable], Values]:
    return lambda table: [read(route) for route in table.routes]


def _to(kind: str) -> Callable[[RouteTable], Values]:
    return _routes(lambda route: route.target if route.kind == kind else None)


def _states(table: RouteTable) -> Values:
    return ["active", *("blackhole" if route.blackhole else "active" for route in table.routes)]


ROUTE_TABLE: Kind[RouteTable] = Kind(
    "rtb",
    "route-table",
    "InvalidRouteTableID",
    "routeTable",
    records.route_tables,
    _owned(
        {
            "route-table-id": lambda table: [table.id],
            "vpc-id": lambda table: [table.vpc],
            "association.main": lambda table: [boolean(each.main) for each in table.associations] or ["false"],
            "association.route-table-association-id": lambda table: [each.id for each in table.associations],
            "association.route-table-id": lambda table: [table.id] if table.associations else [],
            "association.subnet-id": lambda table: [each.subnet for each in table.associations if each.subnet],
            "route.destination-cidr-block": lambda table: [
                *table.ranges,
                *(route.destination for route in table.routes if "/" in route.destination),
            ],
            "route.destination-prefix-list-id": _routes(
                lambda route: route.destination if "/" not in route.destination else None
            ),
            "route.gateway-id": lambda table: [
                "local",
                *(route.target for route in table.routes if route.kind in ("internet", "endpoint")),
            ],
            "route.instance-id": _routes(lambda route: route.instance or None),
            "route.nat-gateway-id": _to("nat"),
            "route.vpc-peering-connection-id": _to("peer"),
            "route.origin": lambda table: ["CreateRouteTable", *("CreateRoute" for _ in table.routes)],
            "route.state": _states,
            **nobodys("association.gateway-id", "route.destination-ipv6-cidr-block"),
            **nobodys("route.egress-only-internet-gateway-id", "route.transit-gateway-id"),
        }
    ),
    _vpc_key,
    malformed="InvalidRouteTableId.Malformed",
)


def _entries(read: Callable[[Any], str]) -> Callable[[Acl], Values]:
    return lambda acl: [read(entry) for entry in acl.entries]


def _icmp(read: Callable[[Any], int]) -> Callable[[Acl], Values]:
    return lambda acl: [str(read(entry)) for entry in acl.entries if entry.protocol == ICMP]


ACL: Kind[Acl] = Kind(
    "acl",
    "network-acl",
    "InvalidNetworkAclID",
    "networkAcl",
    records.acls,
    _owned(
        {
            "network-acl-id": lambda acl: [acl.id],
            "vpc-id": lambda acl: [acl.vpc],
            "default": lambda acl: [boolean(acl.default)],
            "association.association-id": lambda acl: [each.id for each in acl.associations],
            "association.network-acl-id": lambda acl: [acl.id] if acl.associations else [],
            "association.subnet-id": lambda acl: [each.subnet for each in acl.associations],
            "entry.cidr": _entries(lambda entry: entry.range),
            "entry.egress": _entries(lambda entry: boolean(entry.egress)),
            "entry.protocol": _entries(lambda entry: str(entry.protocol)),
            "entry.port-range.from": _entries(lambda entry: str(entry.first)),
            "entry.port-range.to": _entries(lambda entry: str(entry.last)),
            "entry.rule-action": _entries(lambda entry: "allow" if entry.allow else "deny"),
            "entry.rule-number": _entries(lambda entry: str(entry.number)),
            "entry.icmp.type": _icmp(lambda entry: entry.first),
            "entry.icmp.code": _icmp(lambda entry: entry.last),
            **nobodys("entry.ipv6-cidr"),
        }
    ),
    _vpc_key,
    malformed="InvalidNetworkAclId.Malformed",
)
GROUP = GroupKind(
    "sg",
    "security-group",
    "InvalidGroupId",
    "security group",
    records.groups,
    _owned(
        {
            "group-id": lambda group: [group.id],
            "group-name": lambda group: [group.name],
            "vpc-id": lambda group: [group.vpc],
            "description": lambda group: [group.description],
        }
    ),
    lambda call, group: _vpc_key(call, group) | {"ec2:SecurityGroupID": group.id},
    not_found="InvalidGroup.NotFound",
)
RULE: Kind[GroupRule] = Kind(
    "sgr",
    "security-group-rule",
    "InvalidSecurityGroupRuleId",
    "security group rule",
    records.group_rules,
    {
        "group-id": lambda rule: [rule.group],
        "security-group-rule-id": lambda rule: [rule.id],
    },
)


def _public(read: Callable[[Any], str]) -> Callable[[Interface], Values]:
    return lambda interface: [read(each.public) for each in interface.addresses if each.public is not None]


def _attached(read: Callable[[Any], str]) -> Callable[[Interface], Values]:
    return lambda interface: [read(interface.attachment)] if interface.attachment is not None else []


INTERFACE: Kind[Interface] = Kind(
    "eni",
    "network-interface",
    "InvalidNetworkInterfaceID",
    "networkInterface",
    records.interfaces,
    _owned(
        {
            "network-interface-id": lambda interface: [interface.id],
            "vpc-id": lambda interface: [interface.vpc],
            "subnet-id": lambda interface: [interface.subnet],
            "availability-zone": lambda interface: [interface.zone],
            "description": lambda interface: [interface.description],
            "group-id": lambda interface: interface.groups,
            "group-name": lambda interface: interface.names,
            "mac-address": lambda interface: [interface.mac],
            "private-ip-address": lambda interface: [interface.primary.address],
            "private-dns-name": lambda interface: [private_name(interface.region, interface.primary.address)],
            "addresses.private-ip-address": lambda interface: [each.address for each in interface.addresses],
            "addresses.primary": lambda interface: [boolean(each.primary) for each in interface.addresses],
            "addresses.association.public-ip": _public(lambda public: public.address),
            "addresses.association.owner-id": _public(lambda public: public.owner),
            "association.association-id": _public(lambda public: public.id),
            "association.allocation-id": _public(lambda public: public.allocation),
            "association.public-ip": _public(lambda public: public.address),
            "association.ip-owner-id": _public(lambda public: public.owner),
            "attachment.attachment-id": _attached(lambda attachment: attachment.id),
            "attachment.instance-id": _attached(lambda attachment: attachment.instance),
            "attachment.instance-owner-id": _attached(lambda attachment: attachment.instance_account),
            "attachment.device-index": _attached(lambda attachment: str(attachment.index)),
            "attachment.status": _attached(lambda attachment: attachment.status),
            "attachment.delete-on-termination": _attached(lambda each: boolean(each.delete_on_termination)),
            "requester-id": lambda interface: [interface.requester or interface.account],
            "requester-managed": lambda interface: [boolean(bool(interface.requester))],
            "source-dest-check": lambda interface: [boolean(interface.source_check)],
            "interface-type": lambda interface: [interface.type],
            "availability-zone-id": lambda interface: [facts.zone_id(interface.zone)],
            "attachment.attach-time": _attached(lambda attachment: f"{iso_millis(attachment.at)}Z"),
            "attachment.network-card-index": _attached(lambda attachment: "0"),
            **nobodys("ipv6-addresses.ipv6-address", "operator.principal"),
            **same("false", "operator.managed"),
            "status": lambda interface: [interface.status],
        }
    ),
    lambda call, interface: (
        _vpc_key(call, interface)
        | {
            "ec2:AvailabilityZone": interface.zone,
            "ec2:Subnet": SUBNET.arn(call, interface.subnet),
            "ec2:NetworkInterfaceID": interface.id,
        }
    ),
    malformed="InvalidNetworkInterfaceId.Malformed",
)
ADDRESS: Kind[ElasticAddress] = Kind(
    "eipalloc",
    "elastic-ip",
    "InvalidAllocationID",
    "allocation",
    records.elastic_addresses,
    {
        "allocation-id": lambda address: [address.id],
        "association-id": lambda address: [address.association or None],
        "domain": lambda address: ["vpc"],
        "instance-id": lambda address: [address.instance or None],
        "network-border-group": lambda address: [address.region],
        "network-interface-id": lambda address: [address.interface or None],
        "network-interface-owner-id": lambda address: [address.account if address.interface else None],
        "private-ip-address": lambda address: [address.private or None],
        "public-ip": lambda address: [address.public],
    },
    lambda call, address: {"ec2:AllocationId": address.id, "ec2:PublicIpAddress": address.public, "ec2:Domain": "vpc"},
    malformed="InvalidAllocationID.NotFound",
)


def free_of(subnet: Subnet) -> int:
    """How many addresses interfaces can still get."""
    return free_in(subnet.range, subnet.used)


def subnet_arn(subnet: Subnet) -> str:
    return f"arn:{partition_of(subnet.region)}:ec2:{subnet.region}:{subnet.account}:subnet/{subnet.id}"


def internal_domain(region: str) -> str:
    """Of a region's private names."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def private_label(address: str) -> str:
    """'ip-10-0-0-5' (Amazon VPC User Guide, "DNS attributes for your VPC")."""
    return f"ip-{address.replace('.', '-')}"


def private_name(region: str, address: str) -> str:
    """'ip-10-0-0-5.ec2.internal'."""
    return f"{private_label(address)}.{internal_domain(region)}"


def public_name(region: str, address: str, vpc: Vpc) -> str:
    """'ec2-203-0-113-25.compute-1.amazonaws.com'; empty where the VPC gives no names."""
    if not (vpc.dns_hostnames and vpc.dns_support):
        return ""
    domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{domain}.amazonaws.com"
