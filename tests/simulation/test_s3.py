"""S3's lifecycle and restores under a simulated clock: two clouds are asked the same.

One lives through every midnight, its background work in any order and with crashes; the other's clock leaps. In the end
nobody can tell one from the other.
"""

import asyncio
import math
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from pileus.base.clock import SimClock
from pileus.base.errors import ApiError
from pileus.control import Loop
from pileus.keyring import Keyring
from pileus.service import Reply
from pileus.services.s3 import reconcilers, s3
from pileus.services.s3.lifecycle import acting, running
from pileus.services.s3.lifecycle.rules import DAY, next_of, parse
from pileus.services.s3.tables import Version, current, nulls, restores, small_bytes, uploads, versions
from pileus.store.memory import MemoryStore

from .asking import call_of
from .crashes import Crash, CrashingStore

BUCKET = "cellar"
KEYS = ("a/1", "a/2", "b/1", "b/2", "c")
ROUNDS = 40
ANY_SIZE = {"ObjectSizeGreaterThan": 0}


class World:
    """`leaps`: time passes at once and nothing crashes."""

    def __init__(self, seed: int, leaps: bool):
        self.random, self.leaps = Random(seed), leaps
        self.store = MemoryStore(Random(seed))
        self.clock = SimClock()
        self.crashing = CrashingStore(self.store, self.random)
        self.crashing.calm = leaps
        self.world = SimpleNamespace(
            store=self.crashing,
            clock=self.clock,
            keyring=Keyring(),
            service={"s3": s3}.__getitem__,
            authorize=lambda call: None,
        )
        self.crashes = 0
        self.start()

    def start(self) -> None:
        self.loop = Loop(self.world, reconcilers(), self.random.randrange(1 << 30))

    async def ask(self, name: str, **request: Any) -> Any:
        operation = s3.operations[name]

        def work(tx: Any) -> Any:
            call = call_of(self.world, tx, operation, request)
            operation.resource(call, request)
            return operation.handler(call, request)

        return await self.store.transact(work)

    async def pass_by(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        if self.leaps:
            self.clock.advance_to(end)
            await self.loop.run_until_idle()
            return
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                self.crashes += 1
                self.start()

    async def state(self) -> list[Any]:
        """All that is there, without what is random."""

        def look(tx: Any) -> list[Any]:
            found: list[Any] = []
            for table in (current, versions):
                found += [(key[1:], _bare(version)) for key, version in table.scan(tx)]
            found += [(key[1:], age) for key, age in nulls.scan(tx)]
            found += [(key[1], upload.begun) for key, upload in uploads.scan(tx)]
            found += [(key[1:], restore) for key, restore in restores.scan(tx)]
            return found

        return await self.store.transact(look)


def _bare(version: Version) -> Version:
    return replace(version, id=version.id and "?", pieces=(), etag=version.etag)


def batches(monkeypatch: pytest.MonkeyPatch, small: bool) -> None:
    """Small ones: a crash finds every run somewhere on its way."""
    monkeypatch.setattr(running, "KEYS_AT_ONCE", 2 if small else 100)
    for module in (running, acting):
        monkeypatch.setattr(module, "VERSIONS_AT_ONCE", 3 if small else 200)


def some_rules(random: Random) -> list[dict[str, Any]]:
    moves = [{"Days": days, "StorageClass": name} for name, days in (("STANDARD_IA", 30), ("GLACIER", 65))]
    old_moves = [
        {"NoncurrentDays": 4, "StorageClass": "GLACIER"},
        {"NoncurrentDays": 200, "StorageClass": "DEEP_ARCHIVE"},
    ]
    spared = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}
    chosen: list[dict[str, Any]] = [
        {"Filter": {"Prefix": "a/"}, "Expiration": {"Days": random.choice([1, 7, 90])}},
        {"Filter": {"And": {"Prefix": "b/", **ANY_SIZE}}, "Transitions": moves, "Expiration": {"Days": 100}},
        {"Filter": {"Tag": {"Key": "t", "Value": "1"}}, "Expiration": {"Days": 2}},
        {"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 300}},
        {"Filter": {"Prefix": "a/"}, "NoncurrentVersionExpiration": spared},
        {"Filter": ANY_SIZE, "NoncurrentVersionTransitions": old_moves},
        {"Filter": {"Prefix": "c"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
    ]  # fmt: skip
    kept = random.sample(chosen, random.randrange(3, len(chosen) + 1))
    return [{"ID": str(number), "Status": "Enabled", **rule} for number, rule in enumerate(kept)]


def some_request(random: Random) -> tuple[str, dict[str, Any]]:
    key = random.choice(KEYS)
    deed = random.random()
    if deed < 0.5:
        storage = random.choice(["STANDARD", "STANDARD", "GLACIER", "DEEP_ARCHIVE"])
        request = {"Key": key, "Body": b"x" * random.randrange(3), "StorageClass": storage}
        if random.random() < 0.3:
            request["Tagging"] = "t=1"
        return "PutObject", request
    if deed < 0.65:
        return "DeleteObject", {"Key": key}
    if deed < 0.75:
        return "CreateMultipartUpload", {"Key": key}
    if deed < 0.95:
        return "RestoreObject", {"Key": key, "RestoreRequest": {"Days": random.randrange(1, 5)}}
    status = random.choice(["Enabled", "Enabled", "Suspended"])
    return "PutBucketVersioning", {"VersioningConfiguration": {"Status": status}}


async def both(worlds: list[World], name: str, request: dict[str, Any]) -> Any:
    """Both are asked, and answer alike: a status or an error's code."""
    answers: list[Any] = []
    for world in worlds:
        try:
            answer = await world.ask(name, Bucket=BUCKET, **request)
            answers.append(answer.status if isinstance(answer, Reply) else 200)
        except ApiError as error:
            answers.append(error.code)
    assert answers[0] == answers[1], (name, request)
    return answers[0]


@pytest.mark.parametrize("seed", range(8))
def test_daily_runs_with_crashes_and_one_late_run_end_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        random = Random(seed)
        worlds = [World(seed, False), World(seed, True)]
        rules = some_rules(random)
        assert await both(worlds, "CreateBucket", {}) == 200
        if random.random() < 0.7:
            await both(worlds, "PutBucketVersioning", {"VersioningConfiguration": {"Status": "Enabled"}})
        configuration = {"Rules": rules}
        asked = {"LifecycleConfiguration": configuration}
        assert await both(worlds, "PutBucketLifecycleConfiguration", asked) == 200
        for _ in range(ROUNDS):
            for _ in range(random.randrange(6)):
                await both(worlds, *some_request(random))
                for world in worlds:
                    world.clock.advance(0.001)
            seconds = random.choice([60.0, 5 * 3600.0, DAY, 3 * DAY, 40 * DAY])
            for world in worlds:
                batches(monkeypatch, not world.leaps)
                await world.pass_by(seconds)
            states = [await world.state() for world in worlds]
            assert states[0] == states[1]
            check_nothing_is_overdue(states[0], rules, worlds[0].clock.now())
        assert worlds[0].crashes
        for world in worlds:
            await world.pass_by(4 * 365 * DAY)
        states = [await world.state() for world in worlds]
        assert states[0] == states[1]
        await check_bytes_belong_to_something(worlds[0])

    asyncio.run(scenario())


def check_nothing_is_overdue(state: list[Any], rules: list[dict[str, Any]], now: float) -> None:
    made = parse({"Rules": rules})
    midnight = math.floor(now / DAY) * DAY
    for key, version in state:
        if not isinstance(version, Version) or len(key) != 1:
            continue
        due = next_of(made, key[0], version.size, version.tags, version.modified, version.storage)
        assert due is None or due.moment > midnight, (key, version, due)


async def check_bytes_belong_to_something(world: World) -> None:
    def look(tx: Any) -> tuple[set[int], set[int]]:
        rows = [version for table in (current, versions) for _, version in table.scan(tx)]
        return {piece.id for version in rows for piece in version.pieces}, {int(k[0]) for k, _ in small_bytes.scan(tx)}

    named, kept = await world.store.transact(look)
    assert named == kept
