"""What EC2's control plane costs with a thousand machines on record: launches, a full description, its pages, and what
it takes until all of them run.

Until then no reconciler runs and no driver is asked: what is measured are the answers. Gateway and store are the real
ones, drivers are in memory, the client is a plain socket.
"""

import asyncio
import statistics
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from xml.etree import ElementTree

from pileus.app import App, open_store
from pileus.base.clock import SystemClock
from pileus.catalog import SERVICES, Catalog
from pileus.drivers import Drivers
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.networks.fake import FakeNetworks
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.settings import Settings

from . import signing

Figures = dict[str, float]
VERSION, NAMESPACE = "2016-11-15", "{http://ec2.amazonaws.com/doc/2016-11-15}"
MACHINES, AT_ONCE, PAGE = 1_000, 50, 100


class Cloud:
    """A cloud in a thread of this process."""

    def __init__(self, folder: Path):
        self._settings = Settings(data_dir=folder, port=0)
        begun: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(begun)), daemon=True)
        self._thread.start()
        self.port = begun.result(60)

    async def _main(self, begun: "Future[int]") -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        volumes = FakeVolumes()
        drivers = Drivers(FakeMachines(volumes), volumes, FakeNetworks())
        self.app = App(self._settings, open_store(self._settings), SystemClock(), Catalog(SERVICES), drivers)
        port = await self.app.listen()
        begun.set_result(port)
        await self._end.wait()
        await self.app.stop()

    def work(self) -> None:
        """Lets the reconcilers run, from here on."""
        asyncio.run_coroutine_threadsafe(self.app.work(), self._loop).result(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)


def ask(cloud: Cloud, client: signing.Client, action: str, **more: str) -> ElementTree.Element:
    return ElementTree.fromstring(client.call(signing.form(cloud.port, "ec2", action, VERSION, **more)))


def timed(cloud: Cloud, client: signing.Client, rounds: int, action: str, **more: str) -> float:
    """The median of some rounds, in ms."""
    took = []
    for _ in range(rounds):
        raw = signing.form(cloud.port, "ec2", action, VERSION, **more)
        begin = time.perf_counter()
        client.call(raw)
        took.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(took)


def measure() -> dict[str, Figures]:
    with tempfile.TemporaryDirectory(prefix="bench-machines-") as folder:
        cloud = Cloud(Path(folder))
        client = signing.Client(cloud.port)
        try:
            return _measured(cloud, client)
        finally:
            client.close()
            cloud.stop()


def _measured(cloud: Cloud, client: signing.Client) -> dict[str, Figures]:
    image = ask(cloud, client, "DescribeImages", **{"Owner.1": "amazon"}).find(f".//{NAMESPACE}imageId")
    assert image is not None
    assert image.text
    given = {"ImageId": image.text, "InstanceType": "t3.micro", "MaxCount": "1", "MinCount": "1"}
    launch = timed(cloud, client, 20, "RunInstances", **given)
    begin = time.perf_counter()
    for _ in range((MACHINES - 20) // AT_ONCE):
        ask(cloud, client, "RunInstances", **{**given, "MinCount": str(AT_ONCE), "MaxCount": str(AT_ONCE)})
    ask(cloud, client, "RunInstances", **{**given, "MinCount": "30", "MaxCount": "30"})
    recorded = time.perf_counter() - begin
    pages, token = [], ""
    while True:
        asked = {"MaxResults": str(PAGE), **({"NextToken": token} if token else {})}
        raw = signing.form(cloud.port, "ec2", "DescribeInstances", VERSION, **asked)
        begin = time.perf_counter()
        answer = client.call(raw)
        pages.append((time.perf_counter() - begin) * 1e3)
        found = ElementTree.fromstring(answer).find(f"{NAMESPACE}nextToken")
        if found is None or not found.text:
            break
        token = found.text
    described = {
        "DescribeInstances of 1,000": {
            "all ms": timed(cloud, client, 9, "DescribeInstances"),
            "one by id ms": timed(cloud, client, 50, "DescribeInstances", **{"InstanceId.1": _any(cloud, client)}),
            "by state ms": timed(
                cloud, client, 9, "DescribeInstances",
                **{"Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "pending"},
            ),
        },
        f"Pages of {PAGE}": {"first ms": pages[0], "median ms": statistics.median(pages), "last ms": pages[-1]},
    }  # fmt: skip
    launched = {"one ms": launch, "1,000 recorded s": recorded, "1,000 running after s": _booted(cloud)}
    return {"RunInstances": launched, **described}


def _booted(cloud: Cloud) -> float:
    """Seconds from the reconcilers' begin until all of them run."""
    drivers = cloud.app.cloud.drivers
    begin = time.perf_counter()
    cloud.work()
    while len(drivers.machines.ids()) < MACHINES:
        time.sleep(0.05)
    return time.perf_counter() - begin


def _any(cloud: Cloud, client: signing.Client) -> str:
    found = ask(cloud, client, "DescribeInstances", MaxResults="5").find(f".//{NAMESPACE}instanceId")
    assert found is not None
    assert found.text
    return found.text
