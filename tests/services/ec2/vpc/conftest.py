"""A cloud whose networks are only remembered, and a way to look at what they were told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tests.conftest
from pileus.app import App
from pileus.drivers import Drivers
from pileus.drivers.absent import Absent
from pileus.drivers.networks.fake import FakeNetworks
from pileus.services.ec2.vpc.compiling import network_of
from tests.conftest import REGION, TestCloud

ACCOUNT = "000000000000"


class NetworkedCloud(TestCloud):
    """`networks`: the driver. `compiled` gives a VPC as the driver would be told it."""

    def __init__(self, data_dir: Path, **options: Any):
        self.networks = FakeNetworks()
        super().__init__(data_dir, **options)

    def compiled(self, vpc: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        def work(tx: Any) -> Any:
            return network_of(tx, account, region, vpc, self.networks.edge_address)

        return self.run(self.app.store.transact(work))

    def look(self, work: Any) -> Any:
        """What `work(tx)` finds in the store."""
        return self.run(self.app.store.transact(work))


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NetworkedCloud]:
    made: list[NetworkedCloud] = []

    def app(*given: Any) -> App:
        absent: Any = Absent()
        return App(*given, drivers=Drivers(absent, absent, networks))

    networks = FakeNetworks()
    monkeypatch.setattr(tests.conftest, "App", app)
    cloud = NetworkedCloud(tmp_path)
    cloud.networks = networks
    made.append(cloud)
    yield cloud
    cloud.stop()


@pytest.fixture
def ec2(cloud: NetworkedCloud) -> Any:
    return cloud.client("ec2")
