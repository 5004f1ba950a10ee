"""Buying Reserved Instances, telling of them, and giving up a place in the queue.

Source: EC2 API Reference, "PurchaseReservedInstancesOffering", "DescribeReservedInstances",
"DeleteQueuedReservedInstances"; Amazon EC2 User Guide, "Queue your purchase" (regional ones, up to three years ahead),
"Reserved Instance quotas" (new ones in a month: 20 for the region, 20 for each zone).
"""

from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.model.regions import zone_id
from pileus.service import Call

from ..filters import compiled
from ..kinds import targets
from ..service import Ec2Error, Request, combination, invalid, operation
from ..tags import shown as shown_tags
from .offerings import named
from .records import PRICELESS, PRODUCT, YEAR_SECONDS, Reserved, filters_at, refuse_prices, reserved_kind

QUOTA = 20
AHEAD_SECONDS = 3 * YEAR_SECONDS
replace = msgspec.structs.replace


def show(call: Call, one: Reserved) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ReservedInstancesId": one.id,
        "InstanceType": one.type,
        "InstanceCount": one.count,
        "ProductDescription": PRODUCT,
        "InstanceTenancy": "default",
        "OfferingClass": one.offering_class,
        "OfferingType": one.payment,
        "Scope": one.scope,
        "State": one.state(call.now),
        "Start": one.start,
        "End": one.end,
        "Duration": one.duration,
        "CurrencyCode": "USD",
        **shown_tags(one.tags),
    }
    if one.zone:
        shown |= {"AvailabilityZone": one.zone, "AvailabilityZoneId": zone_id(one.zone)}
    return shown


def _month(moment: float) -> str:
    return iso(moment)[:7]


def _check_quota(call: Call, zone: str, start: float, count: int) -> None:
    """What a modification made was not bought."""
    month = _month(start)
    bought = sum(
        one.count
        for one in reserved_kind.all(call)
        if one.zone == zone and not one.of and not one.given_up and _month(one.start) == month
    )
    if bought + count > QUOTA:
        raise Ec2Error(
            "ReservedInstancesLimitExceeded",
            f"Your current quota does not allow you to purchase the required number of reserved instances: {QUOTA} a "
            f"month {'in ' + zone if zone else 'in the region'}, of which {bought} are taken.",
        )


def _start(call: Call, request: Request, zone: str) -> float:
    at = request.get("PurchaseTime")
    now = float(int(call.now))
    if at is None:
        return now
    moment = float(int(at))
    if moment < now:
        raise invalid("The purchase time must not be in the past.")
    if moment > now + AHEAD_SECONDS:
        raise invalid("The purchase time must be within three years.")
    if zone:
        raise combination("Only the purchase of regional Reserved Instances can be queued: leave PurchaseTime out.")
    return moment


@operation(
    "PurchaseReservedInstancesOffering",
    partial=f"without LimitPrice: {PRICELESS}; nothing is paid, and no bill is lower for it yet",
)
def purchase_reserved_instances_offering(call: Call, request: Request) -> dict[str, Any]:
    if "LimitPrice" in request:
        raise Ec2Error("Unsupported", f"Pileus cannot keep to a LimitPrice, since {PRICELESS}: leave it out.")
    offering, count = named(call, request["ReservedInstancesOfferingId"]), request["InstanceCount"]
    if count < 1:
        raise invalid(f"Value ({count}) for parameter instanceCount is invalid. It must be at least 1.")
    start = _start(call, request, offering.zone)
    _check_quota(call, offering.zone, start, count)
    made = Reserved(
        reserved_kind.new_id(),
        offering.type,
        count,
        start,
        start + offering.duration,
        offering.duration,
        offering.offering_class,
        offering.payment,
        offering.zone,
    )
    return {"ReservedInstancesId": reserved_kind.put(call, made.id, made).id}


@operation("DescribeReservedInstances", partial=f"without FixedPrice, UsagePrice, RecurringCharges: {PRICELESS}")
def describe_reserved_instances(call: Call, request: Request) -> dict[str, Any]:
    refuse_prices(request.get("Filters") or [])
    keep = compiled(request.get("Filters") or [], filters_at(call))
    ids = request.get("ReservedInstancesIds")
    known = reserved_kind.need_all(call, ids) if ids else list(reserved_kind.all(call))
    wanted = {"offering_class": request.get("OfferingClass"), "payment": request.get("OfferingType")}
    shown = [
        show(call, one)
        for one in known
        if keep(one) and all(value is None or getattr(one, name) == value for name, value in wanted.items())
    ]
    return {"ReservedInstances": shown}


@operation("DeleteQueuedReservedInstances", resource=targets(reserved_kind, "ReservedInstancesIds"))
def delete_queued_reserved_instances(call: Call, request: Request) -> dict[str, Any]:
    done, failed = [], []
    for id in dict.fromkeys(request["ReservedInstancesIds"]):
        one = reserved_kind.get(call, id)
        if one is not None and one.state(call.now) == "queued":
            reserved_kind.put(call, id, replace(one, given_up=True))
            done.append({"ReservedInstancesId": id})
            continue
        code = "reserved-instances-id-invalid" if one is None else "reserved-instances-not-in-queued-state"
        why = "does not exist" if one is None else "is not queued"
        error = {"Code": code, "Message": f"The Reserved Instance {id} {why}."}
        failed.append({"ReservedInstancesId": id, "Error": error})
    return {"SuccessfulQueuedPurchaseDeletions": done, "FailedQueuedPurchaseDeletions": failed}
