"""From records to the driver's words: one VPC as a network that is told whole. Pure.

What is not attached to a machine is not in it: a network is as large as what runs.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from pileus.drivers.networks import api
from pileus.drivers.networks.api import ANY, Network
from pileus.model import regions as facts
from pileus.store import Index, Table, Transaction

from . import records
from .flow_records import logs_in
from .kinds import private_name, public_name
from .records import Acl, Endpoint, GroupRule, Interface, Peering, RouteTable, Side, Vpc

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "-1": ANY}
EDGE_API, EDGE_S3, EDGE_DYNAMODB = 2, 3, 4
"""Numbers of the edge's addresses where the cloud's own services answer."""
EDGE_OF = {"s3": EDGE_S3, "dynamodb": EDGE_DYNAMODB}
SCAN_MAX = 100_000

Edge = Callable[[int], str]
R = TypeVar("R")


class Sight:
    """What is read for one network: every look into the store goes through here."""

    def __init__(self, tx: Transaction, account: str, region: str, vpc: str, edge: Edge):
        self.tx, self.account, self.region, self.vpc, self.edge = tx, account, region, vpc, edge

    def of_vpc(self, table: Table[R], index: Index[R]) -> list[R]:
        found = table.find(self.tx, index, self.account, self.region, self.vpc, limit=SCAN_MAX)
        return [record for _, record in found]

    def entries(self, list_id: str) -> tuple[str, ...]:
        """The ranges of a prefix list; none when it is gone."""
        found = records.prefix_lists.get(self.tx, self.account, self.region, list_id)
        return tuple(entry.cidr for entry in found.entries) if found is not None else ()


def network_of(tx: Transaction, account: str, region: str, vpc: str, edge: Edge) -> Network | None:
    """None when there is no such VPC. `edge`: the driver's `edge_address`."""
    found = records.vpcs.get(tx, account, region, vpc)
    if found is None:
        return None
    sight = Sight(tx, account, region, vpc, edge)
    interfaces = sight.of_vpc(records.interfaces, records.interfaces_of_vpc)
    attached = [each for each in interfaces if each.attachment is not None]
    peerings = [each for each in sight.of_vpc(records.peerings, records.peerings_of_vpc) if each.status == "active"]
    endpoints = [each for each in sight.of_vpc(records.endpoints, records.endpoints_of_vpc) if not each.deleted]
    tables = sight.of_vpc(records.route_tables, records.tables_of_vpc)
    acls = sight.of_vpc(records.acls, records.acls_of_vpc)
    gateways = records.internet_gateways.find(tx, records.gateway_of_vpc, account, region, vpc)
    watched = logged(tx, account, region, vpc)
    return Network(
        id=vpc,
        ranges=tuple(each.cidr for each in found.ranges),
        subnets=_subnets(sight, tables, acls),
        tables=tuple(_table(sight, table, endpoints) for table in tables),
        groups=_groups(sight),
        acls=tuple(_acl(acl) for acl in acls),
        interfaces=tuple(interface_of(each, watched) for each in attached),
        nat_gateways=_nat_gateways(sight),
        peerings=tuple(_peering(each, vpc) for each in peerings),
        endpoints=tuple(api.Endpoint(each.id, (edge(EDGE_OF[each.kind]),)) for each in endpoints),
        internet=next(iter(gateways), None) is not None,
        resolver=found.dns_support,
        names=_names(sight, found, attached, peerings),
        domains=domains(edge),
    )


def logged(tx: Transaction, account: str, region: str, vpc: str) -> Callable[[Interface], bool]:
    """Whether a flow log wants to know of an interface."""
    logs = logs_in(tx, account, region, vpc)
    return lambda interface: any(log.of(interface.id, interface.subnet) for log in logs)


def in_use(network: Network) -> bool:
    """Whether there is anything in it that packets could come from."""
    return bool(network.interfaces or network.nat_gateways)


def _subnets(sight: Sight, tables: list[RouteTable], acls: list[Acl]) -> tuple[api.Subnet, ...]:
    main = next(table.id for table in tables if any(each.main for each in table.associations))
    table_of = {each.subnet: table.id for table in tables for each in table.associations if each.subnet}
    acl_of = {each.subnet: acl.id for acl in acls for each in acl.associations}
    return tuple(
        api.Subnet(each.id, each.range, each.zone, table_of.get(each.id, main), acl_of[each.id])
        for each in sight.of_vpc(records.subnets, records.subnets_of_vpc)
    )


def _table(sight: Sight, table: RouteTable, endpoints: list[Endpoint]) -> api.RouteTable:
    routes = []
    for route in table.routes:
        ranges = (route.destination,) if "/" in route.destination else sight.entries(route.destination)
        for range in ranges:
            if route.blackhole:
                routes.append(api.Route(range, "blackhole"))
            else:
                routes.append(api.Route(range, route.kind, "" if route.kind == "internet" else route.target))
    routes += [api.Route("", "endpoint", each.id) for each in endpoints if table.id in each.tables]
    return api.RouteTable(table.id, tuple(routes))


