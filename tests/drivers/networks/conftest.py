"""Real networks for tests, with machines of theirs; nothing of them is left when a test is over."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path

import pytest

from pileus.drivers.networks import inside
from pileus.drivers.networks.api import Interface, Network
from pileus.drivers.networks.namespaces import NamespaceNetworks

from .guests import Guest
from .worlds import World, world_of

NUMBERS = count(1)


@dataclass
class Site:
    """A driver, and the machines that are plugged into its networks."""

    home: Path
    tag: str
    networks: NamespaceNetworks
    guests: list[Guest] = field(default_factory=list)

    def guest(self, name: str = "") -> Guest:
        guest = Guest(name, f"guest-{self.tag}-{len(self.guests)}")
        inside.make(guest.namespace)
        self.guests.append(guest)
        return guest

    def plugged(self, network: Network, *interfaces: str) -> list[Guest]:
        """A machine for each of these interfaces, by their ids; of all when none is named."""
        named = {each.id: each for each in network.interfaces}
        return [self.plug(network, named[each]) for each in interfaces or named]

    def plug(self, network: Network, interface: Interface, guest: Guest | None = None) -> Guest:
        guest = guest or self.guest(interface.id)
        guest.plug(self.networks.link(network.id, interface, len(guest.links)))
        return guest

    def again(self, outward: bool = False) -> NamespaceNetworks:
        """The driver of a process that starts anew."""
        self.networks.close()
        self.networks = NamespaceNetworks(self.home, self.tag, outward, self.resolvers)
        return self.networks

    @property
    def resolvers(self) -> Path:
        """Instead of the host's /etc/resolv.conf; an unprivileged user must be able to read it."""
        return Path(f"/tmp/{self.tag}.resolv.conf")

    def resolve_by(self, *servers: str) -> None:
        self.resolvers.write_text("".join(f"nameserver {each}\n" for each in servers))
        self.resolvers.chmod(0o644)

    def public(self, number: int) -> str:
        """A public address; 16 is the first that machines may have."""
        return str(IPv4Network(self.networks.public_range())[number])

    def clear(self) -> None:
        for guest in self.guests:
            guest.remove()
        self.networks.vanish()
        self.resolvers.unlink(missing_ok=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    tag = f"t{os.getpid()}x{next(NUMBERS)}"
    networks = NamespaceNetworks(tmp_path / "home", tag)
    if lacks := networks.lacking():
        pytest.skip("; ".join(f"{lack.what}: {lack.remedy}" for lack in lacks))
    made = Site(tmp_path / "home", tag, networks)
    try:
        yield made
    finally:
        made.clear()


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    """The driver leads out, and there is a world to reach; the host's resolver is in it."""
    with world_of(site.tag) as made:
        site.resolve_by(made.address)
        networks = site.again(outward=True)
        if lacks := networks.lacking():
            pytest.skip("; ".join(f"{lack.what}: {lack.remedy}" for lack in lacks))
        yield made
