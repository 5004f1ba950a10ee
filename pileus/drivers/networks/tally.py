"""What passed the interfaces of a network, and what was refused at them, from the kernel's own counters.

What was accepted is counted by the connections table: those that run are asked, those that end say so. What was refused
is a copy of the packet's head (`nfnetlink_log`). An interface sees a flow of its own per direction. Traffic with the
metadata address and the resolver is not counted, as in AWS's flow logs.
"""

import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pileus.base.clock import SystemClock
from pileus.drivers.api import Unable
from pileus.drivers.networks import conntrack, inside, names
from pileus.drivers.networks.api import Flow, Network
from pileus.drivers.networks.conntrack import Connection, attributes, complaint, messages, opened
from pileus.drivers.networks.matches import TCP, UDP
from pileus.drivers.networks.names import METADATA, interface_device
from pileus.drivers.networks.rules import REJECTS
from pileus.drivers.networks.watching import Watch, everything

FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
CLOSING, CLOSED = range(4, 8), 8
"""States of a TCP connection, by the kernel's numbers."""
KINDS_MAX = 65_536
"""Different refused flows between two questions; more are not told apart and not told."""
PACKET, CONFIGURE = 4 << 8, 4 << 8 | 1


@dataclass(frozen=True)
class Key:
    interface: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    accepted: bool
    inward: bool


@dataclass
class Sum:
    packets: int
    bytes: int
    started: float
    ended: float
    flags: int


class Tally:
    """Of one network, from when it is made. `close` it when nobody wants to know any more."""

    def __init__(self, namespace: str, network: Network, watch: Watch):
        self._namespace = namespace
        self._watch = watch
        self._lock = threading.Lock()
        self._sums: dict[Key, Sum] = {}
        self._indexes: dict[int, str] = {}
        self._asked = SystemClock().machine()
        self.follow(network)
        conntrack.connections(namespace, zero=True)
        self._ends, self._refusals = inside.inside(namespace, _ears)
        watch.add(self._ends, self._ended)
        watch.add(self._refusals, self._refused)

    def follow(self, network: Network) -> None:
        """The network is another now."""
        watched = [each for each in network.interfaces if each.flows]
        self._by_address = {address.private: each.id for each in watched for address in each.addresses}
        self._by_device = {interface_device(each.id): each.id for each in watched}
        self._silent = {METADATA, *names.resolver_addresses(network)}

    def close(self) -> None:
        self._watch.remove(self._ends)
        self._watch.remove(self._refusals)

    def flows(self) -> list[Flow]:
        """Since the last time."""
        running = conntrack.connections(self._namespace, zero=True)
        now = SystemClock().machine()
        self._count(running, now)
        with self._lock:
            sums, self._sums = self._sums, {}
        self._asked = now
        return [_flow(key, each) for key, each in sums.items()]

    def _ended(self) -> None:
        heard = (body for message in everything(self._ends) for _, body in messages(message))
        self._count((each for body in heard if (each := conntrack.read(body))), SystemClock().machine())

    def _count(self, connections: Iterable[Connection], now: float) -> None:
        for connection in connections:
            for key, counted, flags in self._seen(connection):
                if counted[0]:
                    started = max(connection.started, self._asked)
                    self._add(key, Sum(*counted, started, connection.ended or now, flags))

    def _seen(self, each: Connection) -> Iterator[tuple[Key, tuple[int, int], int]]:
        """The sides of a connection that are watched: whose, how much, which flags."""
        if each.destination in self._silent or each.source in self._silent:
            return
        ours, theirs = (each.source_port, each.destination_port) if each.protocol in (TCP, UDP) else (0, 0)
        begun = each.protocol == TCP and each.started >= self._asked
        end = (FIN if each.state in CLOSING else RST if each.state == CLOSED else 0) if each.protocol == TCP else 0
        there, back = (SYN if begun else 0) | end, (SYN_ACK if begun else 0) | end
        for own, source, destination, asking in (
            (each.source, each.source, each.asked, True),
            (each.destination, each.seen, each.destination, False),
        ):
            if interface := self._by_address.get(own):
                forth = Key(interface, source, destination, ours, theirs, each.protocol, True, not asking)
                answer = Key(interface, destination, source, theirs, ours, each.protocol, True, asking)
                yield forth, each.sent, there
                yield answer, each.answered, back

    def _refused(self) -> None:
        for message in everything(self._refusals):
            for kind, body in messages(message):
                if kind == PACKET:
                    self._refuse(attributes(body[4:]))

    def _refuse(self, parts: dict[int, bytes]) -> None:
        """The interface is where the refusal happened; the one that it came from let it go."""
        came, goes = (self._device(parts.get(number)) for number in (4, 5))
        inward = parts.get(10, b"").startswith(b"in")
        packet = parts.get(9, b"")
        if len(packet) < 20:
            return
        now = SystemClock().machine()
        head, size, protocol = 4 * (packet[0] & 15), int.from_bytes(packet[2:4], "big"), packet[9]
        source, destination = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        rest = packet[head:]
        ours, theirs = struct.unpack_from("!HH", rest) if protocol in (TCP, UDP) and len(rest) >= 4 else (0, 0)
        flags = rest[13] & (FIN | SYN | RST) if protocol == TCP and len(rest) > 13 else 0
        sides = ((goes, False, True), (came, True, False)) if inward else ((came, False, False),)
        for device, accepted, into in sides:
            if interface := self._by_device.get(device):
                key = Key(interface, source, destination, ours, theirs, protocol, accepted, into)
                self._add(key, Sum(1, size, now, now, flags))

    def _add(self, key: Key, more: Sum) -> None:
        with self._lock:
            known = self._sums.get(key)
            if known is None:
                if key.accepted or len(self._sums) < KINDS_MAX:
                    self._sums[key] = more
                return
            known.packets += more.packets
            known.bytes += more.bytes
            known.started = min(known.started, more.started)
            known.ended = max(known.ended, more.ended)
            known.flags |= more.flags

    def _device(self, index: bytes | None) -> str:
        number = int.from_bytes(index or b"", "big")
        if number and number not in self._indexes and inside.exists(self._namespace):
            self._indexes = dict(inside.inside(self._namespace, socket.if_nameindex))
        return self._indexes.get(number, "")


def _flow(key: Key, each: Sum) -> Flow:
    return Flow(
        interface=key.interface,
        source=key.source,
        destination=key.destination,
        source_port=key.source_port,
        destination_port=key.destination_port,
        protocol=key.protocol,
        packets=each.packets,
        bytes=each.bytes,
        started=each.started,
        ended=each.ended,
        accepted=key.accepted,
        inward=key.inward,
        flags=each.flags,
    )


def _ears() -> tuple[socket.socket, socket.socket]:
    """For connections that end, and for packets that are refused; made inside the namespace."""
    ends = opened()
    ends.bind((0, 0))
    ends.setsockopt(270, 1, 3)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP: NFNLGRP_CONNTRACK_DESTROY
    refusals = opened()
    # A command to bind the group, and a mode: copy the first 64 bytes.
    for attribute in (struct.pack("=HHB3x", 5, 1, 1), struct.pack("=HH", 10, 2) + struct.pack("!IBx2x", 64, 2)):
        body = struct.pack("=BBH", socket.AF_INET, 0, socket.htons(REJECTS)) + attribute
        refusals.send(struct.pack("=IHHII", 16 + len(body), CONFIGURE, 5, 1, 0) + body)
        for _, answer in messages(refusals.recv(65_536)):
            if why := complaint(answer):
                raise Unable(f"the kernel does not copy refused packets, or copies them to another: {why}")
    return ends, refusals
