"""The kernel's table of connections: read and cut, by netlink messages (`linux/netfilter/nfnetlink_conntrack.h`)."""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside

NETLINK_NETFILTER = 12
SUBSYSTEM = 1 << 8
NEW, GET, DELETE, GET_AND_ZERO = (SUBSYSTEM | number for number in range(4))
REQUEST, ACKNOWLEDGE, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
# Attributes of a connection.
ORIGINAL, REPLY, STATUS, PROTOCOL_INFO = 1, 2, 3, 4
SENT, ANSWERED, IDENTITY, TIMES = 9, 10, 12, 20


@dataclass(frozen=True)
class Connection:
    """`source` opened it, as it was before translation; `destination` answers, as it is after translation; `asked` is
    whom the source asked for and `seen` whom the destination takes the source for. Ports are 0 without ports; of ICMP
    the source port is the type. `sent`, `answered`: packets and bytes. `state`: of TCP. `started`, `ended`: epoch
    seconds, 0 when not known. `key`: names it to the kernel."""

    protocol: int
    source: str
    destination: str
    asked: str
    seen: str
    source_port: int
    destination_port: int
    sent: tuple[int, int]
    answered: tuple[int, int]
    state: int
    started: float
    ended: float
    key: bytes


def connections(namespace: str, zero: bool = False) -> list[Connection]:
    """`zero`: their counters begin again."""

    def ask() -> list[Connection]:
        with opened() as kernel:
            kernel.send(_message(GET_AND_ZERO if zero else GET, REQUEST | DUMP))
            found: list[Connection] = []
            while True:
                for kind, body in messages(kernel.recv(1 << 20)):
                    if kind == DONE:
                        return found
                    if kind == ERROR:
                        raise Unable(f"the kernel does not tell its connections: {complaint(body)}")
                    if connection := read(body):
                        found.append(connection)

    return inside.inside(namespace, ask)


def cut(namespace: str, victims: Iterable[Connection]) -> None:
    """Makes the kernel forget them; one that is gone already is passed over."""
    keys = [victim.key for victim in victims]

    def forget() -> None:
        with opened() as kernel:
            for key in keys:
                kernel.send(_message(DELETE, REQUEST | ACKNOWLEDGE, key))
                for kind, body in messages(kernel.recv(65_536)):
                    if kind == ERROR and complaint(body) not in ("", os.strerror(errno.ENOENT)):
                        raise Unable(f"the kernel does not forget a connection: {complaint(body)}")

    if keys:
        inside.inside(namespace, forget)


def opened() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return made


def complaint(body: bytes) -> str:
    """Of an answer; empty when there is none."""
    status = -struct.unpack_from("=i", body)[0]
    return os.strerror(status) if status else ""


def _message(kind: int, flags: int, attributes: bytes = b"") -> bytes:
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def messages(received: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and body of each."""
    at = 0
    while at + 16 <= len(received):
        length, kind = struct.unpack_from("=IH", received, at)
        yield kind, received[at + 16 : at + length]
        at += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def attributes(body: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = body[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def read(body: bytes) -> Connection | None:
    """None for what is not IPv4."""
    parts = attributes(body[4:])
    if body[0] != socket.AF_INET or ORIGINAL not in parts or REPLY not in parts:
        return None
    protocol, source, asked, source_port, _ = _tuple(parts[ORIGINAL])
    _, destination, seen, destination_port, _ = _tuple(parts[REPLY])
    times = attributes(parts.get(TIMES, b""))
    key = b"".join(
        attribute(kind | nested, parts[kind]) for kind, nested in ((ORIGINAL, 0x8000), (IDENTITY, 0)) if kind in parts
    )
    tcp = attributes(attributes(parts.get(PROTOCOL_INFO, b"")).get(1, b""))
    return Connection(
        *(protocol, source, destination, asked, seen, source_port, destination_port),
        sent=_counted(parts.get(SENT, b"")),
        answered=_counted(parts.get(ANSWERED, b"")),
        state=tcp.get(1, b"\0")[0],
        started=_seconds(times.get(1)),
        ended=_seconds(times.get(2)),
        key=key,
    )


def _tuple(body: bytes) -> tuple[int, str, str, int, int]:
    parts = attributes(body)
    addresses, protocol = attributes(parts[1]), attributes(parts[2])
    number = protocol[1][0]
    if number == socket.IPPROTO_ICMP:
        ports = protocol.get(5, b"\0")[0], protocol.get(6, b"\0")[0]
    else:
        ports = (int.from_bytes(protocol.get(2, b"\0"), "big"), int.from_bytes(protocol.get(3, b"\0"), "big"))
    return number, socket.inet_ntoa(addresses[1]), socket.inet_ntoa(addresses[2]), *ports


def _counted(body: bytes) -> tuple[int, int]:
    parts = attributes(body)
    return int.from_bytes(parts.get(1, b""), "big"), int.from_bytes(parts.get(2, b""), "big")


def _seconds(nanoseconds: bytes | None) -> float:
    return int.from_bytes(nanoseconds, "big") / 1e9 if nanoseconds else 0.0
