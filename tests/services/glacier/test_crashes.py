"""Glacier under a simulated clock: its background work dies before and after any commit and is started again.

Nothing that is not deleted is lost, jobs bring what they should, and no byte stays that nobody needs.
"""

import asyncio
import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from pileus.base.clock import SimClock
from pileus.blobs.files import FileBlobs
from pileus.control import Loop
from pileus.control.reaper import Reap, sweep
from pileus.keyring import Keyring
from pileus.service import Concluded, Outside, Reply
from pileus.services.glacier import glacier, reconcilers
from pileus.store.memory import MemoryStore
from tests.simulation.asking import call_of
from tests.simulation.crashes import Crash, CrashingStore

from .vault_asking import DAY, HOUR, MIB, some_bytes, tree_hash

HEADERS = {"x-amz-glacier-version": "2012-06-01", "x-amz-content-sha256": "told"}


class World:
    def __init__(self, seed: int, folder: Path):
        self.random = Random(seed)
        self.folder = folder
        self.store = MemoryStore(Random(seed))
        self.clock = SimClock()
        self.crashing = CrashingStore(self.store, self.random)
        self.keyring = Keyring()
        self.crashes = 0
        self.start()

    def start(self) -> None:
        """A process over what the store and the folder hold."""
        self.blobs = FileBlobs(self.folder)
        parts = {"clock": self.clock, "keyring": self.keyring, "blobs": self.blobs}
        self.world = SimpleNamespace(store=self.store, **parts)
        background = SimpleNamespace(store=self.crashing, **parts)
        self.loop = Loop(background, [*reconcilers(), Reap()], self.random.randrange(1 << 30))

    async def ask(self, name: str, **request: Any) -> Any:
        operation = glacier.operations[name]

        def work(tx: Any) -> Any:
            call = call_of(self.world, tx, operation, request, headers=HEADERS)
            return operation.handler(call, request)

        answer = await self.store.transact(work)
        if type(answer) is Outside:
            answer = await answer.work()
        return answer.response if type(answer) is Concluded else answer

    async def background(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                self.crashes += 1
                self.start()

    async def put(self, data: bytes) -> str:
        answer = await self.ask("UploadArchive", vaultName="attic", body=data, checksum=tree_hash(data))
        return str(answer["archiveId"])

    async def job(self, **parameters: Any) -> str:
        return str((await self.ask("InitiateJob", vaultName="attic", jobParameters=parameters))["jobId"])

    async def output(self, job: str) -> bytes:
        answer: Reply = await self.ask("GetJobOutput", vaultName="attic", jobId=job)
        return b"".join([part async for part in answer.result["body"]])

    def files(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))


async def play(world: World) -> None:
    await world.ask("CreateVault", vaultName="attic")
    there: dict[str, bytes] = {}
    for turn in range(40):
        deed = world.random.random()
        if deed < 0.4:
            data = some_bytes(world.random.randrange(1, 300_000), bytes([turn]))
            there[await world.put(data)] = data
        elif deed < 0.5 and there:
            gone = world.random.choice(sorted(there))
            await world.ask("DeleteArchive", vaultName="attic", archiveId=gone)
            del there[gone]
        elif deed < 0.6:
            begun = await world.ask("InitiateMultipartUpload", vaultName="attic", partSize=str(MIB))
            data = some_bytes(1_000)
            options = {"range": "bytes 0-999/*", "body": data, "checksum": tree_hash(data)}
            await world.ask("UploadMultipartPart", vaultName="attic", uploadId=begun["uploadId"], **options)
        elif deed < 0.7 and there:
            archive = world.random.choice(sorted(there))
            job = await world.job(Type="archive-retrieval", ArchiveId=archive, Tier="Expedited")
            await world.background(300)
            assert await world.output(job) == there[archive]
        else:
            await world.background(world.random.choice([60, HOUR, 7 * HOUR, DAY]))
    await world.background(2 * DAY)
    await settled(world, there)


async def settled(world: World, there: dict[str, bytes]) -> None:
    """After some days: the last inventory is right, and every byte on the disk is an archive's or a job's."""
    described = await world.ask("DescribeVault", vaultName="attic")
    assert described["NumberOfArchives"] == len(there)
    assert described["SizeInBytes"] == sum(len(data) for data in there.values())
    if "LastInventoryDate" in described:
        job = await world.job(Type="inventory-retrieval")
        await world.background(5 * HOUR)
        listed = json.loads(await world.output(job))["ArchiveList"]
        assert {one["ArchiveId"]: one["SHA256TreeHash"] for one in listed} == {
            archive: tree_hash(data) for archive, data in there.items()
        }
    await world.background(3 * DAY)
    world.start()
    await sweep(world.world)
    assert world.files() == len(there)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_or_left_over_whenever_the_background_dies(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path)
    asyncio.run(play(world))


def test_the_background_really_dies(tmp_path: Path) -> None:
    crashes = 0
    for seed in range(3):
        world = World(seed, tmp_path / str(seed))
        asyncio.run(play(world))
        crashes += world.crashes
    assert crashes
