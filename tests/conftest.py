"""A cloud in a thread, as tests want it: a free port, a fresh store, a clock that can be moved on, real clients."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pileus.app import App, open_store
from pileus.base.clock import SystemClock
from pileus.catalog import SERVICES, Catalog
from pileus.drivers import Drivers
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.networks.fake import FakeNetworks
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.settings import Settings

REGION = "us-east-1"


def fake_drivers() -> Drivers:
    """Machines, disks and networks in memory: the contract tests prove them equal to the real ones."""
    volumes = FakeVolumes()
    return Drivers(FakeMachines(volumes), volumes, FakeNetworks())


class TestCloud:
    """A running cloud with machines in memory, unless it is given other drivers. `client` gives boto3 clients,
    `advance` moves its clock on, `restart` starts it again on the same files."""

    __test__ = False

    def __init__(
        self,
        data_dir: Path,
        services: Mapping[str, Any] = SERVICES,
        drivers: Callable[[], Drivers] | None = None,
        **options: Any,
    ):
        self.services = services
        self._make_drivers, self._fakes = drivers, None if drivers else fake_drivers()
        self.settings = Settings(data_dir=data_dir, port=0, **options)
        self.app: App
        self.port = 0
        self._start()

    def _start(self) -> None:
        started: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        self.port = started.result(30)

    def _run(self, started: "Future[int]") -> None:
        asyncio.set_event_loop(self._loop)

        async def main() -> None:
            try:
                # Real machines outlive the cloud and are found again by new drivers; those in memory are kept for that.
                drivers = self._fakes or (self._make_drivers() if self._make_drivers is not None else None)
                store = open_store(self.settings)
                self.app = App(self.settings, store, SystemClock(), Catalog(self.services), drivers)
                self._stop = asyncio.Event()
                port = await self.app.listen()
                await self.app.work()
                started.set_result(port)
            except BaseException as error:
                started.set_exception(error)
                raise
            await self._stop.wait()
            await self.app.stop()

        self._loop.run_until_complete(main())
        self._loop.close()

    @property
    def drivers(self) -> Drivers:
        return self.app.cloud.drivers

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(
        self, service: str, key: str = "test", secret: str = "test", token: str | None = None, **options: Any
    ) -> Any:
        options.setdefault("region_name", REGION)
        settings = Config(retries={"max_attempts": 0}, read_timeout=30, connect_timeout=5)
        settings = settings.merge(options.pop("config", Config()))
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=settings,
            **options,
        )

    def run(self, coroutine: Any) -> Any:
        """Runs a coroutine on the cloud's own event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def advance(self, seconds: float) -> None:
        """Moves the cloud's clock on and lets the reconcilers finish what became due."""

        async def move() -> None:
            await self.app.store.transact(lambda tx: self.app.advance(tx, seconds))
            await asyncio.sleep(0)
            await self.app.loop.run_until_idle()

        self.run(move())

    def settle(self) -> None:
        """Lets the reconcilers finish what is due."""
        self.run(self.app.loop.run_until_idle())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def restart(self) -> None:
        self.stop()
        self._start()


@pytest.fixture(scope="module")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCloud]:
    """One cloud for a module's tests that do not move its clock or count what is in it."""
    cloud = TestCloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[TestCloud]:
    cloud = TestCloud(tmp_path)
    yield cloud
    cloud.stop()
