"""What is kept of networks: one record a thing, each under (account, region, id).

A record says what is desired; what the driver was told to make of it is in `realized`.
"""

from typing import Literal

import msgspec

from pileus.store import Index, Table

from .links import (
    Endpoint as Endpoint,
)
from .links import (
    Entry as Entry,
)
from .links import (
    NatGateway as NatGateway,
)
from .links import (
    Peering as Peering,
)
from .links import (
    PrefixList as PrefixList,
)
from .links import (
    Side as Side,
)
from .links import (
    endpoints as endpoints,
)
from .links import (
    endpoints_of_vpc as endpoints_of_vpc,
)
from .links import (
    nat_gateways as nat_gateways,
)
from .links import (
    nats_of_vpc as nats_of_vpc,
)
from .links import (
    peerings as peerings,
)
from .links import (
    peerings_of_vpc as peerings_of_vpc,
)
from .links import (
    prefix_lists as prefix_lists,
)
from .things import Thing as Thing


class Range(msgspec.Struct, frozen=True):
    association: str
    cidr: str


class Vpc(Thing, frozen=True, kw_only=True):
    """`ranges`: the primary first. `dhcp`: an id, or 'default' for none. `acl`, `group`: the default ones."""

    ranges: tuple[Range, ...]
    tenancy: str = "default"
    default: bool = False
    dhcp: str = "default"
    dns_support: bool = True
    dns_hostnames: bool = False
    acl: str = ""
    group: str = ""

    @property
    def range(self) -> str:
        return self.ranges[0].cidr


class Subnet(Thing, frozen=True, kw_only=True):
    """`used`: how many addresses interfaces have. `host_names`, `resource_names`: how machines that are launched in it
    are called ('' for ip-name), and whether their names by id resolve."""

    vpc: str
    zone: str
    range: str
    default: bool = False
    map_public: bool = False
    used: int = 0
    host_names: str = ""
    resource_names: bool = False


class DhcpOptions(Thing, frozen=True, kw_only=True):
    options: dict[str, tuple[str, ...]]


class InternetGateway(Thing, frozen=True, kw_only=True):
    """`vpc`: empty while it is detached."""

    vpc: str = ""


class TableAssociation(msgspec.Struct, frozen=True):
    """`subnet`: empty for the main table's."""

    id: str
    subnet: str = ""
    main: bool = False


RouteKind = Literal["internet", "nat", "interface", "peer", "endpoint"]


class RouteRecord(msgspec.Struct, frozen=True):
    """`destination`: a range or the id of a prefix list. `blackhole`: its target is gone or of no use."""

    destination: str
    kind: RouteKind
    target: str
    instance: str = ""
    blackhole: bool = False


class RouteTable(Thing, frozen=True, kw_only=True):
    """Local routes are not kept: they are the VPC's ranges."""

    vpc: str
    ranges: tuple[str, ...] = ()
    routes: tuple[RouteRecord, ...] = ()
    associations: tuple[TableAssociation, ...] = ()


class AclEntry(msgspec.Struct, frozen=True):
    """`protocol`: a number, -1 for all. `first`, `last`: ports, or ICMP's type and code; -1 for all."""

    number: int
    egress: bool
    allow: bool
    range: str
    protocol: int = -1
    first: int = -1
    last: int = -1


class AclAssociation(msgspec.Struct, frozen=True):
    id: str
    subnet: str


class Acl(Thing, frozen=True, kw_only=True):
    vpc: str
    default: bool = False
    entries: tuple[AclEntry, ...] = ()
    associations: tuple[AclAssociation, ...] = ()


class SecurityGroup(Thing, frozen=True, kw_only=True):
    """`vpcs`: further ones that it is used in."""

    vpc: str
    name: str
    description: str
    vpcs: tuple[str, ...] = ()


class GroupRule(Thing, frozen=True, kw_only=True):
    """`protocol`: 'tcp', 'udp', 'icmp', a number, or '-1' for all. The other side is one of `range`, `prefix_list`,
    `other` (a group; of `other_account`, in `other_vpc`, reached by `peering`)."""

    group: str
    vpc: str
    egress: bool
    protocol: str
    first: int = -1
    last: int = -1
    range: str = ""
    prefix_list: str = ""
    other: str = ""
    other_account: str = ""
    other_vpc: str = ""
    peering: str = ""
    description: str = ""

    @property
    def same(self) -> tuple[object, ...]:
        """What makes two rules of a group one and the same."""
        return self.egress, self.protocol, self.first, self.last, self.range, self.prefix_list, self.other


class Association(msgspec.Struct, frozen=True):
    """A public address of a private one. `owner`: 'amazon' for one of Amazon's pool, that goes when the machine stops;
    else the account, with the elastic address's `allocation` and the association's `id`."""

    address: str
    owner: str
    allocation: str = ""
    id: str = ""


class Private(msgspec.Struct, frozen=True):
    address: str
    primary: bool = False
    public: Association | None = None


class Attachment(msgspec.Struct, frozen=True):
    id: str
    instance: str
    index: int
    delete_on_termination: bool
    at: float
    status: str = "attached"
    instance_account: str = ""


class Interface(Thing, frozen=True, kw_only=True):
    """`addresses`: primary first. `names`: the groups' names, in their order (a name never changes). `requester`: of
    one that a service made ('' for the account's own); `type`: 'interface', 'nat_gateway'. `host_name`: resolves to its
    primary address too, beside the name by the address."""

    vpc: str
    subnet: str
    zone: str
    mac: str
    addresses: tuple[Private, ...]
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    attachment: Attachment | None = None
    source_check: bool = True
    description: str = ""
    requester: str = ""
    type: str = "interface"
    launched_public: bool = False
    host_name: str = ""
    """Its machine was given a public address of Amazon's pool when it started, and gets one again when an elastic
    address goes."""

    @property
    def primary(self) -> Private:
        return self.addresses[0]

    @property
    def status(self) -> str:
        return "in-use" if self.attachment is not None or self.requester else "available"


