"""'Why does A not reach B?': what the asker's words mean, and the answer as plain data.

A place is named by the id of a machine, an interface or an internet gateway, by an address, by a machine's name (its
tag Name), or by 'internet' or 'host'. Ids are unique in the whole cloud, so whoever administers it names no account.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import msgspec

from pileus.base.errors import ApiError
from pileus.drivers.networks.api import Network, Networks
from pileus.store import Transaction

from ..kinds import KINDS
from . import records
from .compiling import network_of, protocol_number
from .reachability import Place, Way, way
from .records import Interface
from .whereabouts import inside, interface_in, owner

OUTSIDE = ("internet", "outside")
SCAN_MAX = 1_000_000


class Unclear(ApiError):
    """The question names something that is not there."""

    code, status = "NotFound", 404


class Question:
    """Looks the places up, and the networks that could be on the way."""

    def __init__(self, tx: Transaction, driver: Networks):
        self.tx, self.driver = tx, driver
        self.networks: dict[str, Network] = {}

    def know(self, account: str, region: str, vpc: str, *, peers: bool = True) -> None:
        if vpc not in self.networks:
            network = network_of(self.tx, account, region, vpc, self.driver.edge_address)
            if network is None:
                return
            self.networks[vpc] = network
        if peers:
            for _, peering in records.peerings.find(self.tx, records.peerings_of_vpc, account, region, vpc):
                for side in (peering.requester, peering.accepter):
                    self.know(side.account, side.region, side.vpc, peers=False)

    def place(self, text: str, near: Place | None = None) -> Place:
        """`near`: where the way begins, for an address that could be in more than one network."""
        if text.lower() in OUTSIDE:
            return Place()
        if text.lower() == "host":
            return Place(address=str(IPv4Network(self.driver.public_range())[1]))
        if text.startswith("igw-"):
            return self._gateway(text)
        if text.startswith("eni-"):
            return self._at(self._interface(text))
        if text.startswith("i-"):
            return self._at(self._of_machine(text))
        try:
            return self._address(str(IPv4Address(text)), near)
        except AddressValueError:
            return self._at(self._of_machine(self._named(text)))

    def _at(self, interface: Interface) -> Place:
        if interface.attachment is None:
            raise Unclear(f"{interface.id} is not attached to a machine: no packet comes from there or gets there.")
        self.know(interface.account, interface.region, interface.vpc)
        return Place(interface.vpc, interface.id, interface.primary.address)

    def _gateway(self, id: str) -> Place:
        for key, gateway in records.internet_gateways.scan(self.tx, limit=SCAN_MAX):
            if gateway.id == id:
                if not gateway.vpc:
                    raise Unclear(f"{id} is not attached to a VPC.")
                self.know(str(key[0]), str(key[1]), gateway.vpc)
                return Place(gateway.vpc)
        raise Unclear(f"There is no internet gateway {id}.")

    def _interface(self, id: str) -> Interface:
        for _, interface in records.interfaces.scan(self.tx, limit=SCAN_MAX):
            if interface.id == id:
                return interface
        raise Unclear(f"There is no network interface {id}.")

    def _of_machine(self, id: str) -> Interface:
        found = [
            interface
            for _, interface in records.interfaces.scan(self.tx, limit=SCAN_MAX)
            if interface.attachment is not None and interface.attachment.instance == id
        ]
        if not found:
            raise Unclear(f"There is no machine {id} with a network interface.")
        return min(found, key=lambda each: each.attachment.index if each.attachment is not None else 0)

    def _named(self, name: str) -> str:
        kind = KINDS.get("i")
        found = kind.table.scan(self.tx, limit=SCAN_MAX) if kind is not None else ()
        ids = [record.id for _, record in found if record.tags.get("Name") == name and record.state != "terminated"]
        if len(ids) != 1:
            raise Unclear(f"{len(ids) or 'No'} machines are called {name}: name one by its id.")
        return str(ids[0])

    def _address(self, address: str, near: Place | None) -> Place:
        """A private one of the network where the way begins or of its peers, a public one of anybody, else outside."""
        order = sorted(self.networks.values(), key=lambda each: near is None or each.id != near.network)
        for network in order:
            there = owner(network, address)
            if there is not None:
                return Place(network.id, there.id, address)
        taken = records.public_addresses.get(self.tx, int(IPv4Address(address)))
        if taken is not None:
            holder = taken.holder
            elastic = records.elastic_addresses.get(self.tx, taken.account, taken.region, holder)
            holder = elastic.interface if elastic is not None else holder
            interface = records.interfaces.get(self.tx, taken.account, taken.region, holder) if holder else None
            if interface is not None and interface.attachment is not None:
                return msgspec.structs.replace(self._at(interface), address=address)
        if near is not None and near.network and inside(address, self.networks[near.network].ranges):
            return Place(near.network, "", address)
        return Place(address=address)

    def meet(self, begin: Place, end: Place) -> tuple[Place, Place]:
        """With the addresses by which they know each other: from outside, a machine is known by its public one."""
        if end.interface and not self._near(begin, end):
            end = self._public(end)
        if begin.interface and not begin.address:
            begin = msgspec.structs.replace(begin, address=self._private(begin))
        return begin, end

    def _near(self, begin: Place, end: Place) -> bool:
        if not begin.interface:
            return False
        here = self.networks[begin.network]
        return begin.network == end.network or end.network in {each.network for each in here.peerings}

    def _private(self, place: Place) -> str:
        return interface_in(self.networks[place.network], place.interface).addresses[0].private

    def _public(self, place: Place) -> Place:
        interface = interface_in(self.networks[place.network], place.interface)
        pair = next((each for each in interface.addresses if place.address in (each.private, each.public)), None)
        return msgspec.structs.replace(place, address=pair.public) if pair is not None and pair.public else place


def answer(
    tx: Transaction, driver: Networks, source: str, target: str, protocol: str, port: int
) -> tuple[Way, Question]:
    """Raises Unclear."""
    question = Question(tx, driver)
    begin = question.place(source)
    end = question.place(target, begin)
    if not begin.interface and begin.address and end.network and not begin.network:
        begin = msgspec.structs.replace(begin, network=end.network)
    begin, end = question.meet(begin, end)
    if not begin.interface and not end.interface:
        raise Unclear(f"Neither {source} nor {target} is in a network of this cloud.")
    return way(question.networks, driver.beyond, begin, end, protocol_number(protocol), port), question


def explain(tx: Transaction, driver: Networks, source: str, target: str, protocol: str, port: int) -> dict[str, Any]:
    """As plain data: 'reachable'; 'steps' there and 'answer' back, each with 'says'; 'blocked': the step that ended
    it, with its 'code'."""
    found, _ = answer(tx, driver, source, target, protocol, port)
    blocked = found.block
    return {
        "from": source,
        "to": target,
        "protocol": protocol,
        "port": port,
        "reachable": found.open,
        "steps": msgspec.to_builtins(found.steps),
        "answer": msgspec.to_builtins(found.answer),
        "blocked": {"code": blocked.code, **msgspec.to_builtins(blocked.step)} if blocked is not None else None,
    }
