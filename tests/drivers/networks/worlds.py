"""A world beyond this host, for tests: a namespace of its own that the host has a route to, with servers in it. Nothing
that is sent there leaves the machine."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside

from .guests import Guest, serving

DOCUMENTATION = IPv4Network("203.0.113.0/24")
A = 1


@dataclass
class World:
    """`range`: four addresses of 203.0.113.0/24 that the host has a route to: the first is the host's, the second the
    world's."""

    guest: Guest
    device: str
    range: IPv4Network

    @property
    def host(self) -> str:
        return str(self.range[1])

    @property
    def address(self) -> str:
        return str(self.range[2])

    def serve(self, port: int) -> None:
        self.guest.serve(port)

    def host_serves(self, address: str, port: int = 0) -> int:
        """The port where the host itself answers, at one of its addresses."""
        listener = socket.create_server((address, port))
        serving(listener, "host", self.guest.sockets)
        return int(listener.getsockname()[1])

    def host_has(self, address: str) -> None:
        inside.run("ip", "addr", "add", f"{address}/32", "dev", self.device)

    def resolves(self, names: dict[str, str], at_host: str = "") -> list[str]:
        """A DNS server at the world's address, or at one of the host's: names with their one address, or unknown. What
        it is asked."""
        heard: list[str] = []
        made = socket.socket if at_host else self.guest.made
        ear, listener, mouth = made(type=socket.SOCK_DGRAM), made(), made(type=socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place = (at_host or self.address, 53)
        for each in (ear, listener):
            each.bind(place)
        listener.listen(10)

        def answered(question: bytes) -> bytes:
            name, end = _name(question)
            heard.append(name)
            return _answer(question[: end + 4], names.get(name) if question[end + 1] == A else "")

        def words() -> None:
            while True:
                question, asker = ear.recvfrom(4_096)
                if not question:
                    return
                ear.sendto(answered(question), asker)

        def lines() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    size = int.from_bytes(line.recv(2, socket.MSG_WAITALL))
                    answer = answered(line.recv(size, socket.MSG_WAITALL))
                    line.sendall(len(answer).to_bytes(2) + answer)

        threads = [threading.Thread(target=each, daemon=True) for each in (words, lines)]
        for thread in threads:
            thread.start()

        def stop() -> None:
            with mouth:
                mouth.sendto(b"", place)
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            ear.close()
            listener.close()

        self.guest.sockets.callback(stop)
        return heard


def _name(question: bytes) -> tuple[str, int]:
    parts, at = [], 12
    while size := question[at]:
        parts.append(question[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join(parts), at + 1


def _answer(asked: bytes, address: str | None) -> bytes:
    """`address`: None for a name that is not, empty for one that has no such record."""
    status, count = (3 if address is None else 0), (1 if address else 0)
    head = asked[:2] + bytes([0x81, 0x80 | status, 0, 1, 0, count, 0, 0, 0, 0]) + asked[12:]
    return head + (b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4" + socket.inet_aton(address) if address else b"")


@contextmanager
def world_of(tag: str) -> Iterator[World]:
    """One of its own for each run of the tests that goes on at the same time."""
    guest, device = Guest("world", f"world-{tag}"), f"w{tag}"[:15]
    inside.make(guest.namespace)
    try:
        inside.run("ip", "link", "add", device, "type", "veth", "peer", "eth0", "netns", guest.namespace)
        inside.run("ip", "link", "set", device, "up")
        made = World(guest, device, _claimed(device))
        guest.ip("link set lo up", f"addr add {made.address}/30 dev eth0", "link set eth0 up")
        guest.ip(f"route add default via {made.host}")
        yield made
    finally:
        guest.sockets.close()
        if Path("/sys/class/net", device).exists():
            inside.run("ip", "link", "del", device)
        guest.remove()


def _claimed(device: str) -> IPv4Network:
    choices = list(DOCUMENTATION.subnets(new_prefix=30))
    first = os.getpid() % len(choices)
    for choice in (*choices[first:], *choices[:first]):
        try:
            # Refused where another has that route.
            inside.run("ip", "route", "add", str(choice), "dev", device)
        except Unable:
            continue
        inside.run("ip", "addr", "add", f"{choice[1]}/32", "dev", device)
        return choice
    raise AssertionError("all of the world is taken")
