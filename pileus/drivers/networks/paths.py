"""Where packets go in a network's namespace: addresses, routing tables and the rules that choose among them.

The order of a lookup: what is local to the namespace, then the machines (table main, filled by whoever plugs them in),
then nothing for the rest of the network's own ranges, then the table of the subnet that the packet comes from, by its
mark; what no table knows is dropped.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pileus.drivers.networks import inside, names
from pileus.drivers.networks.api import NatGateway, Network, Route
from pileus.drivers.networks.names import METADATA, interface_device, nat_device, peer_device

OWN = 900
"""The table of what is nowhere else in the network's own ranges."""
EDGE_NEAR = "169.254.240.1"
"""The edge, as every network sees it."""
EDGE_FAR = "169.254.240.2"
"""A network, as the edge sees it."""
PEERS = ("169.254.241.1", "169.254.241.2")
"""The two ends of a peering; the network whose id is smaller has the first."""
RULES = {"100": "lookup main", "200": f"lookup {OWN}", "30000": "blackhole"}


def table_number(table: str) -> int:
    """The kernel's number of a route table, which is also the mark of the packets that follow it."""
    return 0x1000_0000 | int.from_bytes(hashlib.sha256(table.encode()).digest()[:4], "big") >> 4


def nat_mac(gateway: NatGateway) -> str:
    return "02:" + ":".join(f"{octet:02x}" for octet in hashlib.sha256(gateway.id.encode()).digest()[:5])


@dataclass(frozen=True)
class Paths:
    """`addresses`: of the namespace itself. `marks`: the tables that a mark leads to. `routes`: (table, range) -> the
    rest of the route, in the words of `ip route`."""

    addresses: frozenset[str]
    marks: frozenset[int]
    routes: dict[tuple[int, str], str]


def paths(network: Network, peers: Mapping[str, Network], devices: set[str]) -> Paths:
    """`devices`: those of machines that are switched on; a route to any other machine leads nowhere."""
    addresses = {METADATA, *map(names.gateway_address, network.subnets)}
    if network.resolver:
        addresses |= names.resolver_addresses(network)
    routes = {(OWN, each): "blackhole" for each in (*network.ranges, "169.254.0.0/16")}
    for gateway in network.nat_gateways:
        routes[OWN, gateway.private] = f"dev {nat_device(gateway.id)}"
    for table in network.tables:
        number = table_number(table.id)
        for route in table.routes:
            for where, how in _route(network, peers, route, devices):
                routes[number, where] = how
    return Paths(frozenset(addresses), frozenset(table_number(table.id) for table in network.tables), routes)


def by_machines(network: Network) -> bool:
    """Whether routes lead to machines, which come and go."""
    return any(route.kind == "interface" for table in network.tables for route in table.routes)


def _route(
    network: Network, peers: Mapping[str, Network], route: Route, devices: set[str]
) -> Iterator[tuple[str, str]]:
    where = "default" if route.range == "0.0.0.0/0" else route.range.removesuffix("/32")
    if route.kind == "endpoint":
        found = [each for each in network.endpoints if each.id == route.target]
        yield from ((address, "local dev lo") for each in found for address in each.addresses)
        return
    how = "blackhole"
    if route.kind == "internet" and network.internet:
        how = f"via {EDGE_NEAR} dev edge onlink"
    elif route.kind == "nat":
        for gateway in network.nat_gateways:
            if gateway.id == route.target:
                how = f"via {gateway.private} dev {nat_device(gateway.id)} onlink"
    elif route.kind == "peer" and route.target in peers:
        how = f"via {peer_end(peers[route.target], network)} dev {peer_device(route.target)} onlink"
    elif route.kind == "interface" and interface_device(route.target) in devices:
        for interface in network.interfaces:
            if interface.id == route.target:
                how = f"via {interface.addresses[0].private} dev {interface_device(interface.id)} onlink"
    yield where, how


def peer_end(network: Network, other: Network) -> str:
    """The address of `network`'s end of its peering with `other`."""
    return PEERS[network.id > other.id]


def there(namespace: str) -> Paths:
    """What a namespace has now, of what is this module's business; the words of its routes are not read."""
    seen = json.loads(inside.run("ip", "-j", "-n", namespace, "addr", "show", "dev", "lo") or "[]")
    addresses = {info["local"] for device in seen for info in device.get("addr_info", ()) if info["prefixlen"] == 32}
    rules = json.loads(inside.run("ip", "-j", "-n", namespace, "rule") or "[]")
    marks = {int(rule["fwmark"], 16) for rule in rules if "fwmark" in rule}
    routes = json.loads(inside.run("ip", "-j", "-n", namespace, "route", "show", "table", "all") or "[]")
    tables = [(int(each["table"]), each["dst"]) for each in routes if str(each.get("table", "")).isdigit()]
    return Paths(frozenset(addresses), frozenset(marks), dict.fromkeys(tables, ""))


def up(namespace: str) -> set[str]:
    """The devices that are switched on."""
    shown = json.loads(inside.run("ip", "-j", "-n", namespace, "link", "show", "up") or "[]")
    # Of a device that is not, an empty object is shown.
    return {device["ifname"] for device in shown if device}


def begun(namespace: str) -> None:
    """The rules that every network has."""
    rules = json.loads(inside.run("ip", "-j", "-n", namespace, "rule") or "[]")
    have = {str(rule["priority"]) for rule in rules}
    missing = [f"rule add priority {number} {what}" for number, what in RULES.items() if number not in have]
    inside.ip(namespace, ["link set lo up", *missing])


def changes(old: Paths, new: Paths) -> list[str]:
    """The commands that turn `old` into `new`, what is added before what goes."""
    commands = [f"addr add {address}/32 dev lo" for address in sorted(new.addresses - old.addresses)]
    commands += [_written("replace", key, how) for key, how in new.routes.items() if old.routes.get(key) != how]
    commands += [f"rule add priority 1000 fwmark {mark} lookup {mark}" for mark in sorted(new.marks - old.marks)]
    commands += [f"rule del priority 1000 fwmark {mark} lookup {mark}" for mark in sorted(old.marks - new.marks)]
    commands += [f"route del {where} table {table}" for table, where in sorted(old.routes.keys() - new.routes.keys())]
    commands += [f"addr del {address}/32 dev lo" for address in sorted(old.addresses - new.addresses)]
    return commands


def _written(verb: str, key: tuple[int, str], how: str) -> str:
    table, where = key
    kind = how.split()[0]
    if kind in ("blackhole", "local"):
        return f"route {verb} {kind} {where} table {table} {how.removeprefix(kind)}"
    return f"route {verb} {where} table {table} {how}"
