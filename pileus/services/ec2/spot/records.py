"""What is kept of Spot requests.

Fields and states: EC2 API Reference, "SpotInstanceRequest"; Amazon EC2 User Guide, "Spot Instance request status".
"""

from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Table

from ..kinds import Kind


class SpotRequest(msgspec.Struct, frozen=True):
    """`state`: active, cancelled, closed. `launch`: what it asked for, as it was given. `price`: the most that the
    caller would pay, as given; empty for the on-demand price."""

    id: str
    created: float
    state: str
    instance: str
    zone: str
    launch: dict[str, Any]
    price: str = ""
    tags: dict[str, str] = {}


spot_requests = Table("ec2.spot_requests", SpotRequest)
spot_kind: Kind[SpotRequest] = Kind(
    "sir",
    "spot-instances-request",
    "InvalidSpotInstanceRequestID",
    "spot instance request",
    spot_requests,
    filters={
        "spot-instance-request-id": lambda one: [one.id],
        "state": lambda one: [one.state],
        "instance-id": lambda one: [one.instance],
        "launched-availability-zone": lambda one: [one.zone],
        "launch.instance-type": lambda one: [one.launch.get("InstanceType")],
        "launch.image-id": lambda one: [one.launch.get("ImageId")],
        "type": lambda one: ["one-time"],
        "product-description": lambda one: ["Linux/UNIX"],
    },
)


def record(call: Call, instance: str, zone: str, launch: dict[str, Any], price: str, tags: dict[str, str]) -> str:
    """The request behind an instance that is launched now. Its id."""
    made = SpotRequest(spot_kind.new_id(), call.now, "active", instance, zone, launch, price, tags)
    return spot_kind.put(call, made.id, made).id
