"""Networks: VPCs and what is in them, told to a driver that makes them real."""

from pileus.control import Reconciler

from .realizing import RealizeNetworks


def reconcilers() -> list[Reconciler]:
    """The background work of networks."""
    return [RealizeNetworks()]


__all__ = ["reconcilers"]
