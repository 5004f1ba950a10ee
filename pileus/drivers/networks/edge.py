"""The edge: a network namespace between the networks that have internet, the host, and the cloud's own addresses.

It has a /20 of 198.18.0.0/15 (RFC 2544: for test networks, routed by nobody). Address 1 is the host itself: machines
see the host's connections come from there. Addresses 2 to 15 are answered in the edge; the rest are machines' public
addresses, translated in their networks. Nobody opens connections to the host. Nothing else is behind the edge, unless
it leads out (world.py): then what is routed all over the world, and is not the host itself, is there too.
"""

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside
from pileus.drivers.networks.names import short
from pileus.drivers.networks.paths import EDGE_FAR, EDGE_NEAR
from pileus.drivers.networks.reach import BARRED, SERVICES
from pileus.drivers.networks.ruleset import Chain, Collection, Ruleset, difference, whole
from pileus.drivers.networks.world import DEVICE, OURS, World, host_addresses

TESTING = IPv4Network("198.18.0.0/15")
UNMADE = IPv4Network("198.18.0.0/20")
"""What stands for the range where no network can be made."""
PREFIX = 20
HOST = "host"
"""The edge's end of the link to the host."""
LAST = 1_000
"""The metric of the route to nowhere: any other comes before it."""


def _rules(host: IPv4Address, own: frozenset[str]) -> Ruleset:
    """The host only speaks for itself, even if it forwards for others. `own`: the host's addresses."""
    established = "ct state established,related accept"
    # As where there is no way at all: `apt` in a guest does not hang.
    refused = "reject with icmp type host-unreachable"
    return Ruleset(
        "inet",
        {
            "hosts": Chain((f'iifname "{HOST}" ip saddr != {host} drop',), "type filter hook prerouting priority -310"),
            "forwarded": Chain(
                (
                    established,
                    f'iifname "{DEVICE}" drop',
                    f'oifname "{DEVICE}" iifname != "v*" {refused}',
                    f'oifname "{DEVICE}" ip daddr @barred {refused}',
                    f'oifname "{DEVICE}" ip daddr @own {refused}',
                    *(f'iifname "{HOST}" accept', f'oifname "{HOST}" drop', "accept"),
                ),
                "type filter hook forward priority 0; policy drop",
            ),
            "input": Chain(
                (established, f'iifname "{DEVICE}" drop', "meta l4proto tcp accept", "icmp type echo-request accept"),
                "type filter hook input priority 0; policy drop",
            ),
            "outward": Chain(
                (f'oifname "{DEVICE}" snat ip to {OURS}',), "type nat hook postrouting priority 100; policy accept"
            ),
        },
        {
            "barred": Collection("ipv4_addr", dict.fromkeys(BARRED, ""), intervals=True),
            "own": Collection("ipv4_addr", dict.fromkeys(sorted(own), "")),
        },
    )


