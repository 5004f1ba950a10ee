"""Amazon EC2: machines, their images, disks and networks."""

from pileus.control import Reconciler

from . import regions, tags, vpc
from .service import ec2


def reconcilers() -> list[Reconciler]:
    """EC2's background work, for the composition root."""
    return [*vpc.reconcilers()]


__all__ = ["ec2", "reconcilers", "regions", "tags", "vpc"]
