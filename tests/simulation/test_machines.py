"""Machines, disks, snapshots and images under a simulated clock: seeded operations and background work, with crashes.

In the end everything has come to rest, the host has what the records say and nothing else, nothing was made twice, and
every snapshot holds the bytes of its moment.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pileus.base.clock import SimClock
from pileus.base.errors import ApiError
from pileus.blobs.files import FileBlobs
from pileus.catalog import Catalog
from pileus.control import Loop
from pileus.drivers import Drivers
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.networks.fake import FakeNetworks
from pileus.drivers.volumes.api import BLOCK
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.keyring import Keyring
from pileus.service import Call, Outside
from pileus.services import ec2 as service
from pileus.services.ec2 import ec2
from pileus.services.ec2.images.offered import offered
from pileus.services.ec2.images.records import images
from pileus.services.ec2.instances.records import instances
from pileus.services.ec2.instances.replacing import tasks
from pileus.services.ec2.volumes.records import blocks, removed, snapshots, volumes
from pileus.services.ec2.volumes.storing import read_block
from pileus.services.ec2.vpc import records as vpc
from pileus.store.memory import MemoryStore

from .asking import REGION, Permissive, call_of
from .crashes import Crash, CrashingStore

ZONE = f"{REGION}a"


class NowAndThen(CrashingStore):
    """Dies once in some hundred commits: after every start all records are looked at, and that must end some time."""

    left = 50

    async def transact(self, work: Any) -> Any:
        self.left -= 1
        if self.calm or self.left > 0:
            return await self._store.transact(work)
        self.left = self._random.randrange(20, 600)
        if self._random.random() < 0.5:
            raise Crash
        await self._store.transact(work)
        raise Crash


class Simulation:
    def __init__(self, seed: int, folder: Any):
        self.random = Random(seed)
        self.store = MemoryStore(Random(seed))
        self.clock = SimClock()
        self.crashing = NowAndThen(self.store, self.random)
        self.crashing.submit = self.store.submit
        self.blobs, self.keyring = FileBlobs(folder), Keyring()
        self.volumes = FakeVolumes()
        self.machines = FakeMachines(self.volumes)
        self.machines.at_once = 1 + seed % 3
        self.networks: dict[str, Any] = {}
        self.done: Counter[str] = Counter()
        self.crashes = self.written = self.named = 0
        self.moments: dict[str, dict[int, bytes]] = {}
        self.image = next(iter(offered(REGION)))
        self.unwatch = lambda: None
        self.start()

    def start(self) -> None:
        """A process over what store and host hold."""
        networks = FakeNetworks()
        networks.networks = self.networks
        drivers = Drivers(self.machines, self.volumes, networks)
        self.world = Permissive(
            store=self.crashing, clock=self.clock, services=Catalog(),
            drivers=drivers, blobs=self.blobs, keyring=self.keyring,
        )  # fmt: skip
        self.loop = Loop(self.world, service.reconcilers(), self.random.randrange(1 << 30))

    async def ask(self, name: str, **request: Any) -> Any:
        made: list[Call] = []

        def work(tx: Any) -> Any:
            made[:] = [call_of(self.world, tx, ec2.operations[name], request)]
            return made[0].operation.handler(made[0], request)

        try:
            answer = await self.store.transact(work)
            if isinstance(answer, Outside):
                if self.random.random() < 0.1:
                    self.done["died before the moment"] += 1
                    await self.begin_again()
                    return None
                answer = (await answer.work()).response
        except Crash:
            await self.begin_again()
            return None
        except ApiError as error:
            self.done[error.code] += 1
            return None
        self.done[name] += 1
        return answer

    async def all(self, table: Any, *key: str) -> list[Any]:
        return await self.store.transact(lambda tx: [record for _, record in table.scan(tx, *key, limit=100_000)])

    async def any(self, table: Any, keep: Any = lambda record: True) -> Any:
        found = sorted((record for record in await self.all(table) if keep(record)), key=_age)
        return self.random.choice(found) if found else None

    async def background(self, seconds: float) -> None:
        """Lets time pass; a process that dies is started again, and looks at what there is."""
        end = self.clock.now() + seconds
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                await self.begin_again()

    async def begin_again(self) -> None:
        while True:
            self.crashes += 1
            for task in list(self.loop._under_way.values()):
                task.cancel()
            await asyncio.gather(*self.loop._under_way.values(), return_exceptions=True)
            self.unwatch()
            self.start()
            try:
                self.unwatch = await service.begin(self.world)
                return
            except Crash:
                continue


def _age(record: Any) -> float:
    return next(getattr(record, name) for name in ("launched", "created", "started") if hasattr(record, name))


async def run(sim: Simulation) -> None:
    more = {}
    if sim.random.random() < 0.4:
        ebs = {"VolumeSize": 1, "DeleteOnTermination": sim.random.random() < 0.5}
        more["BlockDeviceMappings"] = [{"DeviceName": "/dev/sdh", "Ebs": ebs}]
    own = await sim.any(images, lambda image: image.state == "available")
    image = own.id if own is not None and sim.random.random() < 0.4 else sim.image
    kind = sim.random.choice(["t3.micro", "m5d.large"])
    count = sim.random.choice([1, 1, 2])
    await sim.ask(
        "RunInstances", ImageId=image, InstanceType=kind, MinCount=count, MaxCount=count,
        Placement={"AvailabilityZone": ZONE}, **more,
    )  # fmt: skip


def on_instance(name: str) -> Any:
    async def act(sim: Simulation) -> None:
        found = await sim.any(instances, lambda one: one.there)
        if found is not None:
            await sim.ask(name, InstanceIds=[found.id])

    return act


async def guest_acts(sim: Simulation) -> None:
    found = await sim.any(instances)
    if found is not None and sim.machines.observe(found.id).state == "running":
        act = sim.random.choice([sim.machines.guest_powers_off, sim.machines.guest_reboots, sim.machines.dies])
        act(found.id)
        sim.done[act.__name__] += 1


async def guest_writes(sim: Simulation) -> None:
    for _ in range(3):
        found = await sim.any(volumes)
        if found is not None and found.id in sim.volumes.ids():
            sim.written += 1
            sim.volumes.guest_writes(found.id, sim.random.randrange(1, 8), b"%d" % sim.written)


async def create_volume(sim: Simulation) -> None:
    snapshot = await sim.any(snapshots)
    more = {"SnapshotId": snapshot.id} if snapshot is not None and sim.random.random() < 0.6 else {"Size": 1}
    await sim.ask("CreateVolume", AvailabilityZone=ZONE, **more)


async def attach(sim: Simulation) -> None:
    volume, instance = await sim.any(volumes), await sim.any(instances)
    if volume is not None and instance is not None:
        device = f"/dev/sd{sim.random.choice('fghi')}"
        await sim.ask("AttachVolume", VolumeId=volume.id, InstanceId=instance.id, Device=device)


async def detach(sim: Simulation) -> None:
    volume = await sim.any(volumes, lambda one: one.attachment is not None)
    if volume is not None:
        await sim.ask("DetachVolume", VolumeId=volume.id, Force=sim.random.random() < 0.5)


async def delete_volume(sim: Simulation) -> None:
    volume = await sim.any(volumes)
    if volume is not None:
        await sim.ask("DeleteVolume", VolumeId=volume.id)


async def snapshot(sim: Simulation) -> None:
    volume = await sim.any(volumes)
    if volume is not None and volume.id in sim.volumes.ids():
        before = dict(sim.volumes._volumes[volume.id].blocks)
        made = await sim.ask("CreateSnapshot", VolumeId=volume.id)
        if made is not None:
            sim.moments[made["SnapshotId"]] = before


async def snapshot_all(sim: Simulation) -> None:
    found = await sim.any(instances, lambda one: len(one.disks) > 1)
    if found is not None:
        before = {id: dict(disk.blocks) for id, disk in sim.volumes._volumes.items()}
        made = await sim.ask("CreateSnapshots", InstanceSpecification={"InstanceId": found.id})
        for one in (made or {"Snapshots": []})["Snapshots"]:
            if one["VolumeId"] in before:
                sim.moments[one["SnapshotId"]] = before[one["VolumeId"]]


async def delete_snapshot(sim: Simulation) -> None:
    found = await sim.any(snapshots)
    if found is not None:
        await sim.ask("DeleteSnapshot", SnapshotId=found.id)


async def create_image(sim: Simulation) -> None:
    found = await sim.any(instances, lambda one: one.there)
    if found is not None:
        sim.named += 1
        await sim.ask("CreateImage", InstanceId=found.id, Name=f"image {sim.named}", NoReboot=sim.random.random() < 0.5)


async def deregister(sim: Simulation) -> None:
    found = await sim.any(images)
    if found is not None:
        await sim.ask("DeregisterImage", ImageId=found.id, DeleteAssociatedSnapshots=sim.random.random() < 0.5)


async def replace_root(sim: Simulation) -> None:
    found = await sim.any(instances, lambda one: one.state == "running" and one.disks)
    if found is None:
        return
    more: dict[str, Any] = {"DeleteReplacedRootVolume": sim.random.random() < 0.5}
    given = await sim.any(volumes, lambda one: one.state == "available" and one.snapshot)
    if given is not None and sim.random.random() < 0.3:
        more["VolumeId"] = given.id
    await sim.ask("CreateReplaceRootVolumeTask", InstanceId=found.id, **more)


ACTIONS = [
    run, run, on_instance("StopInstances"), on_instance("StartInstances"), on_instance("StartInstances"),
    on_instance("RebootInstances"), on_instance("TerminateInstances"), guest_acts, guest_writes, guest_writes,
    guest_writes, create_volume, attach, attach, detach, delete_volume, snapshot, snapshot, snapshot_all,
    delete_snapshot, create_image, deregister, replace_root, replace_root,
]  # fmt: skip


async def simulate(seed: int, folder: Any) -> Simulation:
    sim = Simulation(seed, folder)
    sim.unwatch = await service.begin(replace(sim.world, store=sim.store))
    for _ in range(100):
        await sim.random.choice(ACTIONS)(sim)
        if sim.random.random() < 0.4:
            await sim.background(sim.random.choice([0.0, 1.0, 10.0, 90.0]))
    sim.crashing.calm = True
    await sim.background(300.0)
    sim.unwatch()
    return sim


async def check(sim: Simulation) -> None:
    there = {one.id: one for one in await sim.all(instances)}
    disks = {one.id: one for one in await sim.all(volumes)}
    taken = {one.id: one for one in await sim.all(snapshots)}
    assert {one.state for one in there.values()} <= {"running", "stopped", "terminated"}
    assert {one.state for one in disks.values()} <= {"available", "in-use"}
    # One that the process died over before its moment was nobody's answer: its disk may be gone by now.
    assert {one.state for one in taken.values() if one.id in sim.moments} <= {"completed"}
    assert {one.state for one in taken.values()} <= {"completed", "error"}
    assert {one.state for one in await sim.all(images)} <= {"available", "failed"}
    assert await sim.all(removed) == []
    assert {one.state for one in await sim.all(tasks)} <= {"succeeded", "failed"}
    await check_machines(sim, there, disks)
    for id in taken:
        await check_bytes(sim, id)
    kept = {key[0] for key in await sim.store.transact(lambda tx: [key for key, _ in blocks.scan(tx, limit=100_000)])}
    assert kept <= set(taken)


async def check_machines(sim: Simulation, there: dict[str, Any], disks: dict[str, Any]) -> None:
    for id, instance in there.items():
        # One that was stopped before it ever booted is not known to the driver yet.
        may_be = {"running": {"running"}, "stopped": {"stopped", "absent"}, "terminated": {"absent"}}[instance.state]
        assert sim.machines.observe(id).state in may_be
        assert not instance.imaging
        assert not instance.replacing
        for placed in instance.disks:
            attachment = disks[placed.volume].attachment
            assert (attachment.instance, attachment.state) == (id, "attached")
            if instance.state == "running":
                assert sim.volumes.observe(placed.volume).machine == id
    assert set(sim.machines.ids()) <= {id for id, one in there.items() if one.state != "terminated"}
    stores = {f"{one.id}-{disk.virtual}" for one in there.values() if one.state == "running" for disk in one.store}
    assert set(sim.volumes.ids()) == set(disks) | stores
    for id, volume in disks.items():
        if volume.attachment is not None:
            assert id in [placed.volume for placed in there[volume.attachment.instance].disks]
        else:
            assert not sim.volumes.observe(id).machine
    joined = Counter(one.attachment.instance for one in await sim.all(vpc.interfaces) if one.attachment is not None)
    assert joined == Counter(id for id, one in there.items() if one.state != "terminated")


async def check_bytes(sim: Simulation, snapshot: str) -> None:
    moment = sim.moments.get(snapshot)
    if moment is None:
        return  # the process died over it, and nobody was told of a moment
    rows = await sim.store.transact(lambda tx: {key[0]: row for key, row in blocks.scan(tx, snapshot, limit=10_000)})
    found = {number: read_block(sim.blobs, sim.keyring, row) for number, row in rows.items()}
    assert found == {number: block for number, block in moment.items() if block != bytes(BLOCK)}


@pytest.mark.parametrize("seed", range(12))
def test_everything_comes_to_rest_as_the_records_say_after_any_order_and_any_crash(seed, tmp_path):
    async def main() -> Simulation:
        sim = await simulate(seed, tmp_path)
        await check(sim)
        return sim

    sim = asyncio.run(main())
    assert sim.done["RunInstances"] > 0


def test_the_simulation_crashes_and_does_everything(tmp_path):
    async def main() -> tuple[int, Counter[str]]:
        crashes, done = 0, Counter()
        for seed in range(100, 105):
            sim = await simulate(seed, tmp_path / str(seed))
            crashes += sim.crashes
            done += sim.done
        return crashes, done

    crashes, done = asyncio.run(main())
    assert crashes > 0
    for name in (
        "RunInstances", "StopInstances", "StartInstances", "TerminateInstances", "guest_powers_off", "dies",
        "CreateVolume", "AttachVolume", "DetachVolume", "DeleteVolume", "CreateSnapshot", "CreateSnapshots",
        "DeleteSnapshot", "CreateImage", "DeregisterImage", "CreateReplaceRootVolumeTask",
    ):  # fmt: skip
        assert done[name] > 0, name
