"""The default VPC, and what else is there before anybody made it; and the operations of networks, which see to that.

An account's region gets them in the transaction of the first call that could see them.

Source: Amazon VPC User Guide, "Default VPCs" (172.31.0.0/16, a /20 subnet a zone, an internet gateway, a main route
table that leads there, a default group, ACL and DHCP options).
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from ipaddress import IPv4Network
from typing import Any

import msgspec

from pileus.base import ids
from pileus.model import regions as facts
from pileus.service import Call

from .. import service as foundation
from ..service import Handler, Request
from . import records
from .kinds import ACL, DHCP_OPTIONS, GATEWAY, GROUP, ROUTE_TABLE, RULE, SUBNET, VPC, internal_domain
from .records import (
    Acl,
    AclAssociation,
    AclEntry,
    DhcpOptions,
    Entry,
    GroupRule,
    InternetGateway,
    PrefixList,
    Range,
    RouteRecord,
    RouteTable,
    SecurityGroup,
    Subnet,
    TableAssociation,
    Vpc,
)

RANGE = "172.31.0.0/16"
PREFIX = 20
EVERYWHERE = "0.0.0.0/0"


def operation(name: str, **options: Any) -> Callable[[Handler], Handler]:
    """As EC2's, of those that could see the defaults."""

    def declare(handler: Handler) -> Handler:
        @wraps(handler)
        def run(call: Call, request: Request) -> Any:
            settle(call)
            return handler(call, request)

        foundation.operation(name, **options)(run)
        return handler

    return declare


def settle(call: Call) -> None:
    """Makes the defaults where nobody looked before."""
    if records.homes.get(call.tx, call.account, call.region) is None:
        records.homes.put(call.tx, call.account, call.region, record="")
        make_prefix_lists(call)
        dhcp = make_default_dhcp(call)
        vpc = make_default_vpc(call, dhcp)
        records.homes.put(call.tx, call.account, call.region, record=vpc.id)


def association_id(kind: str) -> str:
    """'rtbassoc-…', 'vpc-cidr-assoc-…': ids of what has no record of its own."""
    return f"{kind}-0{ids.unique_hex(16)}"


def make_default_dhcp(call: Call) -> str:
    domain = internal_domain(call.region)
    id = DHCP_OPTIONS.new_id()
    options: dict[str, tuple[str, ...]] = {}
    options |= {"domain-name": (domain,), "domain-name-servers": ("AmazonProvidedDNS",)}
    DHCP_OPTIONS.put(call, id, DhcpOptions(options=options, **own(call, id)))
    return id


def own(call: Call, id: str, tags: dict[str, str] | None = None) -> dict[str, Any]:
    """The members that every record has."""
    made: dict[str, Any] = {"id": id, "account": call.account, "region": call.region, "created": call.now}
    return made | {"tags": tags or {}}


def make_vpc(
    call: Call,
    cidr: str,
    *,
    dhcp: str,
    tenancy: str = "default",
    default: bool = False,
    tags: dict[str, str] | None = None,
) -> Vpc:
    """A VPC with its main route table, default ACL and default group."""
    id, acl, group = VPC.new_id(), ACL.new_id(), GROUP.new_id()
    vpc = Vpc(
        ranges=(Range(association_id("vpc-cidr-assoc"), cidr),),
        tenancy=tenancy,
        default=default,
        dhcp=dhcp,
        dns_hostnames=default,
        acl=acl,
        group=group,
        **own(call, id, tags),
    )
    VPC.put(call, id, vpc)
    entries = tuple(AclEntry(100, egress, True, EVERYWHERE) for egress in (False, True))
    ACL.put(call, acl, Acl(vpc=id, default=True, entries=entries, **own(call, acl)))
    made = SecurityGroup(vpc=id, name="default", description="default VPC security group", **own(call, group))
    GROUP.put(call, group, made)
    inward = RULE.new_id()
    rule = GroupRule(
        group=group,
        vpc=id,
        egress=False,
        protocol="-1",
        other=group,
        other_account=call.account,
        other_vpc=id,
        **own(call, inward),
    )
    RULE.put(call, inward, rule)
    open_outward(call, group, id)
    table = ROUTE_TABLE.new_id()
    main = TableAssociation(association_id("rtbassoc"), main=True)
    ROUTE_TABLE.put(call, table, RouteTable(vpc=id, ranges=(cidr,), associations=(main,), **own(call, table)))
    return vpc


def open_outward(call: Call, group: str, vpc: str) -> None:
    """What every new group has: all may go out."""
    id = RULE.new_id()
    RULE.put(
        call,
        id,
        GroupRule(group=group, vpc=vpc, egress=True, protocol="-1", range=EVERYWHERE, **own(call, id)),
    )


def make_subnet(
    call: Call, vpc: Vpc, zone: str, cidr: str, *, default: bool = False, tags: dict[str, str] | None = None
) -> Subnet:
    """A subnet under the VPC's default ACL."""
    id = SUBNET.new_id()
    subnet = Subnet(vpc=vpc.id, zone=zone, range=cidr, default=default, map_public=default, **own(call, id, tags))
    SUBNET.put(call, id, subnet)
    acl = ACL.need(call, vpc.acl)
    association = AclAssociation(association_id("aclassoc"), id)
    ACL.put(call, acl.id, msgspec.structs.replace(acl, associations=(*acl.associations, association)))
    return subnet


def make_default_vpc(call: Call, dhcp: str) -> Vpc:
    vpc = make_vpc(call, RANGE, dhcp=dhcp, default=True)
    for zone, network in zip(facts.zones(call.region), IPv4Network(RANGE).subnets(new_prefix=PREFIX), strict=False):
        make_subnet(call, vpc, zone, str(network), default=True)
    gateway = GATEWAY.new_id()
    GATEWAY.put(call, gateway, InternetGateway(vpc=vpc.id, **own(call, gateway)))
    [(_, table)] = records.route_tables.find(call.tx, records.tables_of_vpc, call.account, call.region, vpc.id)
    route = RouteRecord(EVERYWHERE, "internet", gateway)
    ROUTE_TABLE.put(call, table.id, msgspec.structs.replace(table, routes=(route,)))
    return vpc


def managed_prefix_list(region: str, service: str) -> str:
    """The id of AWS's own list of a service's addresses in a region: the same in all accounts."""
    return "pl-" + hashlib.sha256(f"{region}/{service}".encode()).hexdigest()[:8]


def make_prefix_lists(call: Call) -> None:
    """AWS's own: the addresses of S3 and DynamoDB in this cloud."""
    networks = call.cloud.drivers.networks
    for service, number in (("s3", 3), ("dynamodb", 4)):
        id = managed_prefix_list(call.region, service)
        entries = (Entry(f"{networks.edge_address(number)}/32"),)
        made = PrefixList(
            name=f"com.amazonaws.{call.region}.{service}",
            owner="AWS",
            max_entries=len(entries),
            versions={1: entries},
            **own(call, id),
        )
        records.prefix_lists.put(call.tx, call.account, call.region, id, record=made)
