"""What a network's namespace lets pass, as rules of the kernel's packet filter.

A packet from a machine passes these hooks, one after the other; an `accept` only ends the one it stands in:
sources (nobody lies about who he is), tables (whose routes it follows), translate_in (public to private address);
then, when it is forwarded, checks (destination, public address), leaving (the groups of where it comes from), borders
(the access lists of both subnets), arriving (the groups of where it goes), translate_out. What is for this namespace
itself meets entering_groups, entering_borders and input. Devices are named before they exist.
"""

from collections.abc import Iterator, Mapping

from pileus.drivers.networks import names
from pileus.drivers.networks.api import Acl, Group, Interface, Network, Subnet
from pileus.drivers.networks.matches import CROSSING, entry, group_set, permissions
from pileus.drivers.networks.names import METADATA, interface_device, nat_device, peer_device, short
from pileus.drivers.networks.paths import nat_mac, table_number
from pileus.drivers.networks.ruleset import Chain, Collection, Ruleset

REJECTS = 5
"""The number of the group that refused packets are copied to."""

TO_ENDPOINT = "ip daddr @endpoints"


def rules(network: Network, peers: Mapping[str, Network]) -> Ruleset:
    """`peers`: peering -> the other network, for the peerings in effect."""
    chains = dict(_hooks(network))
    for group in network.groups:
        chains |= _group(group)
    for interface in network.interfaces:
        chains |= _interface(interface, network)
    for acl in network.acls:
        chains |= _acl(acl, network)
    for subnet in network.subnets:
        chains |= _border(subnet)
    zones = _zones(network)
    chains |= _crossing(zones)
    collections = _devices(network) | _addresses(network, peers) | _members(network, peers) | zones
    return Ruleset("inet", chains, collections)


def neighbours(network: Network) -> Ruleset:
    """What a machine may say about who has which address: itself its own. Others' words would fill a table that all
    of the host's namespaces share."""
    own = Collection("ifname . ether_addr . ipv4_addr")
    for interface in network.interfaces:
        for address in interface.addresses:
            own.elements[f'"{interface_device(interface.id)}" . {interface.mac} . {address.private}'] = ""
    lines = ('iifname != "i*" accept', "iifname . arp saddr ether . arp saddr ip @own accept")
    hook = "type filter hook input priority 0; policy drop"
    return Ruleset("arp", {"asked": Chain(lines, hook)}, {"own": own})


def _places(network: Network) -> Iterator[tuple[str, str]]:
    """The devices, and the subnets that they are in."""
    yield from ((interface_device(each.id), each.subnet) for each in network.interfaces)
    yield from ((nat_device(each.id), each.subnet) for each in network.nat_gateways)


def _zones(network: Network) -> dict[str, Collection]:
    """The devices of each zone, where it matters."""
    zones = {subnet.id: short("z", subnet.zone) for subnet in network.subnets} if network.zone_latency else {}
    found = {zone: Collection("ifname") for zone in zones.values()}
    for device, subnet in _places(network) if zones else ():
        found[zones[subnet]].elements[f'"{device}"'] = ""
    return found


def _crossing(zones: Mapping[str, Collection]) -> dict[str, Chain]:
    lines = tuple(
        f"iifname @{here} oifname @{there} meta mark set meta mark | {CROSSING:#x}"
        for here in zones
        for there in zones
        if here != there
    )
    return {"crossing": Chain(lines, "type filter hook forward priority 5; policy accept;")} if lines else {}


def _refusal(network: Network, way: str) -> str:
    """`way`: in or out, of the interface where it happens."""
    watched = any(interface.flows for interface in network.interfaces)
    return f'log prefix "{way}" group {REJECTS} drop' if watched else "drop"


