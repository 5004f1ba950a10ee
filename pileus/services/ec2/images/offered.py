"""The images that the cloud itself offers, to everybody and in every region, under ids that never change.

`unknown_images` of the settings names one of them for templates that speak of AMI ids of AWS's own: such an id, well
formed and unknown here, then stands for it. Source of the parameter names: Debian, "Cloud/AmazonEC2Image"; AWS Systems
Manager User Guide, "Working with public parameters".
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from pileus.service import Call

from ..kinds import HEX_DIGITS
from ..service import Ec2Error
from .records import Disk, Image, by_image_id, image_kind, images

ROOT_DEVICE = "/dev/xvda"
AMAZON = "amazon"
ROOT_GIB = 8
MADE = 1_795_824_000.0
"""When they were first offered: the same in every cloud (2026-11-28)."""


@dataclass(frozen=True)
class Offer:
    """`origin`: of the built image. `parameters`: public parameters of Systems Manager whose value is its id."""

    origin: str
    name: str
    description: str
    parameters: tuple[str, ...]


OFFERS = (
    Offer(
        "debian-12",
        "debian-12-amd64-20261128-2026",
        "Debian 12 (bookworm) amd64: systemd, cloud-init, sshd; the user is admin",
        (
            "/aws/service/debian/release/12/latest/amd64",
            "/aws/service/debian/release/bookworm/latest/amd64",
        ),
    ),
)


def _id(prefix: str, region: str, offer: Offer) -> str:
    digest = hashlib.sha256(f"{region}/{offer.origin}/{offer.name}".encode()).hexdigest()
    return f"{prefix}-0{digest[: HEX_DIGITS - 1]}"


@lru_cache(maxsize=64)
def offered(region: str) -> dict[str, Image]:
    """By id."""
    made = [
        Image(
            id=_id("ami", region, offer),
            name=offer.name,
            owner=AMAZON,
            region=region,
            state="available",
            created=MADE,
            root_device=ROOT_DEVICE,
            disks=[Disk(ROOT_DEVICE, _id("snap", region, offer), ROOT_GIB, "gp2")],
            description=offer.description,
            origin=offer.origin,
            launchers=["all"],
        )
        for offer in OFFERS
    ]
    return {image.id: image for image in made}


def parameters(region: str) -> dict[str, str]:
    """Public parameter name -> image id."""
    return {name: _id("ami", region, offer) for offer in OFFERS for name in offer.parameters}


def may_launch(call: Call, image: Image) -> bool:
    return image.owner == call.account or image.public or call.account in image.launchers


def found(call: Call, id: str) -> Image | None:
    """An image that the caller may see, in the region of the call."""
    own = offered(call.region).get(id)
    if own is not None:
        return own
    for _, image in images.find(call.tx, by_image_id, id, limit=1):
        if image.region == call.region and may_launch(call, image):
            return image
    return None


def launchable(call: Call, id: str) -> Image:
    """The image to launch for an id. Raises InvalidAMIID.Malformed, .NotFound, .Unavailable."""
    image = found(call, id)
    if image is None:
        if image_kind.form.fullmatch(id) is None:
            raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{id}" (expecting "ami-...")')
        for offer in OFFERS:
            if offer.origin == call.cloud.unknown_images:
                return offered(call.region)[_id("ami", call.region, offer)]
        raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{id}]' does not exist")
    if image.state != "available":
        raise Ec2Error("InvalidAMIID.Unavailable", f"The image ID '{id}' is no longer available.")
    return image
