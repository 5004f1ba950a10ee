"""What is kept of images.

Fields: EC2 API Reference, "Image", "BlockDeviceMapping".
"""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.base.clock import iso_millis
from pileus.service import Call
from pileus.store import Index, Table

from ..filters import boolean, nobodys, same
from ..kinds import Kind
from ..volumes.records import AMAZON_ACCOUNT


class Disk(msgspec.Struct, frozen=True):
    """A block device mapping: of a volume (`size` GiB, maybe from `snapshot`), of an instance store disk (`virtual`:
    'ephemeral0'), or of none (`none`: a mapping of the image is left out)."""

    device: str
    snapshot: str = ""
    size: int = 0
    type: str = ""
    iops: int = 0
    throughput: int = 0
    delete_on_termination: bool = True
    encrypted: bool | None = None
    key: str = ""
    virtual: str = ""
    none: bool = False


class Image(msgspec.Struct, frozen=True):
    """`origin`: the built image in the pool, of the cloud's own images. `owner`: an account, or 'amazon'. `launchers`:
    accounts that may launch it; 'all' for everybody. `state`: pending, available, failed, disabled.
    `protected`: from being deregistered; `cooldown`: for how many seconds more, once that is taken back."""

    id: str
    name: str
    owner: str
    region: str
    state: str
    created: float
    root_device: str
    disks: list[Disk]
    architecture: str = "x86_64"
    description: str = ""
    origin: str = ""
    launchers: list[str] = []
    deprecated: float = 0.0
    protected: bool = False
    protected_until: float = 0.0
    cooldown: float = 0.0
    source_image: str = ""
    source_region: str = ""
    source_instance: str = ""
    reason: str = ""
    imds_v2: bool = False
    last_launched: float = 0.0
    tags: dict[str, str] = {}

    @property
    def public(self) -> bool:
        return "all" in self.launchers

    @property
    def protection(self) -> str:
        if not self.protected:
            return "disabled"
        return "enabled-with-cooldown" if self.cooldown else "enabled-without-cooldown"


by_image_id: Index[Image] = Index("ec2.images.by_id", lambda key, record: [(record.id,)])
images_of_snapshot: Index[Image] = Index(
    "ec2.images.with_snapshot",
    lambda key, record: [(disk.snapshot, record.id) for disk in record.disks if disk.snapshot],
)
images_of_name: Index[Image] = Index(
    "ec2.images.of_name",
    lambda key, record: [] if record.state == "failed" else [(record.owner, record.region, record.name)],
)
images = Table("ec2.images", Image, watched=True, indexes=(by_image_id, images_of_snapshot, images_of_name))


def _disks(read: Any) -> Any:
    return lambda image: [read(disk) for disk in image.disks if not disk.virtual]


class _Images(Kind[Image]):
    def behind(self, call: Call, id: str) -> Image | None:
        """Anybody's, for who uses an image is seldom its owner; the cloud's own are looked up by `also`."""
        own = self.also(call, id)
        if own is not None:
            return own
        return next((record for _, record in images.find(call.tx, by_image_id, id, limit=1)), None)

    also: Callable[[Call, str], Image | None] = staticmethod(lambda call, id: None)


image_kind = _Images(
    "ami",
    "image",
    "InvalidAMIID",
    "image",
    images,
    accountless=True,
    filters={
        "image-id": lambda image: [image.id],
        "name": lambda image: [image.name],
        "description": lambda image: [image.description],
        "architecture": lambda image: [image.architecture],
        "state": lambda image: [image.state],
        "is-public": lambda image: [boolean(image.public)],
        "owner-id": lambda image: [image.owner if image.owner != "amazon" else AMAZON_ACCOUNT],
        "owner-alias": lambda image: ["amazon"] if image.owner == "amazon" else [],
        "image-type": lambda image: ["machine"],
        "virtualization-type": lambda image: ["hvm"],
        "hypervisor": lambda image: ["xen"],
        "root-device-name": lambda image: [image.root_device],
        "root-device-type": lambda image: ["ebs"],
        "ena-support": lambda image: ["true"],
        "source-instance-id": lambda image: [image.source_instance] if image.source_instance else [],
        "source-image-id": lambda image: [image.source_image] if image.source_image else [],
        "source-image-region": lambda image: [image.source_region] if image.source_image else [],
        "state-reason-code": lambda image: ["Server.InternalError"] if image.reason else [],
        "state-reason-message": lambda image: [image.reason] if image.reason else [],
        **same("simple", "sriov-net-support"),
        **nobodys("kernel-id", "platform", "product-code", "product-code.type", "ramdisk-id"),
        "creation-date": lambda image: [written(image.created)],
        "block-device-mapping.device-name": _disks(lambda disk: disk.device),
        "block-device-mapping.snapshot-id": _disks(lambda disk: disk.snapshot),
        "block-device-mapping.volume-size": _disks(lambda disk: str(disk.size)),
        "block-device-mapping.volume-type": _disks(lambda disk: disk.type),
        "block-device-mapping.delete-on-termination": _disks(lambda disk: boolean(disk.delete_on_termination)),
        "block-device-mapping.encrypted": _disks(lambda disk: boolean(bool(disk.encrypted))),
    },
    keys=lambda call, image: {
        "ec2:ImageID": image.id,
        "ec2:Owner": image.owner,
        "ec2:Public": image.public,
        "ec2:ImageType": "machine",
        "ec2:RootDeviceType": "ebs",
    },
)


def written(moment: float) -> str:
    """A moment as CreationDate shows it: '2026-11-28T11:40:00.000Z'."""
    return f"{iso_millis(moment)}Z"
