"""One request to the metadata service: which machine asks, whether it may, what it is told.

Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata": 400 for a token without
a lifetime, 401 for a missing or bad token, 403 where the service is off or the request came through a proxy, 404.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import NamedTuple

from pileus.service.call import Call, Cloud
from pileus.store import Transaction

from .. import key_pairs
from ..acting import call_for
from ..instances.records import Instance, instances
from ..service import natural
from ..vpc import records
from . import tokens
from .tree import data_of, dynamic_of, found, user_data_of

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19",
    "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-09-24", "latest",
)  # fmt: skip
LIFETIME = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "x-aws-ec2-metadata-token"
SUBNETS_MAX = 10_000
FOLDERS = ("dynamic", "meta-data", "user-data")


class Answer(NamedTuple):
    """`hops`: how far the answer may travel, 0 for any way."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hops: int = 0


Network = tuple[str, str, str]
"""Account, region, VPC."""


def answer(
    cloud: Cloud, tx: Transaction, network: Network, peer: str, method: str, path: str, headers: dict[str, str]
) -> Answer:
    account, region, _ = network
    instance = asking(tx, network, peer)
    if instance is None:
        return Answer(404)
    if not instance.metadata.enabled:
        return Answer(403)
    call = call_for(cloud, tx, account, region)
    if method == "PUT":
        return _token(call, instance, path, headers)
    if method not in ("GET", "HEAD"):
        return Answer(405, headers=(("allow", "OPTIONS, GET, HEAD, PUT"),))
    token = headers.get(TOKEN)
    if token is None and instance.metadata.tokens == "required":
        return Answer(401)
    if token is not None and not tokens.good(tx, instance.id, call.now, token):
        return Answer(401)
    body = _body(call, instance, path)
    return Answer(404) if body is None else Answer(200, body)


def asking(tx: Transaction, network: Network, peer: str) -> Instance | None:
    """The machine that has the address in the network."""
    account, region, _ = network
    try:
        address = IPv4Address(peer)
    except AddressValueError:
        return None
    for _, subnet in records.subnets.find(tx, records.subnets_of_vpc, *network, limit=SUBNETS_MAX):
        if address not in IPv4Network(subnet.range):
            continue
        owner = records.private_addresses.get(tx, account, region, subnet.id, int(address))
        interface = records.interfaces.get(tx, account, region, owner) if owner else None
        if interface is not None and interface.attachment is not None:
            return instances.get(tx, interface.account, interface.region, interface.attachment.instance)
    return None


def _token(call: Call, instance: Instance, path: str, headers: dict[str, str]) -> Answer:
    parts = path.strip("/").split("/")
    if len(parts) != 3 or parts[0] not in VERSIONS or parts[1:] != ["api", "token"]:
        return Answer(404)
    if "x-forwarded-for" in headers:
        return Answer(403)
    asked = headers.get(LIFETIME, "")
    seconds = natural(asked)
    if seconds is None or not 1 <= seconds <= tokens.SECONDS_MAX:
        return Answer(400)
    made = tokens.make(call.tx, instance.id, call.now, seconds)
    return Answer(200, made.encode(), ((LIFETIME, asked),), instance.metadata.hops)


def _body(call: Call, instance: Instance, path: str) -> bytes | None:
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "\n".join(VERSIONS).encode()
    version, *rest = parts
    if version not in VERSIONS:
        return None
    user_data = user_data_of(instance)
    if not rest:
        return "\n".join(name for name in FOLDERS if name != "user-data" or user_data is not None).encode()
    folder, *below = rest
    if folder == "user-data":
        return user_data if not below else None
    if folder == "meta-data" and below == ["public-keys"]:
        pair = key_pairs.named(call, instance.key_name) if instance.key_name else None
        return f"0={pair.name}".encode() if pair is not None else None
    trees = {"meta-data": data_of, "dynamic": dynamic_of}
    if folder not in trees:
        return None
    text = found(trees[folder](call, instance), below)
    return text.encode() if text is not None else None