def _hooks(network: Network) -> Iterator[tuple[str, Chain]]:
    def filtered(name: str, hook: str, priority: int, policy: str, *rules: str) -> tuple[str, Chain]:
        return name, Chain(rules, f"type filter hook {hook} priority {priority}; policy {policy}")

    yield filtered(
        *("sources", "prerouting", -310, "drop"),
        'iifname { "lo", "edge" } meta nfproto ipv4 accept',
        "iifname . ip saddr @peer_sources accept",
        "iifname . ether saddr . ip saddr @own accept",
        "iifname . ether saddr @unchecked meta nfproto ipv4 accept",
    )
    yield filtered("tables", "prerouting", -150, "accept", "meta mark set iifname map @tables")
    yield (
        "translate_in",
        Chain(('iifname "edge" dnat ip to ip daddr map @private_of',), "type nat hook prerouting priority -100"),
    )
    yield filtered(
        *("checks", "forward", -30, "accept"),
        "ct state invalid drop",
        # A connection that lost its permission must not come back by its own answers. From outside it may: the machine
        # that an address moved to says that it knows nothing of it.
        'iifname != "edge" meta l4proto tcp ct state new tcp flags & (fin | syn | rst | ack) != syn drop',
        'iifname "edge" ct state new ct status & dnat == 0 drop',
        'oifname "edge" ip saddr != @published drop',
        'oifname "i*" oifname . ip daddr != @own_to oifname != @unchecked_to drop',
    )
    yield filtered("leaving", "forward", -20, "accept", "ct state != new accept", "iifname vmap @outward")
    yield filtered("borders", "forward", -10, "accept", "iifname vmap @acl_out", "oifname vmap @acl_in")
    yield filtered("arriving", "forward", 0, "accept", "ct state != new accept", "oifname vmap @inward")
    yield (
        "translate_out",
        Chain(('oifname "edge" snat ip to ip saddr map @public_of',), "type nat hook postrouting priority 100"),
    )
    yield filtered("entering_groups", "input", -20, "accept", f"{TO_ENDPOINT} ct state new iifname vmap @outward")
    yield filtered("entering_borders", "input", -10, "accept", f"{TO_ENDPOINT} iifname vmap @acl_out")
    yield filtered(
        *("input", "input", 0, "drop"),
        "ct state established,related accept",
        'iifname "lo" accept',
        'iifname "edge" drop',
        'iifname "p*" drop',
        f"ip daddr {METADATA} meta l4proto tcp accept",
        f"{TO_ENDPOINT} meta l4proto tcp accept",
        "ip daddr @resolvers meta l4proto { tcp, udp } th dport 53 accept",
    )
    yield filtered("exiting_borders", "output", -10, "accept", "ip saddr @endpoints oifname vmap @acl_in")
    yield filtered("output", "output", 0, "drop", "ct state established,related accept", 'oifname "lo" accept')


def _chain(prefix: str, name: str, way: str) -> str:
    return f"{short(prefix, name)}_{way}"


def _group(group: Group) -> dict[str, Chain]:
    return {
        _chain("g", group.id, "in"): Chain(tuple(line for rule in group.inward for line in permissions(rule, "saddr"))),
        _chain("g", group.id, "out"): Chain(
            tuple(line for rule in group.outward for line in permissions(rule, "daddr"))
        ),
    }


def _interface(interface: Interface, network: Network) -> dict[str, Chain]:
    return {
        _chain("i", interface.id, way): Chain(
            (*(f"jump {_chain('g', group, way)}" for group in interface.groups), _refusal(network, way))
        )
        for way in ("in", "out")
    }


def _acl(acl: Acl, network: Network) -> dict[str, Chain]:
    def lines(way: str) -> tuple[str, ...]:
        entries, side = (acl.inward, "saddr") if way == "in" else (acl.outward, "daddr")
        ordered, refusal = sorted(entries, key=lambda line: line.number), _refusal(network, way)
        return (*(entry(line, side, refusal) for line in ordered), refusal)

    return {_chain("a", acl.id, way): Chain(lines(way)) for way in ("in", "out")}


def _border(subnet: Subnet) -> dict[str, Chain]:
    """What stays within the subnet does not meet its list."""
    within = short("d", subnet.id)
    return {
        _chain("s", subnet.id, "out"): Chain((f"oifname @{within} return", f"jump {_chain('a', subnet.acl, 'out')}")),
        _chain("s", subnet.id, "in"): Chain((f"iifname @{within} return", f"jump {_chain('a', subnet.acl, 'in')}")),
    }


