"""What a driver of networks promises.

A network is told whole: `ensure(Network)` makes what is missing, changes what differs and removes what is no longer
named, in one step as seen by packets. Addresses and ranges are IPv4 text ('10.0.1.0/24').

The edge is what lies between the networks of this cloud, the host and the rest of the world: public addresses are
translated to private ones where a network with `internet` meets it, and the cloud's own API answers there.
"""

import socket
from typing import Literal, Protocol

import msgspec

from pileus.drivers.api import Lack

ANY = -1
"""Of protocols, ports and ICMP types: all of them."""


class Link(msgspec.Struct, frozen=True):
    """How one interface of a machine is plugged in: everything that a program without this driver needs to know, for a
    machine may boot again while the cloud is down. `namespace`: of the network; `name`: of the network's end there (at
    most 15 characters); `index`: the guest's end is eth<index>; `addresses`: primary first; `prefix`: length of the
    subnet's range."""

    interface: str
    namespace: str
    name: str
    index: int
    mac: str
    addresses: tuple[str, ...]
    prefix: int
    gateway: str
    mtu: int = 1500


class Rule(msgspec.Struct, frozen=True):
    """What a group lets through. `protocol`: an IP protocol number or ANY. `first`, `last`: ports for TCP and UDP, ICMP
    type and code for ICMP. The other side is one of `ranges`, or an interface that is in one of `groups` (of this
    network, or of a peer)."""

    id: str
    protocol: int = ANY
    first: int = ANY
    last: int = ANY
    ranges: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """A stateful set of permissions: what no rule of any of an interface's groups lets in (or out) is dropped; answers
    to what was let through pass. When a rule goes, connections that it let through go on, except those that were
    untracked (EC2 User Guide, "Security group connection tracking": TCP or UDP allowed from everywhere, with everything
    allowed to everywhere in the other direction), which end at once. Traffic with the metadata address and the resolver
    meets neither groups nor access lists."""

    id: str
    inward: tuple[Rule, ...] = ()
    outward: tuple[Rule, ...] = ()


class AclEntry(msgspec.Struct, frozen=True):
    number: int
    allow: bool
    range: str
    protocol: int = ANY
    first: int = ANY
    last: int = ANY


class Acl(msgspec.Struct, frozen=True):
    """A stateless list at a subnet's border: the lowest number that matches decides, else it is denied. Traffic within
    one subnet does not meet it."""

    id: str
    inward: tuple[AclEntry, ...] = ()
    outward: tuple[AclEntry, ...] = ()


TargetKind = Literal["internet", "nat", "interface", "peer", "endpoint", "blackhole"]


class Route(msgspec.Struct, frozen=True):
    """`target`: the id of the NAT gateway, interface, peering or endpoint. Ranges of the network itself are always
    local and are not listed. An endpoint's route has an empty `range`: the endpoint knows its addresses."""

    range: str
    kind: TargetKind
    target: str = ""


class RouteTable(msgspec.Struct, frozen=True):
    id: str
    routes: tuple[Route, ...] = ()


class Subnet(msgspec.Struct, frozen=True):
    """Its first address is the gateway's."""

    id: str
    range: str
    zone: str
    table: str
    acl: str


class Address(msgspec.Struct, frozen=True):
    """`public`: the public address it is translated to and from; empty for none."""

    private: str
    public: str = ""


class Interface(msgspec.Struct, frozen=True):
    """`addresses`: primary first. `source_check`: packets that are neither from nor to one of its addresses are
    dropped. `flows`: what passes or is refused at it is recorded."""

    id: str
    subnet: str
    mac: str
    addresses: tuple[Address, ...]
    groups: tuple[str, ...]
    source_check: bool = True
    flows: bool = False


class NatGateway(msgspec.Struct, frozen=True):
    """Sits at `private` in `subnet` and follows that subnet's routes; `public` is empty for a private one."""

    id: str
    subnet: str
    private: str
    public: str = ""


class Peering(msgspec.Struct, frozen=True):
    """A link to another network of this cloud, in effect when both networks name it. `ranges`: of the other side."""

    id: str
    network: str
    ranges: tuple[str, ...]


class Endpoint(msgspec.Struct, frozen=True):
    """A way to some addresses of the cloud's own services that needs no internet: `addresses` are answered by this
    process inside the network (see `listen`)."""

    id: str
    addresses: tuple[str, ...]


class Network(msgspec.Struct, frozen=True):
    """A network as it should be. `internet`: it is joined to the edge. `names`: host name -> addresses, answered in
    full and backwards; `domains`: what any name under a domain resolves to ('amazonaws.com' -> '198.18.0.2'); the
    longest domain wins, and a name of `names` before it. Names are answered at the base + 2 of each range and of each
    subnet and at 169.254.169.253, if `resolver`; nothing else is looked up. `zone_latency`: seconds that a packet takes
    from one zone to another."""

    id: str
    ranges: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    tables: tuple[RouteTable, ...] = ()
    groups: tuple[Group, ...] = ()
    acls: tuple[Acl, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    peerings: tuple[Peering, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    internet: bool = False
    resolver: bool = True
    names: dict[str, tuple[str, ...]] = {}
    domains: dict[str, str] = {}
    zone_latency: float = 0.0


class Flow(msgspec.Struct, frozen=True):
    """One direction of one conversation at one interface, since the last time it was asked. `source`, `destination`: as
    the interface sees them (private). `inward`: towards the machine. `started`, `ended`: epoch seconds of the
    machine's clock. `flags`: TCP flags seen, OR of FIN 1, SYN 2, RST 4, SYN-ACK 18."""

    interface: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    packets: int
    bytes: int
    started: float
    ended: float
    accepted: bool
    inward: bool
    flags: int = 0


class Networks(Protocol):
    def lacking(self) -> list[Lack]: ...

    def public_range(self) -> str:
        """The range that public addresses are taken from, reachable from the host, the same for the life of this cloud;
        on a host that cannot have networks, some range. Its first 16 addresses are the edge's own: see `edge_address`.
        Number 1 is the host: that is the source of the host's connections as a machine and its groups see it."""
        ...

    def edge_address(self, number: int) -> str:
        """The `number`th (2 to 15) address of `public_range`: addresses of the cloud's own services."""
        ...

    def ids(self) -> list[str]:
        """The ids of all networks."""
        ...

    def ensure(self, network: Network) -> None:
        """Raises Unable."""
        ...

    def link(self, network: str, interface: Interface, index: int) -> Link:
        """How `interface` is plugged into a machine as its eth<index>. Needs an ensured network that names it."""
        ...

    def plugged(self, network: str) -> list[str]:
        """The ids of the interfaces that a machine is plugged into now."""
        ...

    def answers(self, network: str, interface: str, patience: float) -> bool:
        """Whether the machine that is plugged into an interface answers there for its primary address, whatever groups
        and access lists say; asked for at most `patience` seconds. False when none is plugged in."""
        ...

    def listen(self, network: str, address: str, port: int) -> socket.socket:
        """A listening TCP socket at an address inside the network ('169.254.169.254', an endpoint's); with an empty
        `network`, at an address of the edge. It works in this process like any other; the accepted connections' peers
        are addresses of the network. Closing it is the caller's."""
        ...

    def flows(self, network: str) -> list[Flow]:
        """What passed the interfaces with `flows` since the last call."""
        ...

    def destroy(self, network: str) -> None:
        """Harmless when there is none. Machines that are plugged in lose their links."""
        ...

    def vanish(self) -> None:
        """Removes every network, the edge and every trace of this driver from the host."""
        ...
