"""Whether a machine answers at its interface: asked as its router would, by ARP, which meets no group and no list.

Source: RFC 826; Amazon EC2 User Guide, "Status checks for Amazon EC2 instances" (an instance is asked by ARP).
"""

import socket
import struct
import time

from pileus.drivers.networks.api import Link

ETHERTYPE = 0x0806
EVERYBODY = b"\xff" * 6
REQUEST, REPLY = 1, 2
PACKET = struct.Struct("!HHBBH6s4s6s4s")
ETHERNET, IPV4 = 1, 0x0800
AGAIN_SECONDS = 1.0


def answered(link: Link, patience: float) -> bool:
    """Called inside the network's namespace. Asks every second for at most `patience` seconds."""
    asked, router = socket.inet_aton(link.addresses[0]), socket.inet_aton(link.gateway)
    mine = bytes.fromhex(link.mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERTYPE)) as line:
        try:
            line.bind((link.name, ETHERTYPE))
            own = line.getsockname()[4]
            request = PACKET.pack(ETHERNET, IPV4, 6, 4, REQUEST, own, router, bytes(6), asked)
            end = time.monotonic() + patience
            while (now := time.monotonic()) < end:
                line.sendto(request, (link.name, ETHERTYPE, 0, 0, EVERYBODY))
                if _heard(line, (mine, asked), min(now + AGAIN_SECONDS, end)):
                    return True
        except OSError:  # the machine is not plugged in, or went while it was asked
            return False
    return False


def _heard(line: socket.socket, who: tuple[bytes, bytes], until: float) -> bool:
    while (left := until - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            heard = line.recv(PACKET.size)
        except TimeoutError:
            return False
        if len(heard) == PACKET.size:
            *_, operation, hardware, address, _, _ = PACKET.unpack(heard)
            if operation == REPLY and (hardware, address) == who:
                return True
    return False
