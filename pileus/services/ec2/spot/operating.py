"""The operations on Spot requests.

Source: EC2 API Reference, "RequestSpotInstances", "DescribeSpotInstanceRequests", "CancelSpotInstanceRequests" (an
instance runs on when its request is cancelled).
"""

from typing import Any

import msgspec

from pileus.service import Call

from ..heeding import Heeded
from ..instances import launching
from ..instances.records import instance_kind
from ..kinds import targets
from ..listing import select
from ..service import Ec2Error, Request, invalid, operation
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from ..tokens import made_before, remember
from .records import SpotRequest, spot_kind

replace = msgspec.structs.replace
PARTIAL = "fulfilled at once, at any price: there is no moving price yet, and nobody is interrupted"
STATUS = {
    "active": ("fulfilled", "Your Spot request is fulfilled."),
    "cancelled": ("request-canceled-and-instance-running", "Your Spot request is canceled; its instance runs on."),
    "closed": ("instance-terminated-by-user", "Your Spot Instance was terminated because you terminated it."),
}


def _show(call: Call, one: SpotRequest) -> dict[str, Any]:
    """A request whose instance has ended is closed, or was cancelled before."""
    instance = instance_kind.get(call, one.instance)
    ended = instance is None or not instance.there
    state = "closed" if ended and one.state == "active" else one.state
    code, message = STATUS["closed" if ended else state]
    launch = {key: value for key, value in one.launch.items() if key in ("ImageId", "InstanceType", "KeyName")}
    shown: dict[str, Any] = {
        "SpotInstanceRequestId": one.id,
        "InstanceId": one.instance,
        "CreateTime": one.created,
        "State": state,
        "Status": {"Code": code, "Message": message, "UpdateTime": one.created},
        "Type": "one-time",
        "ProductDescription": "Linux/UNIX",
        "LaunchedAvailabilityZone": one.zone,
        "InstanceInterruptionBehavior": "terminate",
        "LaunchSpecification": launch,
        **shown_tags(one.tags),
    }
    if one.price:
        shown["SpotPrice"] = one.price
    return shown


@operation(
    "RequestSpotInstances",
    resource=lambda call, request: [spot_kind.arn(call, "*"), instance_kind.arn(call, "*")],
    partial=PARTIAL,
)
def request_spot_instances(call: Call, request: Request) -> dict[str, Any]:
    before = made_before(call, request)
    if before is not None:
        return {"SpotInstanceRequests": [_show(call, spot_kind.need(call, id)) for id in before]}
    if request.get("Type") not in (None, "one-time"):
        raise Ec2Error("Unsupported", "Pileus has one-time spot requests only.")
    if request.get("InstanceInterruptionBehavior") not in (None, "terminate"):
        raise Ec2Error("Unsupported", "Pileus interrupts nobody: leave InstanceInterruptionBehavior out.")
    price, count = price_of(request.get("SpotPrice")), request.get("InstanceCount") or 1
    given = request.get("LaunchSpecification")
    if given is None:
        raise Ec2Error("MissingParameter", "The request must contain the parameter LaunchSpecification")
    tags = given_tags(call, request, spot_kind)[spot_kind.type]
    market = {"MarketType": "spot", "SpotOptions": {"MaxPrice": price} if price else {}}
    specifications = [
        {"ResourceType": spot_kind.type, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    ]
    wanted = {**given.plain(), "MinCount": count, "MaxCount": count, "InstanceMarketOptions": market}
    if tags:
        wanted["TagSpecifications"] = specifications
    made = launching.run(call, Heeded(wanted))
    ids = [one["SpotInstanceRequestId"] for one in made["Instances"]]
    remember(call, request, ids)
    return {"SpotInstanceRequests": [_show(call, spot_kind.need(call, id)) for id in ids]}


def price_of(text: str | None) -> str:
    """As it was given; checked."""
    if not text:
        return ""
    try:
        amount = float(text)
    except ValueError:
        raise invalid(f"Invalid value '{text}' for spotPrice: a number of dollars an hour.") from None
    if not amount > 0:
        raise invalid(f"Invalid value '{text}' for spotPrice: it must be greater than 0.")
    return text


@operation("DescribeSpotInstanceRequests")
def describe_spot_instance_requests(call: Call, request: Request) -> dict[str, Any]:
    records, token = select(call, request, spot_kind, ids="SpotInstanceRequestIds", exclusive=True)
    shown = [_show(call, one) for one in records]
    return {"SpotInstanceRequests": shown, **({"NextToken": token} if token else {})}


@operation("CancelSpotInstanceRequests", resource=targets(spot_kind, "SpotInstanceRequestIds"))
def cancel_spot_instance_requests(call: Call, request: Request) -> dict[str, Any]:
    """The instance runs on."""
    shown = []
    for one in spot_kind.need_all(call, request["SpotInstanceRequestIds"]):
        spot_kind.put(call, one.id, replace(one, state="cancelled"))
        shown.append({"SpotInstanceRequestId": one.id, "State": "cancelled"})
    return {"CancelledSpotInstanceRequests": shown}
