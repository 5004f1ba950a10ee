"""What a launch tells policies of each thing that it uses and makes.

Source: Service Authorization Reference, "Condition keys for Amazon EC2" (RunInstances: which key tells of which
resource); Amazon EC2 User Guide, "Example policies to control access: launch templates".
"""

from typing import Any

from pileus.service import Call, must_allow

from ..images.records import Disk
from ..kinds import TOLD
from ..placement.records import placement_kind
from ..templates.applying import applied
from ..templates.records import named, template_kind
from ..volumes.records import volume_kind
from ..vpc.kinds import INTERFACE
from .joins import Place
from .types import DEFAULT_TYPE

_SAID_BY = {
    "image": ("ImageId",),
    "subnet": ("SubnetId", "NetworkInterfaces"),
    "security-group": ("SecurityGroupIds", "SecurityGroups", "NetworkInterfaces"),
    "key-pair": ("KeyName",),
    "volume": ("BlockDeviceMappings",),
    "network-interface": ("NetworkInterfaces",),
    "placement-group": ("Placement",),
    "instance": ("InstanceType", "IamInstanceProfile", "MetadataOptions", "Placement", "UserData"),
}
"""Members of a request that take the choice of a resource away from the template."""


def told(call: Call, type: str) -> dict[str, Any]:
    """Of what the operation is authorised on first, and of the template behind all of it."""
    given = call.request.get("LaunchTemplate")
    request, _ = applied(call, call.request)
    known: dict[str, Any] = {}
    if given is not None:
        template = named(call, given.get("LaunchTemplateId"), given.get("LaunchTemplateName"))
        known["ec2:LaunchTemplate"] = template_kind.arn(call, template.id)
        known["ec2:IsLaunchTemplateResource"] = not any(name in call.request for name in _SAID_BY.get(type, ()))
    if type != "instance":
        return known
    placement, options = request.get("Placement") or {}, request.get("MetadataOptions") or {}
    market = (request.get("InstanceMarketOptions") or {}).get("MarketType")
    hops = options.get("HttpPutResponseHopLimit")
    return known | {
        "ec2:InstanceType": request.get("InstanceType") or DEFAULT_TYPE,
        "ec2:AvailabilityZone": placement.get("AvailabilityZone"),
        "ec2:PlacementGroup": _group(call, placement),
        "ec2:Tenancy": placement.get("Tenancy") or "default",
        "ec2:EbsOptimized": bool(request.get("EbsOptimized")),
        "ec2:InstanceProfile": _profile(call, request),
        "ec2:InstanceMarketType": market or "on-demand",
        "ec2:MetadataHttpTokens": options.get("HttpTokens"),
        "ec2:MetadataHttpEndpoint": options.get("HttpEndpoint"),
        "ec2:MetadataHttpPutResponseHopLimit": None if hops is None else str(hops),
        "ec2:RootDeviceType": "ebs",
    }


TOLD["RunInstances"] = told


def _group(call: Call, placement: dict[str, Any]) -> str | None:
    asked = placement.get("GroupName") or placement.get("GroupId")
    return placement_kind.arn(call, asked) if asked else None


def _profile(call: Call, request: dict[str, Any]) -> str | None:
    profile = request.get("IamInstanceProfile") or {}
    if profile.get("Arn") or not profile.get("Name"):
        return profile.get("Arn") or None
    return f"arn:{call.partition}:iam::{call.account}:instance-profile/{profile['Name']}"


def may_make(call: Call, wanted: list[Disk], place: Place) -> None:
    """Each disk and each new interface is asked for by itself. Raises UnauthorizedOperation."""
    action, zone = call.operation.action, place.subnet.zone
    for disk in wanted:
        if not disk.virtual:
            context = {
                "ec2:VolumeSize": str(disk.size) if disk.size else None,
                "ec2:VolumeType": disk.type or "gp2",
                "ec2:VolumeIops": str(disk.iops) if disk.iops else None,
                "ec2:VolumeThroughput": str(disk.throughput) if disk.throughput else None,
                "ec2:Encrypted": bool(disk.encrypted),
                "ec2:AvailabilityZone": zone,
                "ec2:ParentSnapshot": f"arn:{call.partition}:ec2:{call.region}::snapshot/{disk.snapshot}"
                if disk.snapshot
                else None,
            }
            must_allow(call, action, volume_kind.arn(call, "*"), context=context)
    for wish in place.wishes:
        context = {
            "ec2:Subnet": f"arn:{call.partition}:ec2:{call.region}:{call.account}:subnet/{place.subnet.id}",
            "ec2:Vpc": f"arn:{call.partition}:ec2:{call.region}:{call.account}:vpc/{place.subnet.vpc}",
            "ec2:AvailabilityZone": zone,
            "ec2:AssociatePublicIpAddress": wish.public,
        }
        must_allow(call, action, INTERFACE.arn(call, wish.existing or "*"), context=context)
