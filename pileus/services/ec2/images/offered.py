"""The images that the cloud itself offers, to everybody and in every region, under ids that never change.

`unknown_images` of the settings names one of them for templates that speak of AMI ids of AWS's own: such an id, well
formed and unknown here, then stands for it.
"""

from functools import lru_cache

import msgspec

from pileus.model.images import OFFERS, parameters
from pileus.service import Call

from ..service import Ec2Error, invalid
from ..volumes.records import AMAZON
from .allowed import allowed
from .records import Disk, Image, by_image_id, image_kind, images

ROOT_DEVICE = "/dev/xvda"
ROOT_GIB = 8


@lru_cache(maxsize=64)
def offered(region: str) -> dict[str, Image]:
    """By id."""
    made = [
        Image(
            id=offer.id("ami", region),
            name=offer.name,
            owner=AMAZON,
            region=region,
            state="available",
            created=offer.made,
            root_device=ROOT_DEVICE,
            disks=[Disk(ROOT_DEVICE, offer.id("snap", region), ROOT_GIB, "gp2")],
            description=offer.description,
            origin=offer.origin,
            launchers=["all"],
        )
        for offer in OFFERS
    ]
    return {image.id: image for image in made}


image_kind.also = lambda call, id: offered(call.region).get(id)


def may_launch(call: Call, image: Image) -> bool:
    mine = image.owner == call.account
    return mine or ((image.public or call.account in image.launchers) and allowed(call, image))


def found(call: Call, id: str, region: str = "") -> Image | None:
    """An image that the caller may see, in the region of the call or another one."""
    own = offered(region or call.region).get(id)
    if own is not None:
        return own if allowed(call, own) else None
    for _, image in images.find(call.tx, by_image_id, id, limit=1):
        if image.region == (region or call.region) and may_launch(call, image):
            return image
    return None


NOTED_SECONDS = 86_400.0


def launched_now(call: Call, image: Image) -> Image:
    """Notes when an image was launched last: to the day, as AWS does."""
    if image.owner == AMAZON or call.now < image.last_launched + NOTED_SECONDS:
        return image
    noted = msgspec.structs.replace(image, last_launched=call.now)
    images.put(call.tx, image.owner, image.region, image.id, record=noted)
    return noted


RESOLVED = "resolve:ssm:"


def resolved(call: Call, id: str) -> str:
    """An image id; of the name of a public parameter ('resolve:ssm:/aws/service/…'), the id that it has."""
    if not id.startswith(RESOLVED):
        return id
    name = id.removeprefix(RESOLVED)
    parameter = parameters(call.region).get(name)
    if parameter is None:
        raise invalid(f"Value ({id}) for parameter ImageId is invalid: the parameter {name} does not exist.")
    return parameter[0]


def _for_unknown(call: Call, id: str) -> Image | None:
    """What stands for an id that means nothing here. One that the account may not use means something."""
    if image_kind.behind(call, id) is not None:
        return None
    for offer in OFFERS:
        if offer.origin == call.cloud.unknown_images:
            image = offered(call.region)[offer.id("ami", call.region)]
            return image if allowed(call, image) else None
    return None


def launchable(call: Call, id: str) -> Image:
    """The image to launch for an id. Raises InvalidAMIID.Malformed, .NotFound, .Unavailable."""
    image = found(call, id)
    if image is None:
        if image_kind.form.fullmatch(id) is None:
            raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{id}" (expecting "ami-...")')
        other = _for_unknown(call, id)
        if other is not None:
            return other
        raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{id}]' does not exist")
    if image.state != "available":
        raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{id}' is no longer available.")
    return image
