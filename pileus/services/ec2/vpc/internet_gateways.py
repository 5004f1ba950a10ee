"""Internet gateways: what joins a VPC to the edge.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Internet gateways".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import created, targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid
from . import quotas, records
from .defaults import operation, own
from .kinds import GATEWAY, VPC
from .records import InternetGateway
from .route_states import refresh
from .waking import changed

replace = msgspec.structs.replace


def show(call: Call, gateway: InternetGateway) -> dict[str, Any]:
    return {
        "InternetGatewayId": gateway.id,
        "OwnerId": gateway.account,
        "Attachments": [{"State": "available", "VpcId": gateway.vpc}] if gateway.vpc else [],
        "Tags": tags.show(gateway.tags),
    }


@operation("CreateInternetGateway", resource=created(GATEWAY))
def create_internet_gateway(call: Call, request: Request) -> dict[str, Any]:
    quotas.room(
        GATEWAY.all(call),
        quotas.GATEWAYS,
        "InternetGatewayLimitExceeded",
        "The maximum number of internet gateways has been reached.",
    )
    id = GATEWAY.new_id()
    given = tags.given(call, request, GATEWAY)[GATEWAY.type]
    return {"InternetGateway": show(call, GATEWAY.put(call, id, InternetGateway(**own(call, id, given))))}


@operation("DescribeInternetGateways")
def describe_internet_gateways(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, GATEWAY, ids="InternetGatewayIds", answer="InternetGateways", show=show)


def _parties(call: Call, request: Request) -> list[str]:
    gateway, vpc = request.get("InternetGatewayId") or "*", request.get("VpcId") or "*"
    return [GATEWAY.arn(call, gateway), VPC.arn(call, vpc)]


@operation("AttachInternetGateway", resource=_parties)
def attach_internet_gateway(call: Call, request: Request) -> None:
    gateway = GATEWAY.need(call, request["InternetGatewayId"])
    vpc = VPC.need(call, request["VpcId"])
    if gateway.vpc:
        raise Ec2Error(
            "Resource.AlreadyAssociated", f"resource {gateway.id} is already attached to network {gateway.vpc}"
        )
    found = records.internet_gateways.find(call.tx, records.gateway_of_vpc, call.account, call.region, vpc.id, limit=1)
    if next(found, None) is not None:
        raise invalid(f"Network {vpc.id} already has an internet gateway attached")
    GATEWAY.put(call, gateway.id, replace(gateway, vpc=vpc.id))
    refresh(call, vpc.id, gateway.id)
    changed(call, vpc.id)


@operation("DetachInternetGateway", resource=_parties)
def detach_internet_gateway(call: Call, request: Request) -> None:
    gateway = GATEWAY.need(call, request["InternetGatewayId"])
    vpc = VPC.need(call, request["VpcId"])
    if gateway.vpc != vpc.id:
        raise Ec2Error("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}")
    found = records.interfaces.find(
        call.tx, records.interfaces_of_vpc, call.account, call.region, vpc.id, limit=quotas.INTERFACES
    )
    if any(each.public is not None for _, interface in found for each in interface.addresses):
        raise Ec2Error(
            "DependencyViolation",
            f"Network {vpc.id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )
    GATEWAY.put(call, gateway.id, replace(gateway, vpc=""))
    refresh(call, vpc.id, gateway.id)
    changed(call, vpc.id)


@operation("DeleteInternetGateway", resource=targets(GATEWAY, "InternetGatewayId"))
def delete_internet_gateway(call: Call, request: Request) -> None:
    gateway = GATEWAY.need(call, request["InternetGatewayId"])
    if gateway.vpc:
        raise Ec2Error(
            "DependencyViolation", f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted."
        )
    GATEWAY.delete(call, gateway.id)
