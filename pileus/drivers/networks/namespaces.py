"""Networks of the kernel: a network namespace each, as a router that every machine has a line of its own to.

What is ensured is kept below `home`, so that a driver that starts anew knows what it finds. Each network has a note of
what was applied; the first `ensure` of a process has none and rebuilds rules and routes in place, which running
connections do not notice.
"""

import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from pileus.drivers import programs
from pileus.drivers.api import Lack, Unable
from pileus.drivers.networks import arp, conntrack, inside, links, names
from pileus.drivers.networks import paths as pathing
from pileus.drivers.networks.api import Beyond, Flow, Interface, Link, Network
from pileus.drivers.networks.capability import lacks
from pileus.drivers.networks.edge import UNMADE, Edge
from pileus.drivers.networks.foreign import RESOLVERS, ForeignNames
from pileus.drivers.networks.latency import Latency
from pileus.drivers.networks.lives import Lives
from pileus.drivers.networks.names import interface_device
from pileus.drivers.networks.paths import Paths
from pileus.drivers.networks.reach import SERVICES, beyond
from pileus.drivers.networks.resolver import Resolver
from pileus.drivers.networks.rules import neighbours, published, rules
from pileus.drivers.networks.ruleset import Ruleset, difference, whole
from pileus.drivers.networks.soundness import verify
from pileus.drivers.networks.tally import Tally
from pileus.drivers.networks.tracking import Permissions, ended, narrowed
from pileus.drivers.networks.watching import Watch, everything
from pileus.drivers.networks.world import ADDRESSES, LINKS, ear

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Applied:
    """What a network's namespace was told, and the networks it was told of."""

    rulesets: tuple[Ruleset, ...]
    paths: Paths
    permissions: Permissions


