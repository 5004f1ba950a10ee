"""A cloud whose networks are in the kernel, and whose machines are namespaces of the test's."""

from pathlib import Path
from typing import Any

from pileus.drivers import Drivers
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.services.ec2.vpc.compiling import network_of
from tests.conftest import REGION, TestCloud
from tests.drivers.networks.conftest import Site
from tests.drivers.networks.guests import Guest

ACCOUNT = "000000000000"


def cloud_on(folder: Path, site: Site) -> TestCloud:
    def drivers() -> Drivers:
        volumes = FakeVolumes()
        return Drivers(FakeMachines(volumes), volumes, site.networks)

    return TestCloud(folder / "cloud", drivers=drivers)


def plugged_into(cloud: TestCloud, site: Site, *vpcs: str) -> dict[str, Guest]:
    """A machine at every attached interface of the VPCs, by the interface's id, once their networks are there."""
    cloud.settle()
    edge = site.networks.edge_address

    def compiled(tx: Any) -> list[Any]:
        return [network_of(tx, ACCOUNT, REGION, vpc, edge) for vpc in vpcs]

    networks = cloud.run(cloud.app.store.transact(compiled))
    return {each.id: site.plug(network, each) for network in networks for each in network.interfaces}
