"""How a machine resolves names: what the DHCP options of its VPC say.

Source: Amazon VPC User Guide, "DHCP option sets" (AmazonProvidedDNS is the VPC's base address plus two).
"""

from ipaddress import IPv4Network
from typing import NamedTuple

from pileus.store import Transaction

from ..vpc import records

PROVIDED = "AmazonProvidedDNS"


class Resolver(NamedTuple):
    servers: tuple[str, ...]
    domain: str


def resolver_of(tx: Transaction, account: str, region: str, vpc: str) -> Resolver:
    found = records.vpcs.get(tx, account, region, vpc)
    if found is None:
        return Resolver((), "")
    own = str(IPv4Network(found.range)[2])
    options = records.dhcp_options.get(tx, account, region, found.dhcp)
    if options is None:
        return Resolver((), "")
    servers = [own if server == PROVIDED else server for server in options.options.get("domain-name-servers", ())]
    if not found.dns_support:
        servers = [server for server in servers if server != own]
    domain = options.options.get("domain-name", ("",))[0]
    return Resolver(tuple(servers), domain)
