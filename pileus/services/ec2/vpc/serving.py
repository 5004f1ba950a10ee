"""What the cloud itself answers inside a network: the metadata service, and its API at endpoints and at the edge."""

from typing import NamedTuple

import orjson

from pileus.store import Transaction

from . import records
from .compiling import EDGE_API, EDGE_DYNAMODB, EDGE_OF, EDGE_S3

OPEN_POLICY = orjson.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
).decode()

EDGE_NUMBERS = (EDGE_API, EDGE_S3, EDGE_DYNAMODB)


class Wanted(NamedTuple):
    """`since`: when the network was made. `endpoints`: id -> number of the edge's address it stands for. `internet`:
    whether the network is joined to the edge."""

    since: float
    endpoints: dict[str, int]
    internet: bool


def policy_of(tx: Transaction, account: str, region: str, endpoint: str) -> str:
    """The policy that what comes through the endpoint must pass; '' lets everything through."""
    found = records.endpoints.get(tx, account, region, endpoint)
    return found.policy if found is not None and found.policy != OPEN_POLICY else ""


def wanted(tx: Transaction, account: str, region: str, vpc: str) -> Wanted | None:
    """None while there is no network."""
    since = records.realized.get(tx, account, region, vpc)
    if since is None:
        return None
    found = records.endpoints.find(tx, records.endpoints_of_vpc, account, region, vpc)
    gateways = records.internet_gateways.find(tx, records.gateway_of_vpc, account, region, vpc)
    return Wanted(
        since,
        {each.id: EDGE_OF[each.kind] for _, each in found if not each.deleted},
        next(iter(gateways), None) is not None,
    )
