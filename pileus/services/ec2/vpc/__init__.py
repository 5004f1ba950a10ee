"""Networks: VPCs and what is in them, told to a driver that makes them real."""

from pileus.control import Reconciler

from . import (
    addresses,
    dhcp,
    group_rules,
    groups,
    interfaces,
    internet_gateways,
    route_tables,
    routes,
    secondary_addresses,
    subnets,
    vpcs,
)
from .realizing import RealizeNetworks


def reconcilers() -> list[Reconciler]:
    """The background work of networks."""
    return [RealizeNetworks()]


__all__ = [
    "addresses",
    "dhcp",
    "group_rules",
    "groups",
    "interfaces",
    "internet_gateways",
    "reconcilers",
    "route_tables",
    "routes",
    "secondary_addresses",
    "subnets",
    "vpcs",
]