def _devices(network: Network) -> dict[str, Collection]:
    """What depends on the device that a packet comes from or goes to."""
    tables, acl_in, acl_out = (Collection(f"ifname : {value}") for value in ("mark", "verdict", "verdict"))
    inward, outward = Collection("ifname : verdict"), Collection("ifname : verdict")
    table_of = {subnet.id: table_number(subnet.table) for subnet in network.subnets}
    within = {subnet.id: Collection("ifname") for subnet in network.subnets}
    for device, subnet in _places(network):
        tables.elements[f'"{device}"'] = f"{table_of[subnet]:#x}"
        acl_in.elements[f'"{device}"'] = f"jump {_chain('s', subnet, 'in')}"
        acl_out.elements[f'"{device}"'] = f"jump {_chain('s', subnet, 'out')}"
        within[subnet].elements[f'"{device}"'] = ""
    for interface in network.interfaces:
        device = interface_device(interface.id)
        inward.elements[f'"{device}"'] = f"jump {_chain('i', interface.id, 'in')}"
        outward.elements[f'"{device}"'] = f"jump {_chain('i', interface.id, 'out')}"
    return {
        "tables": tables,
        "acl_in": acl_in,
        "acl_out": acl_out,
        "inward": inward,
        "outward": outward,
        **{short("d", subnet): each for subnet, each in within.items()},
    }


def _addresses(network: Network, peers: Mapping[str, Network]) -> dict[str, Collection]:
    own, unchecked = Collection("ifname . ether_addr . ipv4_addr"), Collection("ifname . ether_addr")
    own_to, unchecked_to = Collection("ifname . ipv4_addr"), Collection("ifname")
    for interface in network.interfaces:
        device = interface_device(interface.id)
        for address in interface.addresses:
            own.elements[f'"{device}" . {interface.mac} . {address.private}'] = ""
            own_to.elements[f'"{device}" . {address.private}'] = ""
        if not interface.source_check:
            unchecked.elements[f'"{device}" . {interface.mac}'] = ""
            unchecked_to.elements[f'"{device}"'] = ""
    for gateway in network.nat_gateways:
        unchecked.elements[f'"{nat_device(gateway.id)}" . {nat_mac(gateway)}'] = ""
    public_of = dict(published(network))
    private_of = {public: private for private, public in public_of.items()}
    peer_sources = {
        f'"{peer_device(peering)}" . {each}': "" for peering, other in peers.items() for each in other.ranges
    }
    resolvers = names.resolver_addresses(network) if network.resolver else set()
    endpoints = {address for endpoint in network.endpoints for address in endpoint.addresses}
    return {
        "own": own,
        "unchecked": unchecked,
        "own_to": own_to,
        "unchecked_to": unchecked_to,
        "public_of": Collection("ipv4_addr : ipv4_addr", public_of),
        "private_of": Collection("ipv4_addr : ipv4_addr", private_of),
        "published": Collection("ipv4_addr", dict.fromkeys(public_of, "")),
        "peer_sources": Collection("ifname . ipv4_addr", peer_sources, intervals=True),
        "resolvers": Collection("ipv4_addr", dict.fromkeys(sorted(resolvers), "")),
        "endpoints": Collection("ipv4_addr", dict.fromkeys(sorted(endpoints), "")),
    }


def published(network: Network) -> Iterator[tuple[str, str]]:
    """Private address -> public address, of a network that is joined to the edge."""
    if network.internet:
        for interface in network.interfaces:
            yield from ((each.private, each.public) for each in interface.addresses if each.public)
        yield from ((each.private, each.public) for each in network.nat_gateways if each.public)


def _members(network: Network, peers: Mapping[str, Network]) -> dict[str, Collection]:
    """The addresses of the interfaces in each group that a rule refers to."""
    named = {group for each in network.groups for rule in (*each.inward, *each.outward) for group in rule.groups}
    found: dict[str, dict[str, str]] = {group: {} for group in sorted(named)}
    for where in (network, *peers.values()):
        for interface in where.interfaces:
            for group in named.intersection(interface.groups):
                found[group] |= dict.fromkeys((address.private for address in interface.addresses), "")
    return {group_set(group): Collection("ipv4_addr", members) for group, members in found.items()}