class ElasticAddress(Thing, frozen=True, kw_only=True):
    """What it is associated with is told by the interface's record as well; `association` is empty when nothing is."""

    public: str
    association: str = ""
    interface: str = ""
    private: str = ""
    instance: str = ""
    service: str = ""
    """Of a NAT gateway: its id."""


class Taken(msgspec.Struct, frozen=True):
    """Who has a public address. `holder`: the id of an elastic address or of an interface."""

    account: str
    region: str
    holder: str


vpcs = Table(
    "ec2.vpcs",
    Vpc,
    hot=True,
    watched=True,
    indexes=(
        by_range_association := Index[Vpc](
            "ec2.vpcs.ranges", lambda key, vpc: [(*key[:2], each.association) for each in vpc.ranges]
        ),
    ),
)
subnets = Table(
    "ec2.subnets",
    Subnet,
    indexes=(
        subnets_of_vpc := Index[Subnet]("ec2.subnets.of_vpc", lambda key, subnet: [(*key[:2], subnet.vpc, subnet.id)]),
    ),
)
dhcp_options = Table("ec2.dhcp_options", DhcpOptions)
internet_gateways = Table(
    "ec2.internet_gateways",
    InternetGateway,
    indexes=(
        gateway_of_vpc := Index[InternetGateway](
            "ec2.internet_gateways.of_vpc", lambda key, gateway: [(*key[:2], gateway.vpc)] if gateway.vpc else []
        ),
    ),
)
route_tables = Table(
    "ec2.route_tables",
    RouteTable,
    indexes=(
        tables_of_vpc := Index[RouteTable](
            "ec2.route_tables.of_vpc", lambda key, table: [(*key[:2], table.vpc, table.id)]
        ),
        by_table_association := Index[RouteTable](
            "ec2.route_tables.associations", lambda key, table: [(*key[:2], each.id) for each in table.associations]
        ),
        table_of_subnet := Index[RouteTable](
            "ec2.route_tables.of_subnet",
            lambda key, table: [(*key[:2], each.subnet) for each in table.associations if each.subnet],
        ),
    ),
)
acls = Table(
    "ec2.acls",
    Acl,
    indexes=(
        acls_of_vpc := Index[Acl]("ec2.acls.of_vpc", lambda key, acl: [(*key[:2], acl.vpc, acl.id)]),
        by_acl_association := Index[Acl](
            "ec2.acls.associations", lambda key, acl: [(*key[:2], each.id) for each in acl.associations]
        ),
        acl_of_subnet := Index[Acl](
            "ec2.acls.of_subnet", lambda key, acl: [(*key[:2], each.subnet) for each in acl.associations]
        ),
    ),
)
groups = Table(
    "ec2.groups",
    SecurityGroup,
    indexes=(
        groups_of_vpc := Index[SecurityGroup](
            "ec2.groups.of_vpc", lambda key, group: [(*key[:2], group.vpc, group.name)]
        ),
        groups_lent_to := Index[SecurityGroup](
            "ec2.groups.lent_to", lambda key, group: [(*key[:2], vpc, group.id) for vpc in group.vpcs]
        ),
    ),
)
group_rules = Table(
    "ec2.group_rules",
    GroupRule,
    indexes=(
        rules_of_group := Index[GroupRule](
            "ec2.group_rules.of_group", lambda key, rule: [(*key[:2], rule.group, rule.id)]
        ),
        rules_naming := Index[GroupRule](
            "ec2.group_rules.naming",
            lambda key, rule: [(rule.other or rule.prefix_list, *key)] if rule.other or rule.prefix_list else [],
        ),
    ),
)
interfaces = Table(
    "ec2.interfaces",
    Interface,
    indexes=(
        interfaces_of_vpc := Index[Interface](
            "ec2.interfaces.of_vpc", lambda key, interface: [(*key[:2], interface.vpc, interface.id)]
        ),
        interfaces_of_instance := Index[Interface](
            "ec2.interfaces.of_instance",
            lambda key, interface: (
                [(*key[:2], interface.attachment.instance, interface.attachment.index)] if interface.attachment else []
            ),
        ),
        by_attachment := Index[Interface](
            "ec2.interfaces.attachments",
            lambda key, interface: [(*key[:2], interface.attachment.id)] if interface.attachment else [],
        ),
        interfaces_in_group := Index[Interface](
            "ec2.interfaces.in_group",
            lambda key, interface: [(*key[:2], group, interface.id) for group in interface.groups],
        ),
    ),
)
elastic_addresses = Table(
    "ec2.elastic_addresses",
    ElasticAddress,
    indexes=(
        by_public := Index[ElasticAddress](
            "ec2.elastic_addresses.public", lambda key, address: [(*key[:2], address.public)]
        ),
        by_address_association := Index[ElasticAddress](
            "ec2.elastic_addresses.associations",
            lambda key, address: [(*key[:2], address.association)] if address.association else [],
        ),
    ),
)
private_addresses = Table("ec2.private_addresses", str)  # account, region, subnet, number -> interface
public_addresses = Table("ec2.public_addresses", Taken)  # number, of the whole cloud
homes = Table("ec2.homes", str, hot=True)  # account, region -> that the defaults were made: the default VPC's id
realized = Table("ec2.vpcs.realized", float)  # account, region, vpc -> since when the driver has, or may have, it
