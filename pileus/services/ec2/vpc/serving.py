"""What the cloud itself answers inside a network: the metadata service, and its API at endpoints and at the edge."""

from typing import NamedTuple

from pileus.store import Transaction

from . import records
from .compiling import EDGE_API, EDGE_DYNAMODB, EDGE_OF, EDGE_S3

EDGE_NUMBERS = (EDGE_API, EDGE_S3, EDGE_DYNAMODB)


class Wanted(NamedTuple):
    """`since`: when the network was made. `endpoints`: id -> number of the edge's address it stands for. `internet`:
    whether the network is joined to the edge."""

    since: float
    endpoints: dict[str, int]
    internet: bool


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
