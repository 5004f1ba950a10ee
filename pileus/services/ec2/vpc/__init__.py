"""Networks: VPCs and what is in them, told to a driver that makes them real."""

from pileus.control import Reconciler

from . import (
    account_attributes,
    acls,
    address_transfers,
    addresses,
    dhcp,
    endpoints,
    flow_logs,
    group_associations,
    group_rules,
    groups,
    insights,
    interfaces,
    internet_gateways,
    nat,
    peering,
    prefix_lists,
    route_tables,
    routes,
    secondary_addresses,
    subnet_reservations,
    subnets,
    vpcs,
)
from .flow_delivery import DeliverFlowLogs
from .nat import KeepNatGateways
from .peering import KeepPeerings
from .realizing import RealizeNetworks


def reconcilers() -> list[Reconciler]:
    """The background work of networks."""
    return [RealizeNetworks(), KeepNatGateways(), KeepPeerings(), DeliverFlowLogs()]


__all__ = [
    "account_attributes",
    "acls",
    "address_transfers",
    "addresses",
    "dhcp",
    "endpoints",
    "flow_logs",
    "group_associations",
    "group_rules",
    "groups",
    "insights",
    "interfaces",
    "internet_gateways",
    "nat",
    "peering",
    "prefix_lists",
    "reconcilers",
    "route_tables",
    "routes",
    "secondary_addresses",
    "subnet_reservations",
    "subnets",
    "vpcs",
]
