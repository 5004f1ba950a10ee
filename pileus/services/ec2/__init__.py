"""Amazon EC2: machines, their images, disks and networks."""

from pileus.control import Reconciler

from . import absent, key_pairs, regions, settled, tags, vpc
from .adopting import begin
from .images import allowed, making, retiring, sharing
from .images import describing as images
from .images.completing import CompleteImages
from .instances import (
    attributes,
    credits,
    describing,
    launching,
    lifecycle,
    metadata_defaults,
    profiles,
    requirements,
    status,
)
from .instances import images as image_metadata
from .instances.running import RunMachines
from .instances.types import types
from .placement import operating as placement
from .reserved import modifying, offerings, purchasing
from .service import ec2
from .spot import operating as spot
from .templates import operating as templates
from .volumes import defaults, public_access, snapshots
from .volumes import operating as volumes
from .volumes.keeping import KeepVolumes
from .volumes.storing import RemoveSnapshots, StoreSnapshots


def reconcilers() -> list[Reconciler]:
    """EC2's background work, for the composition root."""
    return [*vpc.reconcilers(), KeepVolumes(), StoreSnapshots(), RemoveSnapshots(), RunMachines(), CompleteImages()]


__all__ = [
    "absent",
    "allowed",
    "attributes",
    "begin",
    "cpu",
    "credits",
    "defaults",
    "describing",
    "ec2",
    "hostnames",
    "image_metadata",
    "images",
    "key_pairs",
    "launching",
    "lifecycle",
    "making",
    "metadata_defaults",
    "modifying",
    "offerings",
    "placement",
    "profiles",
    "public_access",
    "purchasing",
    "reconcilers",
    "regions",
    "replacing",
    "requirements",
    "retiring",
    "settled",
    "sharing",
    "snapshots",
    "spot",
    "status",
    "tags",
    "templates",
    "types",
    "volumes",
    "vpc",
]
