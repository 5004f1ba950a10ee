"""What is kept of Reserved Instances. Their state follows from the clock, so nothing has to be done when it changes.

Fields and states: EC2 API Reference, "ReservedInstances", "ReservedInstancesModification"; Amazon EC2 User Guide, "Buy
Reserved Instances for Amazon EC2" (queued until the purchase time), "Modify Reserved Instances" (the original is
retired). Error codes: EC2 API Reference, "Error codes": InvalidReservedInstancesId.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.clock import iso_millis
from pileus.model.regions import zone_id
from pileus.service import Call
from pileus.store import Table

from ..kinds import Kind
from ..service import Ec2Error

PAYMENT_SECONDS = 60.0
"""How long a purchase is payment-pending. AWS does not say; nothing is paid here, since no price is known."""

YEAR_SECONDS = 31_536_000
REGION, ZONE = "Region", "Availability Zone"


class Reserved(msgspec.Struct, frozen=True):
    """`zone`: empty for a regional one. `start`: of a queued one, when it is to be bought. `end`: of one that was
    modified, when the new ones took over. `of`: the modification that it came of. `given_up`: its place in the queue
    was."""

    id: str
    type: str
    count: int
    start: float
    end: float
    duration: int
    offering_class: str
    payment: str
    zone: str = ""
    of: str = ""
    given_up: bool = False
    tags: dict[str, str] = {}

    @property
    def scope(self) -> str:
        return ZONE if self.zone else REGION

    def state(self, now: float) -> str:
        if self.given_up:
            return "queued-deleted"
        if now < self.start:
            return "queued"
        if now >= self.end:
            return "retired"
        if not self.of and now < self.start + PAYMENT_SECONDS:
            return "payment-pending"
        return "active"


class Target(msgspec.Struct, frozen=True):
    """What a modification made: `reserved` of so many of a type, in a zone or, if that is empty, the region."""

    reserved: str
    type: str
    count: int
    zone: str = ""


class Modification(msgspec.Struct, frozen=True):
    id: str
    made: float
    effective: float
    before: list[str]
    after: list[Target]
    token: str = ""


reservations = Table("ec2.reserved", Reserved)  # account, region, id
modifications = Table("ec2.reserved.modifications", Modification)  # account, region, id


class _Reservations(Kind[Reserved]):
    """Their ids are UUIDs, without a prefix."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.form = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def new_id(self) -> str:
        return ids.request_id()

    def unknown(self, lost: list[str]) -> Ec2Error:
        return Ec2Error(self.noun, f"The specified Reserved Instance(s) do not exist: {', '.join(lost)}")


reserved_kind = _Reservations(
    "reserved",
    "reserved-instances",
    "InvalidReservedInstancesId",
    "Reserved Instance",
    reservations,
    filters={
        "availability-zone": lambda one: [one.zone] if one.zone else [],
        "availability-zone-id": lambda one: [zone_id(one.zone)] if one.zone else [],
        "duration": lambda one: [str(one.duration)],
        "end": lambda one: [f"{iso_millis(one.end)}Z"],
        "instance-type": lambda one: [one.type],
        "scope": lambda one: [one.scope],
        "product-description": lambda one: [PRODUCT],
        "reserved-instances-id": lambda one: [one.id],
        "start": lambda one: [f"{iso_millis(one.start)}Z"],
    },
    keys=lambda call, one: {
        "ec2:AvailabilityZone": one.zone or None,
        "ec2:InstanceType": one.type,
        "ec2:ReservedInstancesOfferingType": one.payment,
        "ec2:Tenancy": "default",
    },
)

PRODUCT = "Linux/UNIX"
"""The only platform that Pileus runs."""

PRICELESS = "no price is known until Pileus has prices"


def refuse_prices(filters: list[dict[str, Any]]) -> None:
    """Raises Unsupported for a filter by a price."""
    for given in filters:
        if given.get("Name") in ("fixed-price", "usage-price"):
            raise Ec2Error("Unsupported", f"The filter '{given['Name']}' cannot be used: {PRICELESS}.")


def filters_at(call: Call) -> dict[str, Callable[[Any], Iterable[str | None]]]:
    """Those of the record, and its state at the time of the call."""
    return {**reserved_kind.filters, "state": lambda one: [one.state(call.now)]}
