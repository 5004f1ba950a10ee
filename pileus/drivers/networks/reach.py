"""What is behind the edge, and what is not, whoever asks."""

from collections.abc import Container
from ipaddress import IPv4Address, IPv4Network

from pileus.drivers.networks.api import Beyond

HOST, SERVICES = 1, range(2, 16)
"""Numbers of the edge's own addresses."""
BARRED = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "224.0.0.0/3",
)
"""Ranges that are not routed all over the world (IANA, IPv4 Special-Purpose Address Registry): whoever answers there is
near this host, and none of the guests' business. Of those for documentation 203.0.113.0/24 passes: tests play the world
there."""


def barred(address: str) -> bool:
    return any(IPv4Address(address) in IPv4Network(each) for each in BARRED)


def beyond(address: str, public: str, outward: bool, own: Container[str] = ()) -> Beyond:
    """See `Networks.beyond`. `public`: the cloud's range; `own`: the host's addresses."""
    if address and IPv4Address(address) in IPv4Network(public):
        number = int(IPv4Address(address)) - int(IPv4Network(public)[0])
        if number in SERVICES:
            return Beyond(True, "is for the cloud's own services")
        return Beyond(False, "nobody opens connections to this host" if number == HOST else f"nobody has {address}")
    if not outward:
        return Beyond(False, "the world beyond this host is not led to: PILEUS_INTERNET is off")
    if address in own:
        return Beyond(False, f"{address} is this host itself, and nobody opens connections to it")
    if address and barred(address):
        return Beyond(False, f"{address} is not routed all over the world, and what is near this host is not led to")
    return Beyond(True, "goes on to the world through this host: PILEUS_INTERNET is host")
