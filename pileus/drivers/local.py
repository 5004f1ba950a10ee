"""The drivers of this very host: containers, a pool of disks, network namespaces."""

from pathlib import Path

from pileus.drivers import Drivers
from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.volumes.pool import DEFAULT_SIZE, IMAGES, PoolVolumes


def local(
    home: Path, tag: str, images: Path = IMAGES, pool_size: int = DEFAULT_SIZE, *, outward: bool = False
) -> Drivers:
    """`home`: where all they keep is. `tag`: marks what they make on the host; no other cloud here has the same.
    `images`: the cache of built machine images. `pool_size`: bytes that all disks together may take.
    `outward`: networks lead to the world beyond this host."""
    from pileus.drivers.networks.namespaces import NamespaceNetworks  # heavy, and asked for only where it is used

    return Drivers(
        machines=RuncMachines(home, tag),
        volumes=PoolVolumes(home, tag, images, pool_size),
        networks=NamespaceNetworks(home, tag, outward),
    )
