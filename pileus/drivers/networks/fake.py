"""Networks that are only remembered: for tests of what lies above, and of a host that cannot have real ones."""

import socket
from ipaddress import IPv4Network

from pileus.drivers.api import Lack, Unable
from pileus.drivers.networks import names
from pileus.drivers.networks.api import Flow, Interface, Link, Network
from pileus.drivers.networks.soundness import verify

RANGE = "198.18.0.0/20"


class FakeNetworks:
    """`networks`: what was ensured last. `plug`, `unplug` and `passed` are what machines and packets would do.
    `silent`: interfaces whose machines do not answer."""

    def __init__(self) -> None:
        self.networks: dict[str, Network] = {}
        self.ensured: list[str] = []
        self.silent: set[str] = set()
        self._plugged: dict[str, set[str]] = {}
        self._flows: dict[str, list[Flow]] = {}

    def lacking(self) -> list[Lack]:
        return []

    def public_range(self) -> str:
        return RANGE

    def edge_address(self, number: int) -> str:
        if not 2 <= number <= 15:
            raise ValueError("the edge's services have the addresses 2 to 15")
        return str(IPv4Network(RANGE)[number])

    def ids(self) -> list[str]:
        return sorted(self.networks)

    def ensure(self, network: Network) -> None:
        verify(network)
        self.networks[network.id] = network
        self.ensured.append(network.id)
        self._plugged.setdefault(network.id, set()).intersection_update(each.id for each in network.interfaces)

    def link(self, network: str, interface: Interface, index: int) -> Link:
        known = self._known(network)
        if interface.id not in {each.id for each in known.interfaces}:
            raise Unable(f"network {network} has no interface {interface.id}")
        return names.link(known, f"fake-{network}", interface, index)

    def plugged(self, network: str) -> list[str]:
        return sorted(self._plugged.get(network, ()))

    def answers(self, network: str, interface: str, patience: float) -> bool:
        """Machines in memory are not plugged in by anybody: an interface has one that answers unless it is `silent`."""
        known = self.networks.get(network)
        named = known is not None and interface in {each.id for each in known.interfaces}
        return named and interface not in self.silent

    def listen(self, network: str, address: str, port: int) -> socket.socket:
        """On a free port of the loopback interface: whoever connects asks the socket for its name."""
        if network:
            self._known(network)
        elif address not in {self.edge_address(number) for number in range(2, 16)}:
            raise Unable(f"{address} is none of the edge's addresses")
        return socket.create_server(("127.0.0.1", 0))

    def flows(self, network: str) -> list[Flow]:
        return self._flows.pop(network, [])

    def destroy(self, network: str) -> None:
        self.networks.pop(network, None)
        self._plugged.pop(network, None)
        self._flows.pop(network, None)

    def vanish(self) -> None:
        for network in self.ids():
            self.destroy(network)

    def plug(self, network: str, interface: str) -> None:
        """A machine was plugged into `interface`."""
        self._known(network)
        self._plugged[network].add(interface)

    def unplug(self, network: str, interface: str) -> None:
        self._plugged.get(network, set()).discard(interface)

    def passed(self, network: str, flow: Flow) -> None:
        """Packets were seen."""
        self._flows.setdefault(network, []).append(flow)

    def _known(self, network: str) -> Network:
        if network not in self.networks:
            raise Unable(f"there is no network {network}")
        return self.networks[network]
