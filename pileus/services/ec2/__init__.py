"""Amazon EC2: machines, their images, disks and networks."""

from pileus.control import Reconciler

from . import key_pairs, regions, tags, vpc
from .adopting import begin
from .images import describing as images
from .instances import describing, launching, lifecycle, profiles
from .instances.running import RunMachines
from .instances.types import types
from .service import ec2
from .volumes.keeping import KeepVolumes


def reconcilers() -> list[Reconciler]:
    """EC2's background work, for the composition root."""
    return [*vpc.reconcilers(), KeepVolumes(), RunMachines()]


__all__ = [
    "begin",
    "describing",
    "ec2",
    "images",
    "key_pairs",
    "launching",
    "lifecycle",
    "profiles",
    "reconcilers",
    "regions",
    "tags",
    "types",
    "vpc",
]
