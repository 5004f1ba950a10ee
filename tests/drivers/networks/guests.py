"""Machines for tests of networks: a namespace with an interface, and sockets in it that this process holds."""

import socket
import struct
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field

from pileus.drivers.networks import inside
from pileus.drivers.networks.api import Link

PATIENCE = 60.0
IMPATIENCE = 0.4
"""Seconds after which what was to be refused counts as refused: too short can only hide a packet that came late."""


def reached(dial: socket.socket, address: str, port: int, patience: float) -> str:
    """What the server at the other side says; empty when nobody answers."""
    with dial:
        dial.settimeout(patience)
        try:
            dial.connect((address, port))
            return dial.recv(1_000).decode()
        except OSError:
            return ""


def host_reaches(address: str, port: int, patience: float = PATIENCE) -> str:
    return reached(socket.socket(), address, port, patience)


@dataclass
class Guest:
    """`namespace`: its own. What it serves says its name and the address of whoever asks."""

    name: str
    namespace: str
    links: list[Link] = field(default_factory=list)
    sockets: ExitStack = field(default_factory=ExitStack)

    def plug(self, link: Link) -> None:
        """As a machine's boot does it."""
        device = f"eth{link.index}"
        inside.ip(link.namespace, [f"link add {link.name} type veth peer name {device} netns {self.namespace}"])
        inside.settings(
            link.namespace, {f"ipv4/conf/{link.name}/proxy_arp": "1", f"ipv4/neigh/{link.name}/proxy_delay": "0"}
        )
        commands = ["link set lo up", f"link set {device} address {link.mac} up"]
        commands += [f"addr add {address}/{link.prefix} dev {device}" for address in link.addresses]
        if not link.index:
            commands.append(f"route add default via {link.gateway} dev {device}")
        inside.ip(self.namespace, commands)
        inside.ip(
            link.namespace,
            [f"link set {link.name} up", *(f"route add {each}/32 dev {link.name}" for each in link.addresses)],
        )
        self.links.append(link)

    def unplug(self) -> None:
        for link in self.links:
            inside.ip(link.namespace, [f"link del {link.name}"])
        self.links = []

    def ip(self, *commands: str) -> None:
        inside.ip(self.namespace, list(commands))

    def made(self, type: socket.SocketKind = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        return inside.inside(self.namespace, lambda: socket.socket(socket.AF_INET, type, protocol))

    def serve(self, port: int, address: str = "") -> None:
        """Every connection is told who answers and who asked, then kept open and echoed."""
        listener = self.made()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(100)
        serving(listener, self.name, self.sockets)

    def reaches(self, address: str, port: int, patience: float = PATIENCE, source: str = "") -> str:
        dial = self.made()
        if source:
            dial.bind((source, 0))
        return reached(dial, address, port, patience)

    def refused(self, address: str, port: int, source: str = "") -> bool:
        return not self.reaches(address, port, IMPATIENCE, source)

    def connect(self, address: str, port: int) -> socket.socket:
        """A connection that was greeted."""
        dial = self.made()
        dial.settimeout(PATIENCE)
        dial.connect((address, port))
        dial.recv(1_000)
        return dial

    def pings(self, address: str, patience: float = PATIENCE) -> bool:
        with self.made(socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            raw.settimeout(patience)
            # Echo request, code 0, its checksum, id 1, number 1.
            raw.sendto(struct.pack("!BBHHH", 8, 0, 0xF7FD, 1, 1), (address, 0))
            try:
                while True:
                    packet, peer = raw.recvfrom(1_000)
                    if peer[0] == address and packet[20] == 0:
                        return True
            except TimeoutError:
                return False

    def routes(self) -> None:
        """Becomes a router that hides others behind its own address."""
        inside.settings(self.namespace, {"ipv4/ip_forward": "1"})
        inside.nft(
            self.namespace,
            "add table ip nat\nadd chain ip nat post { type nat hook postrouting priority 100; }\n"
            "add rule ip nat post masquerade\n",
        )

    def remove(self) -> None:
        self.sockets.close()
        inside.remove(self.namespace)


def heard(sender: Guest, listener: Guest, address: str, patience: float = PATIENCE, source: str = "") -> str:
    """Whom the listener hears a word from that is sent to its `address`; empty when it hears none."""
    with listener.made(socket.SOCK_DGRAM) as ear, sender.made(socket.SOCK_DGRAM) as mouth:
        ear.bind(("", 99))
        ear.settimeout(patience)
        mouth.bind((source, 0))
        mouth.sendto(b"hear me", (address, 99))
        try:
            return str(ear.recvfrom(100)[1][0])
        except TimeoutError:
            return ""


def echoes(connection: socket.socket, patience: float = PATIENCE) -> bool:
    """Whether a connection still carries bytes there and back."""
    connection.settimeout(patience)
    try:
        connection.sendall(b"still there?")
        return connection.recv(1_000) == b"still there?"
    except OSError:
        return False


def serving(listener: socket.socket, name: str, sockets: ExitStack) -> None:
    """Until `sockets` is closed."""

    def answer(connection: socket.socket, peer: str) -> None:
        with connection:
            try:
                connection.sendall(f"{name} hears {peer}".encode())
                while told := connection.recv(1_000):
                    connection.sendall(told)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection, peer[0]), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()

    def stop() -> None:
        # A thread that waits in accept() only wakes when its socket is shut down.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()

    sockets.callback(stop)
