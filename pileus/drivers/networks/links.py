"""Lines from a network to its peers and to its NAT gateways.

A NAT gateway is a namespace of its own at the end of a line like a machine's: it follows its subnet's routes, meets its
subnet's access lists, and has a public address, all as a machine would. In it there is nothing but masquerading.
"""

from collections.abc import Mapping

from pileus.drivers.networks import inside, names
from pileus.drivers.networks.api import NatGateway, Network
from pileus.drivers.networks.names import nat_device, peer_device
from pileus.drivers.networks.paths import nat_mac, peer_end
from pileus.drivers.networks.ruleset import Chain, Ruleset, whole


def peer(
    network: Network, namespace: str, others: Mapping[str, tuple[Network, str]], devices: set[str], sure: bool
) -> None:
    """`others`: peering -> the other network and its namespace, which exists. `sure`: a link that is there is whole."""
    wanted = {peer_device(peering) for peering in others}
    for each in sorted(devices):
        if each[0] == "p" and each not in wanted:
            inside.unlink(namespace, each)
    for peering, (other, there) in others.items():
        device = peer_device(peering)
        if device in devices and sure:
            continue
        if device not in devices:
            inside.ip(namespace, [f"link add {device} type veth peer name {device} netns {there}"])
        for end, facing, space in ((network, other, namespace), (other, network, there)):
            inside.ip(space, [f"addr replace {peer_end(end, facing)}/32 dev {device}", f"link set {device} up"])


def translate(network: Network, namespace: str, prefix: str, devices: set[str], sure: bool) -> None:
    """Makes the network's NAT gateways and removes others. `prefix`: of their namespaces' names."""
    wanted = {f"{prefix}{gateway.id}": gateway for gateway in network.nat_gateways}
    for each in inside.named(prefix):
        if each not in wanted:
            inside.remove(each)
    ends = {nat_device(gateway.id) for gateway in wanted.values()}
    for each in sorted(devices):
        if each[0] == "n" and each not in ends:
            inside.unlink(namespace, each)
    gateways = {subnet.id: names.gateway_address(subnet) for subnet in network.subnets}
    for space, gateway in wanted.items():
        there = nat_device(gateway.id) in devices and inside.exists(space)
        if not (there and sure):
            _gateway(namespace, space, gateway, gateways[gateway.subnet])


def _gateway(namespace: str, space: str, gateway: NatGateway, router: str) -> None:
    """What is there stays: connections may run through it."""
    device = nat_device(gateway.id)
    if not inside.exists(space):
        inside.unlink(namespace, device)
    inside.make(space)
    inside.settings(space, inside.ROUTER)
    inside.nft(space, whole(_translating(gateway)))
    if "eth0" not in inside.devices(space):
        inside.unlink(namespace, device)
        inside.ip(namespace, [f"link add {device} type veth peer name eth0 address {nat_mac(gateway)} netns {space}"])
    inside.ip(
        space,
        [
            *("link set lo up", "link set eth0 up", f"addr replace {gateway.private}/32 dev eth0"),
            f"route replace default via {router} dev eth0 onlink",
        ],
    )
    inside.ip(namespace, [f"link set {device} up"])


def _translating(gateway: NatGateway) -> Ruleset:
    return Ruleset(
        "inet",
        {
            "forwarded": Chain(("ct state invalid drop",), "type filter hook forward priority 0; policy accept;"),
            "input": Chain(("ct state established,related accept",), "type filter hook input priority 0; policy drop;"),
            "translate": Chain((f"snat ip to {gateway.private}",), "type nat hook postrouting priority 100;"),
        },
    )