def _groups(sight: Sight) -> tuple[api.Group, ...]:
    made = []
    lent = sight.of_vpc(records.groups, records.groups_lent_to)
    for group in [*sight.of_vpc(records.groups, records.groups_of_vpc), *lent]:
        found = records.group_rules.find(
            sight.tx, records.rules_of_group, sight.account, sight.region, group.id, limit=SCAN_MAX
        )
        rules = [rule for _, rule in found]
        inward = tuple(_rule(sight, rule) for rule in rules if not rule.egress)
        outward = tuple(_rule(sight, rule) for rule in rules if rule.egress)
        made.append(api.Group(group.id, inward, outward))
    return tuple(made)


def _rule(sight: Sight, rule: GroupRule) -> api.Rule:
    protocol = protocol_number(rule.protocol)
    ranges: tuple[str, ...] = (rule.range,) if rule.range else ()
    if rule.prefix_list:
        ranges = sight.entries(rule.prefix_list)
    first, last = (rule.first, rule.last) if protocol != ANY else (ANY, ANY)
    return api.Rule(rule.id, protocol, first, last, ranges, (rule.other,) if rule.other else ())


def protocol_number(name: str) -> int:
    found = PROTOCOLS.get(name)
    return int(name) if found is None else found


def _acl(acl: Acl) -> api.Acl:
    def entries(egress: bool) -> tuple[api.AclEntry, ...]:
        chosen = sorted((each for each in acl.entries if each.egress == egress), key=lambda each: each.number)
        return tuple(
            api.AclEntry(each.number, each.allow, each.range, each.protocol, each.first, each.last) for each in chosen
        )

    return api.Acl(acl.id, entries(False), entries(True))


def interface_of(interface: Interface, watched: Callable[[Interface], bool] = lambda one: False) -> api.Interface:
    addresses = tuple(
        api.Address(each.address, each.public.address if each.public is not None else "")
        for each in interface.addresses
    )
    return api.Interface(
        interface.id,
        interface.subnet,
        interface.mac,
        addresses,
        interface.groups,
        interface.source_check,
        watched(interface),
    )


def _nat_gateways(sight: Sight) -> tuple[api.NatGateway, ...]:
    found = sight.of_vpc(records.nat_gateways, records.nats_of_vpc)
    return tuple(
        api.NatGateway(each.id, each.subnet, each.private, each.address)
        for each in found
        if each.state in ("pending", "available")
    )


def sides(peering: Peering, vpc: str) -> tuple[Side, Side]:
    """This VPC's side, and the other's."""
    if peering.requester.vpc == vpc:
        return peering.requester, peering.accepter
    return peering.accepter, peering.requester


def _peering(peering: Peering, vpc: str) -> api.Peering:
    _, other = sides(peering, vpc)
    return api.Peering(peering.id, other.vpc, other.ranges)


def _names(
    sight: Sight, vpc: Vpc, attached: Iterable[Interface], peerings: list[Peering]
) -> dict[str, tuple[str, ...]]:
    """Public names are answered with private addresses, also of peers that allow it (VPC Peering Guide, "Enable DNS
    resolution for a VPC peering connection")."""
    if not vpc.dns_support:
        return {}
    names: dict[str, tuple[str, ...]] = {}
    for interface in attached:
        _name(names, sight.region, vpc, interface)
    for peering in peerings:
        _, other = sides(peering, vpc.id)
        there = records.vpcs.get(sight.tx, other.account, other.region, other.vpc)
        if there is not None and other.dns:
            across = Sight(sight.tx, other.account, other.region, other.vpc, sight.edge)
            for interface in across.of_vpc(records.interfaces, records.interfaces_of_vpc):
                if interface.attachment is not None:
                    _name(names, other.region, there, interface)
    return names


def _name(names: dict[str, tuple[str, ...]], region: str, vpc: Vpc, interface: Interface) -> None:
    if interface.host_name:
        names[interface.host_name] = (interface.primary.address,)
    for each in interface.addresses:
        names[private_name(region, each.address)] = (each.address,)
        public: Any = each.public
        if public is not None and (name := public_name(region, public.address, vpc)):
            names[name] = (each.address,)


def domains(edge: Edge) -> dict[str, str]:
    """The cloud's own names: its API answers at the edge, in every region."""
    return _domains(edge(EDGE_API), edge(EDGE_S3), edge(EDGE_DYNAMODB))


@lru_cache(maxsize=16)
def _domains(api: str, s3: str, dynamodb: str) -> dict[str, str]:
    found = {"amazonaws.com": api, "s3.amazonaws.com": s3, "localhost.localstack.cloud": api}
    for region in facts.regions().values():
        found.setdefault(region.domain, api)
        found[f"s3.{region.name}.{region.domain}"] = s3
        found[f"dynamodb.{region.name}.{region.domain}"] = dynamodb
    return found
