"""One telling of a network serves all who asked before it began."""

import asyncio
import threading

import pytest

from pileus.drivers.api import Unable
from pileus.services.ec2.vpc import realizing
from tests.conftest import REGION
from tests.services.ec2.vpc.conftest import ACCOUNT

PATIENCE = 60


class Gate:
    """Stands where the driver is: each telling waits in it, and what was told is kept."""

    def __init__(self, cloud):
        self.told, self.begun, self.open = [], threading.Semaphore(0), threading.Semaphore(0)
        self.networks = cloud.drivers.networks
        self._ensure = self.networks.ensure
        self.fails = ""

    def ensure(self, network):
        self.begun.release()
        assert self.open.acquire(timeout=PATIENCE)
        if self.fails:
            raise Unable(self.fails)
        self.told.append(network)
        self._ensure(network)

    async def is_reached(self):
        assert await asyncio.to_thread(self.begun.acquire, True, PATIENCE)


@pytest.fixture
def vpc(cloud, ec2, plugged):
    """A VPC with one interface that is attached, told to the driver."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    plugged(ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"])
    cloud.settle()
    return vpc


@pytest.fixture
def gate(cloud, vpc, monkeypatch):
    made = Gate(cloud)
    monkeypatch.setattr(cloud.drivers.networks, "ensure", made.ensure)
    return made


@pytest.fixture
def ask(cloud, vpc):
    """Begins a call of `realize` that tells the driver in any case; on the cloud's own event loop."""
    return lambda: asyncio.create_task(realizing.realize(cloud.app.cloud, ACCOUNT, REGION, vpc, anew=True))


def test_many_who_ask_at_once_are_served_by_one_telling_after_the_one_under_way(cloud, gate, ask):
    async def story():
        first = ask()
        await gate.is_reached()
        others = [ask() for _ in range(15)]
        await asyncio.sleep(0)
        gate.open.release()
        await first
        assert not any(one.done() for one in others), "what they wrote may not have been in the first"
        await gate.is_reached()
        gate.open.release()
        await asyncio.gather(*others)
        assert len(gate.told) == 2

    cloud.run(story())


def test_what_was_written_while_one_is_told_is_told_before_its_writer_goes_on(cloud, ec2, vpc, gate, ask):
    async def begin():
        task = ask()
        await gate.is_reached()
        return task

    first = cloud.run(begin())
    group = ec2.create_security_group(GroupName="late", Description="late", VpcId=vpc)["GroupId"]

    async def end():
        second = ask()
        gate.open.release(2)
        await asyncio.gather(first, second)

    cloud.run(end())
    assert group not in {one.id for one in gate.told[0].groups}
    assert group in {one.id for one in gate.told[1].groups}


def test_all_who_asked_hear_that_the_host_cannot(cloud, gate, ask):
    async def story():
        gate.fails = "no room"
        asked = [ask() for _ in range(4)]
        gate.open.release(4)
        for one in asked:
            with pytest.raises(Unable, match="no room"):
                await one

    cloud.run(story())
    gate.fails = ""


def test_when_who_tells_is_stopped_another_tells(cloud, gate, ask):
    async def story():
        first = ask()
        await gate.is_reached()
        second, third = ask(), ask()
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        gate.open.release(3)
        await asyncio.gather(first, third)
        assert second.cancelled()
        assert len(gate.told) == 2

    cloud.run(story())


def test_a_network_that_did_not_change_is_not_told_again(cloud, vpc, gate):
    async def story():
        for _ in range(5):
            await realizing.realize(cloud.app.cloud, ACCOUNT, REGION, vpc)

    cloud.run(story())
    assert gate.told == []
