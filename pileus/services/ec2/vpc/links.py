"""What is kept of ways out of a network: NAT gateways, peerings, endpoints; and of prefix lists.

Part of `records`, through which the others read it.
"""

import msgspec

from pileus.store import Index, Table

from .things import Thing


class NatGateway(Thing, frozen=True, kw_only=True):
    """`state`: pending, available, failed (then `failure` says why), deleting, deleted."""

    vpc: str
    subnet: str
    public: bool
    state: str
    interface: str
    private: str
    address: str = ""
    allocation: str = ""
    association: str = ""
    failure: str = ""
    failure_code: str = ""
    deleted: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    cidr: str
    description: str = ""


class PrefixList(Thing, frozen=True, kw_only=True):
    """`versions`: entries by number, the highest is in force. `owner`: the account, or 'AWS'."""

    name: str
    owner: str
    max_entries: int
    state: str = "create-complete"
    versions: dict[int, tuple[Entry, ...]]

    @property
    def version(self) -> int:
        return max(self.versions)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.versions[self.version]


class Side(msgspec.Struct, frozen=True):
    account: str
    region: str
    vpc: str
    ranges: tuple[str, ...]
    dns: bool = False


class Peering(Thing, frozen=True, kw_only=True):
    """Kept under both sides' (account, region); tags are each side's own. `status`: pending-acceptance, active,
    rejected, deleted, expired, failed."""

    requester: Side
    accepter: Side
    status: str
    message: str
    expires: float
    ended: float = 0.0


class Endpoint(Thing, frozen=True, kw_only=True):
    """Of type Gateway. `kind`: 's3', 'dynamodb'."""

    vpc: str
    service: str
    kind: str
    tables: tuple[str, ...]
    policy: str
    deleted: float = 0.0


nat_gateways = Table(
    "ec2.nat_gateways",
    NatGateway,
    watched=True,
    indexes=(
        nats_of_vpc := Index[NatGateway]("ec2.nat_gateways.of_vpc", lambda key, nat: [(*key[:2], nat.vpc, nat.id)]),
    ),
)
prefix_lists = Table("ec2.prefix_lists", PrefixList)
peerings = Table(
    "ec2.peerings",
    Peering,
    watched=True,
    indexes=(
        peerings_of_vpc := Index[Peering](
            "ec2.peerings.of_vpc",
            lambda key, peering: [
                (*key[:2], side.vpc, peering.id)
                for side in (peering.requester, peering.accepter)
                if (side.account, side.region) == key[:2]
            ],
        ),
    ),
)
endpoints = Table(
    "ec2.endpoints",
    Endpoint,
    indexes=(
        endpoints_of_vpc := Index[Endpoint](
            "ec2.endpoints.of_vpc", lambda key, endpoint: [(*key[:2], endpoint.vpc, endpoint.id)]
        ),
    ),
)
