"""Why a packet passes or not: the way from one place to another through networks as they are told to the driver, hop by
hop, with the rule, entry or route that decides. Pure.

The codes are those of the Reachability Analyzer. Source: Amazon VPC Reachability Analyzer Guide, "Explanation codes";
Amazon VPC User Guide, "Route priority", "Ephemeral ports" (Linux).
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network

import msgspec

from pileus.drivers.networks.api import ANY, Acl, AclEntry, Beyond, Interface, Network, Route, Rule, Subnet

from .whereabouts import covers, groups_of, holding, inside, interface_in, owner, public_of, subnet_of

EPHEMERAL = (32_768, 60_999)
"""What an answer's port may be, where the asker is Linux."""
HOPS_MAX = 16

Networks = Mapping[str, Network]
Outside = Callable[[str], Beyond]
"""What becomes of packets for an address that no network has: the driver's `beyond`."""


class Packet(msgspec.Struct, frozen=True):
    """`port`: where to; ANY for all of the protocol. `ports`: of an answer, a range of which any may be meant."""

    source: str
    target: str
    protocol: int
    port: int
    ports: tuple[int, int] | None = None


class Step(msgspec.Struct, frozen=True):
    """One thing on the way. `kind`: interface, group, acl, table, internet, nat, peer, endpoint; `by`: what decided
    (the id of a rule, the number of an entry, the range of a route)."""

    kind: str
    id: str
    network: str
    says: str
    direction: str = ""
    by: str = ""
    entry: AclEntry | None = None
    rule: Rule | None = None
    route: Route | None = None


class Block(msgspec.Struct, frozen=True):
    """What ended the way. `code`: as the Reachability Analyzer spells it."""

    code: str
    step: Step


class Way(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]
    block: Block | None = None
    answer: tuple[Step, ...] = ()
    """The way back, as far as it was looked at."""

    @property
    def open(self) -> bool:
        return self.block is None


class _Blocked(Exception):
    def __init__(self, code: str, step: Step):
        super().__init__(code)
        self.code, self.step = code, step


class Place(msgspec.Struct, frozen=True):
    """Where a way begins or ends: at an interface of a network, or outside (`interface` empty) behind the network's
    internet gateway, `network` empty for anywhere outside."""

    network: str = ""
    interface: str = ""
    address: str = ""


def way(networks: Networks, outside: Outside, begin: Place, end: Place, protocol: int, port: int) -> Way:
    """From one place to another and back. `networks`: all that could be on the way, by id."""
    there, back = _Walk(networks, outside), _Walk(networks, outside)
    try:
        arrived = there.go(begin, end, Packet(begin.address, end.address, protocol, port))
        if protocol != ANY:
            back.answer(there, arrived)
    except _Blocked as blocked:
        return Way(tuple(there.steps), Block(blocked.code, blocked.step), tuple(back.steps))
    return Way(tuple(there.steps), None, tuple(back.steps))


class _Crossing(msgspec.Struct, frozen=True):
    """A border with a list that does not remember: the answer has to pass it as well."""

    network: Network
    subnet: Subnet
    packet: Packet
    outward: bool