class Edge:
    """`home`: where its range is kept. `run`: where files of running programs are. Made on first use, adopted when it
    is there."""

    def __init__(self, home: Path, run: Path, tag: str):
        self.namespace = f"{tag}..edge"
        self.device = short("pl", tag)
        self.world = World(run / self.namespace, self.namespace)
        self._file = home / "range"
        self._range: IPv4Network | None = None
        self._published: dict[str, str] = {}
        self._ruled: Ruleset | None = None
        self._leads: bool | None = None
        """To the world; None when it is not known what a process before this one left."""

    def range(self) -> IPv4Network:
        """Raises Unable."""
        if self._range is None or not inside.exists(self.namespace):
            self._range = self._made()
        return self._range

    def address(self, number: int) -> str:
        return str(self.range()[number])

    def join(self, network: str, namespace: str, devices: set[str], sure: bool) -> None:
        """Links a network's namespace, whose device is called edge. `sure`: a link that is there is whole."""
        self.range()
        if "edge" in devices and sure:
            return
        device = short("v", network)
        if "edge" not in devices:
            inside.unlink(self.namespace, device)
            inside.ip(namespace, [f"link add edge type veth peer name {device} netns {self.namespace}"])
            self.forget(network)
        inside.ip(namespace, [f"addr replace {EDGE_FAR}/32 dev edge", "link set edge up"])
        inside.ip(self.namespace, [f"link set {device} up"])

    def leave(self, network: str, namespace: str) -> None:
        inside.unlink(namespace, "edge")
        self.forget(network)

    def forget(self, network: str) -> None:
        """The link went together with the network's namespace."""
        device = short("v", network)
        self._published = {public: where for public, where in self._published.items() if where != device}

    def publish(self, network: str, addresses: set[str]) -> None:
        """Leads these public addresses, and no others, to the network. An address that moved from another one is not
        taken away again when that one lets go of it."""
        device = short("v", network)
        last = self.range()[SERVICES[-1]]
        outside = [each for each in addresses if IPv4Address(each) not in self.range() or IPv4Address(each) <= last]
        if outside:
            raise Unable(f"{', '.join(outside)}: not among the public addresses {self.range()}")
        came = [public for public in addresses if self._published.get(public) != device]
        went = [public for public, where in self._published.items() if where == device and public not in addresses]
        commands = [f"route replace {public} via {EDGE_FAR} dev {device} onlink" for public in came]
        inside.ip(self.namespace, commands + [f"route del {public} dev {device}" for public in went])
        self._published |= dict.fromkeys(came, device)
        for public in went:
            del self._published[public]

    def lead_out(self, wanted: bool) -> None:
        """To the world, or not. Raises Unable."""
        if wanted:
            self._leads = True
            self.range()
            self.mind_host()
            self.world.ensure()
        elif self._leads is not False:
            self.world.end()
            self._leads = False

    def mind_host(self) -> None:
        """Nobody gets out to an address that the host has by now."""
        rules = _rules(self.range()[1], frozenset(host_addresses()))
        if self._ruled is not None and rules != self._ruled:
            inside.nft(self.namespace, difference(self._ruled, rules))
        self._ruled = rules

    def own(self) -> frozenset[str]:
        """The host's addresses, as far as they are minded."""
        return frozenset(self._ruled.collections["own"].elements) if self._ruled is not None else frozenset()

    def vanish(self) -> None:
        self.world.remove()
        # The device before the namespace: that one's end is taken apart some time later, and the range with it.
        if Path("/sys/class/net", self.device).exists():
            inside.run("ip", "link", "delete", self.device)
        inside.remove(self.namespace)
        self._file.unlink(missing_ok=True)
        self._range = None
        self._ruled = None
        self._published = {}

    def _made(self) -> IPv4Network:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        inside.make(self.namespace)
        inside.settings(self.namespace, inside.ROUTER)
        if HOST not in inside.devices(self.namespace):
            inside.run("ip", "link", "add", self.device, "type", "veth", "peer", HOST, "netns", self.namespace)
        chosen = self._claimed()
        self._ruled = _rules(chosen[1], frozenset(host_addresses()))
        inside.nft(self.namespace, whole(self._ruled))
        services = [f"addr replace {chosen[number]}/32 dev lo" for number in SERVICES[:-1]]
        inside.ip(
            self.namespace,
            [
                *("link set lo up", f"link set {HOST} up", f"addr replace {EDGE_NEAR}/32 dev lo", *services),
                f"addr replace {chosen[SERVICES[-1]]}/32 dev {HOST}",
                f"route replace {chosen[1]} dev {HOST}",
                f"route replace unreachable default metric {LAST}",
            ],
        )
        routes = json.loads(inside.run("ip", "-j", "-n", self.namespace, "route") or "[]")
        self._published = {each["dst"]: each["dev"] for each in routes if each.get("dev", "").startswith("v")}
        return chosen

    def _claimed(self) -> IPv4Network:
        """The range, with the host's route to it: the one of old, or the first that no route of the host meets."""
        taken, ours = self._taken()
        kept = IPv4Network(self._file.read_text()) if self._file.exists() else ours
        inside.run("ip", "link", "set", self.device, "up")
        if ours is None or ours != kept:
            choices = [kept] if kept else list(TESTING.subnets(new_prefix=PREFIX))
            kept = next((each for each in choices if self._free(each, taken) and self._routed(each)), None)
            if kept is None:
                raise Unable(f"a route of this host is in the way of {' and '.join(map(str, choices[:1]))} (ip route)")
        inside.run("ip", "addr", "replace", f"{kept[1]}/32", "dev", self.device)
        self._file.write_text(str(kept))
        return kept

    def _taken(self) -> tuple[list[IPv4Network], IPv4Network | None]:
        """The ranges within ours that the host's routes name, and the one that is led to this edge."""
        taken, ours = [], None
        for route in json.loads(inside.run("ip", "-j", "-4", "route", "show", "table", "all") or "[]"):
            if route["dst"] != "default" and IPv4Network(route["dst"]).overlaps(TESTING):
                if route.get("dev") != self.device:
                    taken.append(IPv4Network(route["dst"]))
                elif IPv4Network(route["dst"]).prefixlen == PREFIX:
                    ours = IPv4Network(route["dst"])
        return taken, ours

    def _free(self, choice: IPv4Network, taken: list[IPv4Network]) -> bool:
        return not any(choice.overlaps(each) for each in taken)

    def _routed(self, choice: IPv4Network) -> bool:
        """False when another was quicker."""
        inside.run("ip", "addr", "replace", f"{choice[1]}/32", "dev", self.device)
        via = ["via", str(choice[SERVICES[-1]]), "dev", self.device, "onlink", "src", str(choice[1])]
        try:
            inside.run("ip", "route", "add", str(choice), *via)
        except Unable:
            inside.run("ip", "addr", "delete", f"{choice[1]}/32", "dev", self.device)
            return False
        return True
