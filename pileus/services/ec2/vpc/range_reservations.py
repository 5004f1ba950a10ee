"""What is kept of ranges of a subnet that its owner gives out by hand: nobody gets an address of them unasked."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from pileus.service import Call
from pileus.store import Index, Table

from ..kinds import Kind
from .things import Thing


class Reservation(Thing, frozen=True, kw_only=True):
    """`type`: 'explicit' or 'prefix'."""

    subnet: str
    range: str
    type: str
    description: str = ""


reservations = Table(
    "ec2.subnets.reservations",
    Reservation,
    indexes=(
        of_subnet := Index[Reservation](
            "ec2.subnets.reservations.of_subnet", lambda key, one: [(*key[:2], one.subnet, one.id)]
        ),
    ),
)

RESERVATION: Kind[Reservation] = Kind(
    "scr",
    "subnet-cidr-reservation",
    "InvalidSubnetCidrReservationID",
    "subnet CIDR reservation",
    reservations,
    {"reservationType": lambda one: [one.type], "subnet-id": lambda one: [one.subnet]},
)

Spans = Sequence[tuple[int, int]]
"""(first, last) addresses, as numbers."""


def reservations_in(call: Call, subnet: str) -> list[Reservation]:
    return [one for _, one in reservations.find(call.tx, of_subnet, call.account, call.region, subnet)]


def spans_in(call: Call, subnet: str) -> Spans:
    networks = sorted(IPv4Network(one.range) for one in reservations_in(call, subnet))
    return [(int(each[0]), int(each[-1])) for each in networks]


def past(number: int, spans: Spans) -> int:
    """The number, or the first behind the spans that it is in. The spans are in order and do not overlap."""
    for first, last in spans:
        if first <= number <= last:
            number = last + 1
    return number