class _Walk:
    def __init__(self, networks: Networks, outside: Outside):
        self.networks, self.outside = networks, outside
        self.steps: list[Step] = []
        self.crossed: list[_Crossing] = []
        self.home: tuple[Network, Interface, str] | None = None
        """Where it arrived, and by what: 'internet', a peering, or '' for from inside."""

    def pass_(self, step: Step) -> None:
        self.steps.append(step)

    def block(self, code: str, step: Step) -> None:
        self.steps.append(step)
        raise _Blocked(code, step)

    # -- there

    def go(self, begin: Place, end: Place, packet: Packet) -> Packet:
        """The packet as it arrives."""
        if not begin.interface:
            return self.enter(begin.network or end.network, end, packet)
        network = self.networks[begin.network]
        return self.leave(network, interface_in(network, begin.interface), end, packet, HOPS_MAX)

    def leave(self, network: Network, interface: Interface, end: Place, packet: Packet, hops: int) -> Packet:
        """Out of an interface and on."""
        self.pass_(Step("interface", interface.id, network.id, f"leaves {interface.id} as {packet.source}"))
        self.group(network, interface, packet, outward=True)
        local = owner(network, packet.target)
        subnet = subnet_of(network, interface.subnet)
        if local is None or local.subnet != interface.subnet:
            self.acl(network, subnet, packet, outward=True)
        return self.routed(network, subnet, interface, end, packet, hops)

    def routed(
        self, network: Network, subnet: Subnet, sender: Interface | None, end: Place, packet: Packet, hops: int
    ) -> Packet:
        route = self.route(network, subnet, packet)
        if route is None:
            return self.arrive(network, subnet.id, packet)
        if route.kind == "internet":
            return self.internet(network, sender, end, packet)
        if route.kind == "nat":
            return self.nat(network, subnet, route.target, end, packet, hops)
        if route.kind == "peer":
            return self.peer(network, route.target, packet)
        if route.kind == "endpoint":
            self.pass_(Step("endpoint", route.target, network.id, f"reaches the service by {route.target}"))
            return packet
        return self.forwarded(network, subnet, route.target, end, packet, hops)

    def route(self, network: Network, subnet: Subnet, packet: Packet) -> Route | None:
        """None for a local one."""
        table = next(each for each in network.tables if each.id == subnet.table)
        if inside(packet.target, network.ranges):
            text = f"{packet.target} is local"
            self.pass_(Step("table", table.id, network.id, text, by=holding(packet.target, network.ranges)))
            return None
        endpoints = {each.id: each.addresses for each in network.endpoints}
        for route in table.routes:
            if route.kind == "endpoint" and packet.target in endpoints.get(route.target, ()):
                self.pass_(Step("table", table.id, network.id, f"leads to {route.target}", by="endpoint", route=route))
                return route
        found = [each for each in table.routes if each.range and covers(each.range, packet.target)]
        if not found:
            text = f"{table.id} has no route to {packet.target or 'the internet'}"
            self.block("NO_ROUTE_TO_DESTINATION", Step("table", table.id, network.id, text))
        best = max(found, key=lambda each: IPv4Network(each.range).prefixlen)
        step = Step("table", table.id, network.id, _leads(table.id, best), by=best.range, route=best)
        if best.kind == "blackhole":
            self.block("BAD_STATE_ROUTE", step)
        self.pass_(step)
        return best

    def internet(self, network: Network, sender: Interface | None, end: Place, packet: Packet) -> Packet:
        public = public_of(network, packet.source)
        if not public:
            text = f"{packet.source} has no public address, so it cannot leave by the internet gateway"
            self.block("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", Step("internet", network.id, network.id, text))
        translated = msgspec.structs.replace(packet, source=public)
        leaves = Step("internet", network.id, network.id, f"leaves the VPC as {public}")
        if end.interface or end.network:
            self.pass_(leaves)
            return self.enter(end.network, end, translated) if end.interface else translated
        beyond = self.outside(packet.target)
        if not beyond.open:
            self.pass_(leaves)
            self.block("NO_ROUTE_TO_DESTINATION", msgspec.structs.replace(leaves, says=beyond.says))
        self.pass_(msgspec.structs.replace(leaves, says=f"{leaves.says}, and {beyond.says}"))
        return translated

    def enter(self, network_id: str, end: Place, packet: Packet) -> Packet:
        """In from outside, by the internet gateway."""
        network = self.networks[network_id]
        if not network.internet:
            text = f"{network_id} has no internet gateway"
            self.block("NO_ROUTE_TO_DESTINATION", Step("internet", network_id, network_id, text))
        interface = interface_in(network, end.interface)
        pairs = [(each.public, each.private) for each in interface.addresses if each.public]
        wanted = [pair for pair in pairs if packet.target in (pair[0], pair[1])]
        if not wanted:
            text = f"{interface.id} has no public address to be reached at from outside"
            self.block("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", Step("internet", network_id, network_id, text))
        public, private = wanted[0]
        self.pass_(Step("internet", network_id, network_id, f"comes in to {public}, which is {private}"))
        return self.arrive(network, "", msgspec.structs.replace(packet, target=private), "internet")

    def nat(self, network: Network, subnet: Subnet, gateway: str, end: Place, packet: Packet, hops: int) -> Packet:
        nat = next((each for each in network.nat_gateways if each.id == gateway), None)
        if nat is None or hops <= 0:
            self.block("BAD_STATE", Step("nat", gateway, network.id, f"{gateway} is not there"))
        assert nat is not None
        home = subnet_of(network, nat.subnet)
        if home.id != subnet.id:
            self.acl(network, home, packet, outward=False)
        self.pass_(Step("nat", gateway, network.id, f"leaves {gateway} as {nat.private}"))
        translated = msgspec.structs.replace(packet, source=nat.private)
        self.acl(network, home, translated, outward=True)
        return self.routed(network, home, None, end, translated, hops - 1)

    def peer(self, network: Network, peering: str, packet: Packet) -> Packet:
        here = next((each for each in network.peerings if each.id == peering), None)
        other = self.networks.get(here.network) if here is not None else None
        step = Step("peer", peering, network.id, f"crosses {peering}")
        if other is None or peering not in {each.id for each in other.peerings}:
            self.block("BAD_STATE", step)
        assert other is not None
        self.pass_(step)
        if not inside(packet.target, other.ranges):
            text = f"{packet.target} is not an address of {other.id}"
            self.block("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", Step("peer", peering, other.id, text))
        return self.arrive(other, "", packet, peering)

    def forwarded(self, network: Network, subnet: Subnet, target: str, end: Place, packet: Packet, hops: int) -> Packet:
        """To an interface whose machine passes it on."""
        interface = interface_in(network, target)
        if interface.subnet != subnet.id:
            self.acl(network, subnet_of(network, interface.subnet), packet, outward=False)
        if interface.source_check:
            text = f"{target} takes only packets to its own addresses (source/destination check)"
            self.block("ENI_SOURCE_DEST_CHECK_RESTRICTION", Step("interface", target, network.id, text))
        self.group(network, interface, packet, outward=False)
        if hops <= 0:
            self.block("BAD_STATE", Step("interface", target, network.id, "the route leads in a circle"))
        return self.leave(network, interface, end, packet, hops - 1)

    def arrive(self, network: Network, from_subnet: str, packet: Packet, by: str = "") -> Packet:
        """At the interface that has the address. `from_subnet`: where it comes from, if inside the network; `by`: what
        it comes through, if not."""
        interface = owner(network, packet.target)
        if interface is None:
            text = f"no machine in {network.id} has {packet.target}"
            self.block("UNASSOCIATED_COMPONENT", Step("interface", packet.target, network.id, text))
        assert interface is not None
        if interface.subnet != from_subnet:
            self.acl(network, subnet_of(network, interface.subnet), packet, outward=False)
        self.group(network, interface, packet, outward=False)
        self.pass_(Step("interface", interface.id, network.id, f"arrives at {interface.id}"))
        self.home = (network, interface, by)
        return packet

    # -- and back: groups remember, ACLs and tables do not

    def answer(self, there: "_Walk", arrived: Packet) -> None:
        if there.home is not None:
            network, interface, by = there.home
            if by:
                self.returns(network, interface, by, _answered(arrived))
        for crossing in reversed(there.crossed):
            self.acl(crossing.network, crossing.subnet, _answered(crossing.packet), outward=not crossing.outward)

    def returns(self, network: Network, interface: Interface, by: str, packet: Packet) -> None:
        """What came by the internet gateway or a peering must be sent back by it."""
        if not packet.target:
            return
        subnet = subnet_of(network, interface.subnet)
        route = self.route(network, subnet, packet)
        if route is None or by not in (route.kind, route.target):
            text = f"{subnet.table} does not send the answer to {packet.target} back by {by}"
            self.block("NO_ROUTE_TO_DESTINATION", Step("table", subnet.table, network.id, text, route=route))

    # -- what decides

    def group(self, network: Network, interface: Interface, packet: Packet, *, outward: bool) -> None:
        direction = "egress" if outward else "ingress"
        other = packet.target if outward else packet.source
        for group in groups_of(network, interface):
            for rule in group.outward if outward else group.inward:
                if self.lets(rule, packet, other, network):
                    text = f"{group.id} lets it {'out' if outward else 'in'} by {rule.id}"
                    self.pass_(Step("group", group.id, network.id, text, direction, rule.id, rule=rule))
                    return
        names = ", ".join(interface.groups)
        where = f"{'to' if outward else 'from'} {other or 'anywhere'}"
        text = f"no {direction} rule of {names} lets {_spelled(packet)} {where} pass"
        self.block("ENI_SG_RULES_MISMATCH", Step("group", names, network.id, text, direction))

    def lets(self, rule: Rule, packet: Packet, other: str, network: Network) -> bool:
        if not _traffic(rule.protocol, rule.first, rule.last, packet.protocol, packet.port):
            return False
        if any(covers(each, other) for each in rule.ranges):
            return True
        near = {each.network for each in network.peerings} | {network.id}
        holders = (owner(self.networks[id], other) for id in near if other and id in self.networks)
        return any(holder is not None and set(holder.groups) & set(rule.groups) for holder in holders)

    def acl(self, network: Network, subnet: Subnet, packet: Packet, *, outward: bool) -> None:
        self.crossed.append(_Crossing(network, subnet, packet, outward))
        acl = next(each for each in network.acls if each.id == subnet.acl)
        direction = "egress" if outward else "ingress"
        other = packet.target if outward else packet.source
        for port in _ports(packet, acl, outward):
            entry = decided(acl, packet.protocol, port, other, outward)
            if entry is None or not entry.allow:
                by = "*" if entry is None else str(entry.number)
                what = f"{_spelled(packet)}" if packet.ports is None else f"the answer to port {port}"
                text = f"entry {by} of {acl.id} denies {what} {'out of' if outward else 'into'} {subnet.id}"
                self.block("SUBNET_ACL_RESTRICTION", Step("acl", acl.id, network.id, text, direction, by, entry=entry))
        by = str(entry.number) if entry is not None else ""
        text = f"{acl.id} lets it {'out of' if outward else 'into'} {subnet.id} by entry {by}"
        self.pass_(Step("acl", acl.id, network.id, text, direction, by, entry=entry))


