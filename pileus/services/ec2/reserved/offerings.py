"""DescribeReservedInstancesOfferings: what can be bought, derived from the table of types and never kept.

Every type is offered for one and three years, standard and convertible, with each of the three ways to pay, for the
region and for each of its zones. The id of an offering is a digest of what it is, its first part one of the type: so it
is found again without a walk over all. Source: EC2 API Reference, "DescribeReservedInstancesOfferings",
"ReservedInstancesOffering"; Amazon EC2 User Guide, "Reserved Instances for Amazon EC2 overview".
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pileus.model import regions
from pileus.service import Call
from pileus.service.paginate import BadToken, paginate

from ..filters import compiled
from ..instances.types import types
from ..listing import page_size
from ..regions import zone_of
from ..service import Ec2Error, Request, combination, invalid, operation
from .records import PRICELESS, PRODUCT, REGION, YEAR_SECONDS, ZONE, refuse_prices

CLASSES = ("convertible", "standard")
PAYMENTS = ("All Upfront", "No Upfront", "Partial Upfront")
DURATIONS = (YEAR_SECONDS, 3 * YEAR_SECONDS)
DURATION_LEAST, DURATION_MOST = 2_592_000, 94_608_000
PAGE_MOST = 100
_TYPE_DIGITS = 12

Place = tuple[str, str, str, int, str]
"""(type, zone or '', class, duration, payment): also the order in which offerings are listed."""


class Offering(msgspec.Struct, frozen=True):
    region: str
    type: str
    zone: str
    offering_class: str
    duration: int
    payment: str

    @property
    def place(self) -> Place:
        return self.type, self.zone, self.offering_class, self.duration, self.payment

    @property
    def scope(self) -> str:
        return ZONE if self.zone else REGION

    @property
    def id(self) -> str:
        whole = hashlib.sha256(repr((self.region, *self.place)).encode()).hexdigest()
        text = _of_type(self.region, self.type) + whole[: 32 - _TYPE_DIGITS]
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _of_type(region: str, type: str) -> str:
    return hashlib.sha256(f"{region} {type}".encode()).hexdigest()[:_TYPE_DIGITS]


def _all(region: str, names: Iterable[str]) -> Iterator[Offering]:
    """In the order of their places."""
    for name in sorted(names):
        for zone in ("", *regions.zones(region)):
            for offering_class in CLASSES:
                for duration in DURATIONS:
                    for payment in PAYMENTS:
                        yield Offering(region, name, zone, offering_class, duration, payment)


def named(call: Call, id: str) -> Offering:
    """Raises InvalidReservedInstancesOfferingId."""
    begin = id.replace("-", "")[:_TYPE_DIGITS]
    of = [name for name in types() if _of_type(call.region, name) == begin]
    for offering in _all(call.region, of):
        if offering.id == id:
            return offering
    raise Ec2Error(
        "InvalidReservedInstancesOfferingId", f"The specified Reserved Instances offering does not exist: {id}"
    )


FILTERS: dict[str, Any] = {
    "availability-zone": lambda one: [one.zone] if one.zone else [],
    "availability-zone-id": lambda one: [regions.zone_id(one.zone)] if one.zone else [],
    "duration": lambda one: [str(one.duration)],
    "instance-type": lambda one: [one.type],
    "marketplace": lambda one: ["false"],
    "product-description": lambda one: [PRODUCT],
    "reserved-instances-offering-id": lambda one: [one.id],
    "scope": lambda one: [one.scope],
}


def _show(one: Offering) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ReservedInstancesOfferingId": one.id,
        "InstanceType": one.type,
        "ProductDescription": PRODUCT,
        "InstanceTenancy": "default",
        "OfferingClass": one.offering_class,
        "OfferingType": one.payment,
        "Duration": one.duration,
        "Scope": one.scope,
        "CurrencyCode": "USD",
        "Marketplace": False,
    }
    if one.zone:
        shown |= {"AvailabilityZone": one.zone, "AvailabilityZoneId": regions.zone_id(one.zone)}
    return shown


def _wanted(call: Call, request: Request) -> dict[str, Any]:
    """Attribute of an offering -> what the request's own members ask it to be."""
    if "AvailabilityZone" in request and "AvailabilityZoneId" in request:
        raise combination("Only one of AvailabilityZone and AvailabilityZoneId may be given.")
    found: dict[str, Any] = {
        "zone": zone_of(call, request.get("AvailabilityZone"), request.get("AvailabilityZoneId")),
        "type": request.get("InstanceType"),
        "offering_class": request.get("OfferingClass"),
        "payment": request.get("OfferingType"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _sold(request: Request) -> bool:
    """Whether anything is sold of the platform and the tenancy that are asked for."""
    tenancy = request.get("InstanceTenancy") or "default"
    if tenancy == "host":
        raise invalid("Value (host) for parameter instanceTenancy is invalid. It is default or dedicated.")
    return tenancy == "default" and request.get("ProductDescription") in (None, PRODUCT)


@operation(
    "DescribeReservedInstancesOfferings", partial=f"without FixedPrice, UsagePrice, RecurringCharges: {PRICELESS}"
)
def describe_reserved_instances_offerings(call: Call, request: Request) -> dict[str, Any]:
    """There is no marketplace here, so that IncludeMarketplace adds nothing; nor does MaxInstanceCount take anything
    away, which is about the marketplace's lots: of the cloud's own offerings any number can be asked for."""
    request.get("IncludeMarketplace")
    request.get("MaxInstanceCount")
    refuse_prices(request.get("Filters") or [])
    keep = compiled(request.get("Filters") or [], FILTERS, tagged=False)
    wanted, sold = _wanted(call, request), _sold(request)
    least = request.get("MinDuration") or DURATION_LEAST
    most = request.get("MaxDuration") or DURATION_MOST
    ids = request.get("ReservedInstancesOfferingIds") or []
    size, token = page_size(request, least=1, most=PAGE_MOST), request.get("NextToken")
    of = [wanted["type"]] if wanted.get("type") in types() else list(types())
    chosen = sorted((named(call, id) for id in dict.fromkeys(ids)), key=lambda one: one.place)

    def passes(one: Offering) -> bool:
        plain = all(getattr(one, name) == value for name, value in wanted.items())
        return sold and plain and least <= one.duration <= most and keep(one)

    def rows(after: tuple[Any, ...] | None, limit: int) -> Iterable[tuple[tuple[Any, ...], Offering]]:
        # All of them at once: they are made, not read, and `paginate` takes no more than it needs.
        known = chosen if ids else _all(call.region, of)
        return ((one.place, one) for one in known if after is None or one.place > tuple(after))

    try:
        page = paginate(rows, purpose=f"offerings/{call.region}", token=token or None, limit=size, keep=passes)
    except BadToken:
        raise invalid("Unable to parse pagination token") from None
    shown = [_show(one) for one in page.items]
    return {"ReservedInstancesOfferings": shown, **({"NextToken": page.next_token} if page.next_token else {})}