class NamespaceNetworks:
    """`tag`: begins the names of everything that this driver makes on the host; without a dot. `outward`: the edge
    leads to the world beyond this host, and foreign names are asked of the host's `resolvers`."""

    def __init__(self, home: Path, tag: str, outward: bool = False, resolvers: Path = RESOLVERS):
        if "." in tag or "/" in tag:
            raise ValueError("a tag has neither dot nor slash")
        self._home = home / "networks"
        # The files of running programs, which an unprivileged user must be able to look into.
        self._run = Path(f"/run/pileus-networks.{tag}")
        self._tag = tag
        self._outward, self._resolvers = outward, resolvers
        self._edge = Edge(self._home, self._run, tag)
        self._lock = threading.RLock()
        self._networks: dict[str, Network] | None = None
        self._applied: dict[str, Applied] = {}
        self._tallies: dict[str, Tally] = {}
        self._plugs: dict[str, socket.socket] = {}
        self._watch = Watch()
        self._lives = Lives(self._watch)
        self._ears: tuple[socket.socket, ...] = ()

    def lacking(self) -> list[Lack]:
        return [*lacks(), *(programs.lacking(*programs.WANTED) if self._outward else ())]

    def public_range(self) -> str:
        if self.lacking():
            return str(UNMADE)
        with self._lock:
            return str(self._edge.range())

    def edge_address(self, number: int) -> str:
        if number not in SERVICES:
            raise ValueError("the edge's services have the addresses 2 to 15")
        if self.lacking():
            return str(UNMADE[number])
        with self._lock:
            return self._edge.address(number)

    def beyond(self, address: str) -> Beyond:
        with self._lock:
            return beyond(address, self.public_range(), self._outward, self._edge.own())

    def ids(self) -> list[str]:
        with self._lock:
            return sorted(self._known())

    def ensure(self, network: Network) -> None:
        verify(network)
        with self._lock:
            before = self._known().get(network.id)
            self._known()[network.id] = network
            if before is None:
                self._keep(network)
            self._apply(network, before)
            # Kept after it was applied: whoever starts after a crash in between still knows what it was before.
            if before != network:
                self._keep(network)
            others = {each.network for known in (before, network) if known for each in known.peerings}
            for other in sorted(others.intersection(self._applied)):
                self._apply(self._known()[other])
            self._lead_out()

    def link(self, network: str, interface: Interface, index: int) -> Link:
        with self._lock:
            known = self._named(network)
        if interface.id not in {each.id for each in known.interfaces}:
            raise Unable(f"network {network} has no interface {interface.id}")
        return names.link(known, self._namespace(network), interface, index)

    def plugged(self, network: str) -> list[str]:
        with self._lock:
            known = self._known().get(network)
        if known is None or not inside.exists(self._namespace(network)):
            return []
        devices = inside.devices(self._namespace(network))
        return sorted(each.id for each in known.interfaces if interface_device(each.id) in devices)

    def answers(self, network: str, interface: str, patience: float) -> bool:
        with self._lock:
            known = self._known().get(network)
        found = [each for each in known.interfaces if each.id == interface] if known else []
        if known is None or not found or not inside.exists(self._namespace(network)):
            return False
        line = names.link(known, self._namespace(network), found[0], 0)
        return inside.inside(line.namespace, lambda: arp.answered(line, patience))

    def listen(self, network: str, address: str, port: int) -> socket.socket:
        with self._lock:
            if network:
                self._named(network)
            else:
                self._edge.range()
        namespace = self._namespace(network) if network else self._edge.namespace
        return inside.inside(namespace, lambda: _listening(address, port))

    def flows(self, network: str) -> list[Flow]:
        with self._lock:
            tally = self._tallies.get(network)
            return tally.flows() if tally else []

    def destroy(self, network: str) -> None:
        with self._lock:
            self._destroy(network)
            self._lead_out()

    def _destroy(self, network: str) -> None:
        known = self._known().pop(network, None)
        self._applied.pop(network, None)
        self._ignore(network)
        self._without_programs(self._namespace(network))
        for each in (*inside.named(self._gateways(network)), self._namespace(network)):
            inside.remove(each)
        self._edge.forget(network)
        self._file(network).unlink(missing_ok=True)
        for peering in known.peerings if known else ():
            if peering.network in self._applied:
                self._apply(self._known()[peering.network])

    def close(self) -> None:
        """Nothing is watched any more; everything stays as it is."""
        self._watch.close()
        self._lives.clear()
        self._ears = ()

    def vanish(self) -> None:
        self.close()
        with self._lock:
            for network in self.ids():
                self._destroy(network)
            self._edge.vanish()
            for namespace in inside.named(f"{self._tag}."):
                self._without_programs(namespace)
                inside.remove(namespace)
            for file in self._folder.glob("*"):
                file.unlink()
            for folder in (self._run, self._folder, self._home):
                if folder.exists() and not any(folder.iterdir()):
                    folder.rmdir()

    # What is known.

    @property
    def _folder(self) -> Path:
        return self._home / "known"

    def _file(self, network: str) -> Path:
        return self._folder / f"{network}.json"

    def _namespace(self, network: str) -> str:
        return f"{self._tag}.{network}"

    def _gateways(self, network: str) -> str:
        """The beginning of the names of its NAT gateways' namespaces."""
        return f"{self._tag}..{network}."

    def _known(self) -> dict[str, Network]:
        if self._networks is None:
            found = [msgspec.json.decode(path.read_bytes(), type=Network) for path in self._folder.glob("*.json")]
            self._networks = {network.id: network for network in found}
        return self._networks

    def _named(self, network: str) -> Network:
        if network not in self._known():
            raise Unable(f"there is no network {network}")
        return self._known()[network]

    def _keep(self, network: Network) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        written = self._file(network.id).with_suffix(".new")
        written.write_bytes(msgspec.json.encode(network))
        written.replace(self._file(network.id))

    def _peers(self, network: Network) -> dict[str, Network]:
        """Peering -> the other network, of the peerings in effect."""
        return dict(self._in_effect(network))

    def _in_effect(self, network: Network) -> Iterator[tuple[str, Network]]:
        for peering in network.peerings:
            other = self._known().get(peering.network)
            if other and any(each.id == peering.id and each.network == network.id for each in other.peerings):
                yield peering.id, other

    # What is made.

    def _apply(self, network: Network, before: Network | None = None) -> None:
        """`before`: what it was when another process was here. When it fails halfway, the next one rebuilds all."""
        namespace = self._namespace(network.id)
        applied = self._applied.pop(network.id, None)
        if applied is None or not inside.exists(namespace):
            self._ignore(network.id)
            inside.make(namespace)
            inside.settings(namespace, inside.ROUTER)
            pathing.begun(namespace)
            applied = None
        peers = self._peers(network)
        permissions = Permissions(network, tuple(peers.values()))
        if applied and applied.permissions == permissions:
            rulesets = applied.rulesets
        else:
            rulesets = (rules(network, peers), neighbours(network))
            changes = map(difference, applied.rulesets, rulesets) if applied else map(whole, rulesets)
            inside.nft(namespace, "".join(changes))
            self._end(namespace, applied.permissions if applied else Permissions(before or network), permissions)
        before_links, devices = self._linked(network, namespace, peers, applied is not None)
        up = pathing.up(namespace) if pathing.by_machines(network) else set()
        wanted = pathing.paths(network, peers, up)
        # Routes go with their devices: a link that is new has none, and so may a machine that was plugged in again.
        sure = applied and devices == before_links and not pathing.by_machines(network)
        old = applied.paths if applied and sure else pathing.there(namespace)
        inside.ip(namespace, pathing.changes(old, wanted))
        if network.internet:
            self._edge.publish(network.id, {public for _, public in published(network)})
        self._foreign(network.id).ensure(self._outward and network.resolver)
        self._resolver(network.id).ensure(network, self._outward)
        self._latency(network.id).ensure(network.zone_latency)
        self._watched(network, namespace)
        self._applied[network.id] = Applied(rulesets, wanted, permissions)

    def _watched(self, network: Network, namespace: str) -> None:
        """Begins and ends to watch what is to be watched."""
        if network.id in self._tallies:
            self._tallies[network.id].follow(network)
        elif any(interface.flows for interface in network.interfaces):
            self._tallies[network.id] = Tally(namespace, network, self._watch)
        if pathing.by_machines(network) and network.id not in self._plugs:
            self._plugs[network.id] = inside.inside(namespace, lambda: ear(LINKS))
            self._watch.add(self._plugs[network.id], partial(self._replugged, network.id))
        programs = (self._resolver(network.id), self._foreign(network.id), self._latency(network.id))
        self._lives.follow(network.id, [each.program.number() for each in programs], partial(self._died, network.id))

    def _ignore(self, network: str) -> None:
        if tally := self._tallies.pop(network, None):
            tally.close()
        if plugs := self._plugs.pop(network, None):
            self._watch.remove(plugs)
        self._lives.forget(network)

    def _died(self, network: str, number: int) -> None:
        """One of its programs ended, and it was not us who ended it."""
        with self._lock:
            if self._lives.over(network, number) and network in self._applied:
                log.warning("network %s: process %d was ended, and is started again", network, number)
                try:
                    self._apply(self._known()[network])
                except Unable:
                    log.warning("network %s: a program of it is missing", network, exc_info=True)

    def _replugged(self, network: str) -> None:
        """A machine came or went: routes that lead to it go with its device, and are made anew."""
        with self._lock:
            if network in self._plugs and everything(self._plugs[network]) and network in self._applied:
                try:
                    self._apply(self._known()[network])
                except Unable:
                    log.warning("network %s: a machine went while routes to it were made", network, exc_info=True)

    def _lead_out(self) -> None:
        """To the world, as long as a network is there that may go; and hears when the way is lost."""
        wanted = self._outward and any(network.internet for network in self._known().values())
        self._edge.lead_out(wanted)
        if wanted and not self._ears:
            self._ears = (inside.inside(self._edge.namespace, lambda: ear(LINKS)), ear(ADDRESSES))
            for each in self._ears:
                self._watch.add(each, partial(self._way_changed, each))
        elif not wanted:
            for each in self._ears:
                self._watch.remove(each)
            self._ears = ()

    def _way_changed(self, heard: socket.socket) -> None:
        """The program that leads out ended, with its device; or the host's addresses are others."""
        with self._lock:
            if heard in self._ears and everything(heard):
                try:
                    self._lead_out()
                except Unable:
                    log.warning("machines do not reach the world beyond this host", exc_info=True)

    def _end(self, namespace: str, before: Permissions, after: Permissions) -> None:
        """Ends the connections that do not outlive the change."""
        if narrowed(before.network, after.network) or before.peers != after.peers:
            conntrack.cut(namespace, ended(before, after, conntrack.connections(namespace)))

    def _linked(
        self, network: Network, namespace: str, peers: dict[str, Network], sure: bool
    ) -> tuple[set[str], set[str]]:
        """The devices before and after. `sure`: what is there was made by this process, to its end."""
        devices = inside.devices(namespace)
        if network.internet:
            self._edge.join(network.id, namespace, devices, sure)
        elif "edge" in devices:
            self._edge.leave(network.id, namespace)
        others = {peering: (other, self._namespace(other.id)) for peering, other in peers.items()}
        present = {peering: other for peering, other in others.items() if inside.exists(other[1])}
        links.peer(network, namespace, present, devices, sure)
        links.translate(network, namespace, self._gateways(network.id), devices, sure)
        return devices, inside.devices(namespace)

    def _resolver(self, network: str) -> Resolver:
        return Resolver(self._run / self._namespace(network), self._namespace(network))

    def _foreign(self, network: str) -> ForeignNames:
        return ForeignNames(self._run / self._namespace(network), self._namespace(network), self._resolvers)

    def _latency(self, network: str) -> Latency:
        return Latency(self._run / self._namespace(network), self._namespace(network))

    def _without_programs(self, namespace: str) -> None:
        """Ends what runs in a namespace, and removes its files."""
        folder = self._run / namespace
        Resolver(folder, namespace).remove()
        ForeignNames(folder, namespace).remove()
        Latency(folder, namespace).remove()
        if folder.exists():
            folder.rmdir()


def _listening(address: str, port: int) -> socket.socket:
    """Transparent: an endpoint's address is only known to the tables of some subnets."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
        made.bind((address, port))
        made.listen(1_024)
    except OSError as error:
        made.close()
        raise Unable(f"{address}:{port} cannot be listened at: {error.strerror}") from error
    return made