def _answered(packet: Packet) -> Packet:
    """The answer to it."""
    return Packet(packet.target, packet.source, packet.protocol, packet.port, EPHEMERAL)


def _ports(packet: Packet, acl: Acl, outward: bool) -> list[int]:
    """The ports at which the answer of the list could change."""
    if packet.ports is None or packet.protocol not in (6, 17):
        return [packet.port]
    first, last = packet.ports
    edges = {first}
    for entry in acl.outward if outward else acl.inward:
        edges |= {port for port in (entry.first, entry.last + 1) if first <= port <= last}
    return sorted(edges)


def decided(acl: Acl, protocol: int, port: int, other: str, outward: bool) -> AclEntry | None:
    """The entry that decides; None when the last one does, which denies."""
    for entry in sorted(acl.outward if outward else acl.inward, key=lambda each: each.number):
        if covers(entry.range, other) and _traffic(entry.protocol, entry.first, entry.last, protocol, port):
            return entry
    return None


def _traffic(protocol: int, first: int, last: int, wanted: int, port: int) -> bool:
    if protocol == ANY:
        return True
    if protocol != wanted:
        return False
    if wanted not in (6, 17):
        return first in (ANY, port) or port == ANY
    return ANY in (first, port) or first <= port <= last


def _spelled(packet: Packet) -> str:
    name = {6: "TCP", 17: "UDP", 1: "ICMP", ANY: "traffic"}.get(packet.protocol, f"protocol {packet.protocol}")
    return name if packet.port == ANY or packet.protocol == ANY else f"{name} {packet.port}"


def _leads(table: str, route: Route) -> str:
    where = {"internet": "the internet gateway", "blackhole": "nowhere (black hole)"}.get(route.kind, route.target)
    return f"{table} sends {route.range} to {where}"
