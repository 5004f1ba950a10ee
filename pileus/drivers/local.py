"""All three drivers of this host."""

from pathlib import Path

from pileus.drivers import Drivers
from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.networks.namespaces import NamespaceNetworks
from pileus.drivers.volumes.pool import PoolVolumes


def local(home: Path, tag: str, images: Path, pool_size: int) -> Drivers:
    """`home`: where they keep what they need to know; `tag`: marks what they leave on the host; `images`: the cache of
    built images; `pool_size`: bytes."""
    volumes = PoolVolumes(home, tag, images, pool_size)
    return Drivers(RuncMachines(home, tag), volumes, NamespaceNetworks(home, tag))
