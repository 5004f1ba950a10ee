"""SQS under a simulated clock: seeded operations and background work in any order, with crashes.

Nothing lost, nothing resurrected.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from pileus.base.clock import SimClock
from pileus.base.errors import ApiError
from pileus.control import Loop
from pileus.keyring import Keyring
from pileus.services.sqs import fair, reconcilers, sqs
from pileus.services.sqs.errors import UnsupportedOperation
from pileus.store import pack
from pileus.store.memory import MemoryStore

from .asking import ACCOUNT, REGION, call_of
from .crashes import Crash, CrashingStore

RETENTION = 600


@dataclass
class Known:
    """What is known of a message that was sent."""

    queue: str
    sent: float
    deleted: bool = False
    last_receipt: str = ""


@dataclass
class World:
    seed: int
    known: dict[str, Known] = field(default_factory=dict)
    crashes: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.store = MemoryStore(Random(self.seed))
        self.clock = SimClock()
        self.crashing = CrashingStore(self.store, self.random)
        self.world = SimpleNamespace(store=self.crashing, clock=self.clock, keyring=Keyring())
        self.start()

    def start(self) -> None:
        """A process over what the store holds."""
        self.loop = Loop(self.world, reconcilers(), self.random.randrange(1 << 30))

    async def ask(self, name: str, **request: Any) -> Any:
        operation = sqs.operations[name]

        def work(tx: Any) -> Any:
            call = call_of(self.world, tx, operation, request)
            return operation.handler(call, request)

        return await self.store.transact(work)

    async def background(self, seconds: float) -> None:
        """Lets time pass; a process that dies is started again."""
        end = self.clock.now() + seconds
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                self.crashes += 1
                self.start()


def url(queue: str) -> str:
    return f"http://here/{ACCOUNT}/{queue}"


def arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


async def build(world: World, suffix: str) -> tuple[str, str, str]:
    attributes = {"MessageRetentionPeriod": str(RETENTION), "VisibilityTimeout": "20"}
    if suffix:
        attributes |= {"FifoQueue": "true"}
    work, dead, aside = f"work{suffix}", f"dead{suffix}", f"aside{suffix}"
    await world.ask("CreateQueue", QueueName=dead, Attributes=attributes)
    await world.ask("CreateQueue", QueueName=aside, Attributes=attributes)
    policy = f'{{"deadLetterTargetArn":"{arn(dead)}","maxReceiveCount":2}}'
    await world.ask("CreateQueue", QueueName=work, Attributes={**attributes, "RedrivePolicy": policy})
    return work, dead, aside


async def send(world: World, queue: str) -> None:
    body = f"m{len(world.known)}"
    request: dict[str, Any] = {"QueueUrl": url(queue), "MessageBody": body}
    if queue.endswith(".fifo"):
        request |= {"MessageGroupId": world.random.choice("abc"), "MessageDeduplicationId": body}
    else:
        if world.random.random() < 0.3:
            request["DelaySeconds"] = world.random.randrange(30)
        if world.random.random() < 0.7:
            request["MessageGroupId"] = world.random.choice("abc")
    await world.ask("SendMessage", **request)
    world.known[body] = Known(queue, world.clock.now())


async def receive(world: World, queue: str, delete: float) -> None:
    answer = await world.ask("ReceiveMessage", QueueUrl=url(queue), MaxNumberOfMessages=world.random.randrange(1, 11))
    for message in answer.get("Messages", []):
        known = world.known[message["Body"]]
        assert not known.deleted, f"{message['Body']} came back after it was deleted"
        known.last_receipt = message["ReceiptHandle"]
        if world.random.random() < delete:
            await world.ask("DeleteMessage", QueueUrl=url(queue), ReceiptHandle=message["ReceiptHandle"])
            known.deleted = True
        elif world.random.random() < 0.3:
            seconds = world.random.choice([0, 5, 60])
            await world.ask(
                "ChangeMessageVisibility",
                QueueUrl=url(queue),
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=seconds,
            )


async def redrive(world: World, dead: str, aside: str) -> None:
    request = {"SourceArn": arn(dead)}
    if world.random.random() < 0.5:
        request["DestinationArn"] = arn(aside)
    with suppress(UnsupportedOperation):  # one is running
        await world.ask("StartMessageMoveTask", **request)


async def left_in(world: World, queue: str) -> list[str]:
    """Everything in a queue, taken out of it one by one."""
    found: list[str] = []
    while True:
        answer = await world.ask("ReceiveMessage", QueueUrl=url(queue), MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            found.append(message["Body"])
            await world.ask("DeleteMessage", QueueUrl=url(queue), ReceiptHandle=message["ReceiptHandle"])
        if not answer:
            return found


async def play(world: World, suffix: str) -> None:
    work, dead, aside = queues = await build(world, suffix)
    for _ in range(150):
        queue = world.random.choice([work, work, work, dead, aside])
        deed = world.random.random()
        if deed < 0.4:
            await send(world, work)
        elif deed < 0.7:
            await receive(world, queue, delete=0.3)
        elif deed < 0.75:
            await redrive(world, dead, aside)
        else:
            await world.background(world.random.choice([0, 0.5, 3, 21]))
    await world.background(61)  # every visibility timeout is over, every redrive done
    found: list[str] = []
    for queue in (work, dead, aside, dead):
        found += await left_in(world, queue)
    assert len(found) == len(set(found)), "a message is in two places"
    for body in found:
        assert not world.known[body].deleted, f"{body} came back after it was deleted"
    now = world.clock.now()
    young = {body for body, known in world.known.items() if not known.deleted and now < known.sent + RETENTION}
    assert young <= set(found), f"lost: {young - set(found)}"
    for queue in queues:
        counted = await world.ask("GetQueueAttributes", QueueUrl=url(queue), AttributeNames=["All"])
        names = ("", "NotVisible", "Delayed")
        figures = [counted["Attributes"][f"ApproximateNumberOfMessages{name}"] for name in names]
        if not any(int(figure) for figure in figures):
            continue
        await world.background(RETENTION + 120)  # what is still counted can only be what has expired
        counted = await world.ask("GetQueueAttributes", QueueUrl=url(queue), AttributeNames=["All"])
        assert counted["Attributes"]["ApproximateNumberOfMessages"] == "0"


async def nothing_stays_behind(world: World, queues: list[str]) -> None:
    before = await world.store.transact(lambda tx: tx.scan(pack(("sqs.f",)), pack(("sqs.f",)) + b"\xff", 100))
    assert before == [], "a forwarding row outlived its message"
    for queue in queues:
        for _ in range(5):
            await send(world, queue)
        await receive(world, queue, delete=0)
    for queue in queues:
        await world.ask("DeleteQueue", QueueUrl=url(queue))
    await world.background(61)
    rows = await world.store.transact(lambda tx: tx.scan(pack(("sqs.",))[:-1], pack(("sqs/",))[:-1], 100))
    assert rows == []


@pytest.mark.parametrize("suffix", ["", ".fifo"])
@pytest.mark.parametrize("seed", range(15))
def test_nothing_is_lost_and_nothing_resurrected_whatever_the_order_and_the_crashes(
    seed: int, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair, "NOISY_FLYING", 2 + seed % 2)  # tenants are noisy in so small a play too

    async def scenario() -> World:
        world = World(seed)
        await play(world, suffix)
        await nothing_stays_behind(world, [f"{name}{suffix}" for name in ("work", "dead", "aside")])
        return world

    world = asyncio.run(scenario())
    assert any(known.deleted for known in world.known.values())


def test_the_simulation_does_crash() -> None:
    async def scenario() -> int:
        world = World(1)
        await play(world, "")
        return world.crashes

    assert asyncio.run(scenario()) > 0


@pytest.mark.parametrize("seed", range(10))
def test_a_purge_takes_what_was_there_and_leaves_what_came_after(seed: int) -> None:
    async def scenario() -> None:
        world = World(seed)
        work, _, _ = await build(world, "")
        for _ in range(30):
            await send(world, work)
        await receive(world, work, delete=0)
        await world.ask("PurgeQueue", QueueUrl=url(work))
        purged = set(world.known)
        await world.background(world.random.choice([0, 1]))
        for _ in range(10):
            await send(world, work)
        await world.background(61)
        assert set(await left_in(world, work)) == set(world.known) - purged

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(10))
def test_a_name_used_again_shows_nothing_of_the_queue_before(seed: int) -> None:
    async def scenario() -> None:
        world = World(seed)
        work, _, _ = await build(world, "")
        for _ in range(30):
            await send(world, work)
        await world.ask("DeleteQueue", QueueUrl=url(work))
        with pytest.raises(ApiError):
            await world.ask("CreateQueue", QueueName=work)
        await world.background(60.5)
        await world.ask("CreateQueue", QueueName=work)
        assert await left_in(world, work) == []
        before = set(world.known)
        await send(world, work)
        await world.background(61)
        assert set(await left_in(world, work)) == set(world.known) - before

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(15))
def test_a_group_is_handed_out_in_order_and_never_past_what_is_in_flight(seed: int) -> None:
    async def scenario() -> None:
        world = World(seed)
        await world.ask("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "20"})
        lines: dict[str, list[str]] = {group: [] for group in "abc"}
        held: dict[str, str] = {}
        for number in range(400):
            deed = world.random.random()
            if deed < 0.4:
                group, body = world.random.choice("abc"), str(number)
                request = {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body}
                await world.ask("SendMessage", QueueUrl=url("q.fifo"), **request)
                lines[group].append(body)
            elif deed < 0.6:
                request = {"MaxNumberOfMessages": world.random.randrange(1, 11), "AttributeNames": ["MessageGroupId"]}
                answer = await world.ask("ReceiveMessage", QueueUrl=url("q.fifo"), **request)
                batch: dict[str, list[str]] = {}
                for message in answer.get("Messages", []):
                    batch.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
                    held[message["Body"]] = message["ReceiptHandle"]
                for group, bodies in batch.items():
                    assert bodies == lines[group][: len(bodies)], f"group {group} out of its order"
            elif deed < 0.8 and held:
                body = world.random.choice(sorted(held))
                with suppress(ApiError):  # its time was over
                    await world.ask("DeleteMessage", QueueUrl=url("q.fifo"), ReceiptHandle=held[body])
                    lines = {group: [one for one in line if one != body] for group, line in lines.items()}
                del held[body]
            elif deed < 0.95 and held:
                body, seconds = world.random.choice(sorted(held)), world.random.choice([0, 5, 40])
                with suppress(ApiError):  # its time was over
                    request = {"ReceiptHandle": held[body], "VisibilityTimeout": seconds}
                    await world.ask("ChangeMessageVisibility", QueueUrl=url("q.fifo"), **request)
            else:
                await world.background(world.random.choice([0.01, 1, 21]))

    asyncio.run(scenario())
