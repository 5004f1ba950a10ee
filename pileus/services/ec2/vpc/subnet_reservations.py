"""Reserving a range of a subnet: its addresses are given only to who names them.

Source: EC2 API Reference, "CreateSubnetCidrReservation", "DeleteSubnetCidrReservation", "GetSubnetCidrReservations";
Amazon VPC User Guide, "Subnet CIDR reservations" (what is in use when a range is reserved, or is given up, stays).
"""

from typing import Any

from pileus.service import Call

from .. import tags
from ..filters import chosen
from ..kinds import targets
from ..listing import cut
from ..service import Request, invalid
from . import ranges
from .defaults import operation, own
from .kinds import SUBNET
from .range_reservations import RESERVATION, Reservation, reservations_in


def _show(one: Reservation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SubnetCidrReservationId": one.id,
        "SubnetId": one.subnet,
        "Cidr": one.range,
        "ReservationType": one.type,
        "OwnerId": one.account,
        **tags.shown(one.tags),
    }
    return shown | ({"Description": one.description} if one.description else {})


@operation(
    "CreateSubnetCidrReservation",
    resource=targets(SUBNET, "SubnetId"),
    partial="IPv4; interfaces have no prefixes, so that of the type prefix nothing is given out unasked either",
)
def create_subnet_cidr_reservation(call: Call, request: Request) -> dict[str, Any]:
    subnet = SUBNET.need(call, request["SubnetId"])
    network = ranges.parsed(request["Cidr"], "cidr")
    if not ranges.within(network, [subnet.range]):
        raise invalid(f"The CIDR '{network}' is not within the range of the subnet '{subnet.id}', {subnet.range}.")
    if ranges.overlapping(network, [one.range for one in reservations_in(call, subnet.id)]):
        raise invalid(f"The CIDR '{network}' overlaps with another reservation of the subnet '{subnet.id}'.")
    given = tags.given(call, request, RESERVATION)[RESERVATION.type]
    id = RESERVATION.new_id()
    made = Reservation(
        subnet=subnet.id,
        range=str(network),
        type=request["ReservationType"],
        description=request.get("Description") or "",
        **own(call, id, given),
    )
    return {"SubnetCidrReservation": _show(RESERVATION.put(call, id, made))}


@operation("DeleteSubnetCidrReservation")
def delete_subnet_cidr_reservation(call: Call, request: Request) -> dict[str, Any]:
    gone = RESERVATION.need(call, request["SubnetCidrReservationId"])
    RESERVATION.delete(call, gone.id)
    return {"DeletedSubnetCidrReservation": _show(gone)}


@operation("GetSubnetCidrReservations")
def get_subnet_cidr_reservations(call: Call, request: Request) -> dict[str, Any]:
    subnet = SUBNET.need(call, request["SubnetId"])
    keep = chosen(RESERVATION, request)
    found = [(one.id, one) for one in reservations_in(call, subnet.id) if keep(one)]
    items, token = cut(call, request, f"reservations/{subnet.id}", found)
    shown = {"SubnetIpv4CidrReservations": [_show(one) for one in items], "SubnetIpv6CidrReservations": []}
    return {**shown, **({"NextToken": token} if token else {})}
