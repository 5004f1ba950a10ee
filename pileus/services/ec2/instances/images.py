"""DescribeInstanceImageMetadata: what the images of instances are like by now.

Source: EC2 API Reference, "DescribeInstanceImageMetadata", "ImageMetadata". Of an image that was deregistered the id is
left.
"""

from typing import Any

from pileus.model.regions import zone_id
from pileus.service import Call

from ..filters import boolean, compiled
from ..images import allowed
from ..images.offered import offered
from ..images.records import Image, by_image_id, images, written
from ..listing import select
from ..service import Request, operation
from ..tags import shown as shown_tags
from ..volumes.records import AMAZON, AMAZON_ACCOUNT
from . import showing
from .records import Instance, instance_kind

OF_INSTANCE = (
    "availability-zone",
    "availability-zone-id",
    "instance-id",
    "instance-state-name",
    "instance-type",
    "launch-time",
)


def _image(call: Call, instance: Instance) -> Image | None:
    """Whoever may use it now."""
    own = offered(instance.region).get(instance.image)
    return own or next((image for _, image in images.find(call.tx, by_image_id, instance.image, limit=1)), None)


def _show_image(call: Call, id: str, image: Image | None) -> dict[str, Any]:
    if image is None:
        return {"ImageId": id, "State": "deregistered"}
    shown: dict[str, Any] = {
        "ImageId": id,
        "Name": image.name,
        "OwnerId": AMAZON_ACCOUNT if image.owner == AMAZON else image.owner,
        "State": image.state,
        "CreationDate": written(image.created),
        "IsPublic": image.public,
        **allowed.shown(call, image),
    }
    if image.owner == AMAZON:
        shown["ImageOwnerAlias"] = AMAZON
    return shown | ({"DeprecationTime": written(image.deprecated)} if image.deprecated else {})


def _show(call: Call, instance: Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.type,
        "LaunchTime": instance.launched,
        "AvailabilityZone": instance.zone,
        "ZoneId": zone_id(instance.zone),
        "State": showing.state(instance),
        "OwnerId": instance.account,
        "ImageMetadata": _show_image(call, instance.image, _image(call, instance)),
        **shown_tags(instance.tags),
    }


@operation("DescribeInstanceImageMetadata")
def describe_instance_image_metadata(call: Call, request: Request) -> dict[str, Any]:
    def owner(instance: Instance) -> list[str | None]:
        image = _image(call, instance)
        return [image.owner] if image is not None else []

    def usable(instance: Instance) -> list[str | None]:
        image = _image(call, instance)
        return [boolean(image is not None and allowed.passes(call, image))]

    known = {name: read for name, read in instance_kind.filters.items() if name in OF_INSTANCE}
    known |= {
        "image-allowed": usable,
        "owner-alias": lambda one: [AMAZON] if AMAZON in owner(one) else [],
        "owner-id": lambda one: [AMAZON_ACCOUNT if name == AMAZON else name for name in owner(one)],
        "zone-id": instance_kind.filters["availability-zone-id"],
    }
    keep = compiled(request.get("Filters") or [], known)
    records, token = select(call, request, instance_kind, ids="InstanceIds", keep=keep)
    shown = [_show(call, record) for record in records]
    return {"InstanceImageMetadata": shown, **({"NextToken": token} if token else {})}
