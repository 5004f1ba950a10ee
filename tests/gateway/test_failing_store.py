"""When the store cannot write: a 500 that changes nothing, and all goes on afterwards."""

import asyncio

import pytest
from botocore.exceptions import ClientError

from pileus.base.clock import SimClock
from pileus.control import Done, Loop
from pileus.control import loop as loops
from pileus.gateway.waiting import Waiting
from pileus.service import Wait
from pileus.store import Table
from pileus.store.memory import MemoryStore


@pytest.fixture
def broken(cloud, monkeypatch):
    """A function that breaks the store's writes, and one that mends them."""
    store = cloud.app.store

    def fail(writes):
        raise OSError(28, "No space left on device")

    return lambda: monkeypatch.setattr(store, "_write", fail), monkeypatch.undo


def test_what_cannot_be_written_is_an_error_and_changes_nothing(cloud, broken):
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    fill, mend = broken
    fill()
    for change in (
        lambda: sqs.send_message(QueueUrl=url, MessageBody="lost"),
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.delete_queue(QueueUrl=url),
        lambda: iam.create_user(UserName="ann"),
    ):
        with pytest.raises(ClientError) as refused:
            change()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    mend()
    assert sqs.list_queues()["QueueUrls"] == [url]
    assert iam.list_users()["Users"] == []
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["kept"]
    iam.create_user(UserName="ann")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["ann"]


def test_a_user_made_by_a_failed_call_has_no_rights_afterwards(cloud, broken):
    """What is kept in memory of policies must not outlive the write that failed."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = cloud.client("sqs", key["AccessKeyId"], key["SecretAccessKey"])
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    fill, mend = broken
    fill()
    with pytest.raises(ClientError):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=everything)
    with pytest.raises(ClientError):
        ann.list_queues()
    mend()
    with pytest.raises(ClientError, match="AccessDenied"):
        ann.list_queues()


lamps = Table("lamps.failing", int, watched=True)


def test_background_work_survives_a_store_that_fails_for_a_while(monkeypatch, caplog):
    monkeypatch.setattr(loops, "RETRY_AFTER_S", 0.01)
    looked = []

    class Look:
        watches = "lamps.failing"

        async def reconcile(self, world, key):
            looked.append(key)
            return Done

    class World:
        store, clock = MemoryStore(), SimClock()

    async def main():
        loop = Loop(World(), [Look()])
        task = asyncio.get_running_loop().create_task(loop.run())
        await asyncio.sleep(0)
        await World.store.transact(lambda tx: lamps.put(tx, "a", record=1))
        write = World.store._write
        World.store._write = lambda writes: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        while not caplog.records:
            await asyncio.sleep(0)
        World.store._write = write
        while await World.store.transact(lambda tx: tx.scan(b"\x02dirty", b"\x02dirty\xff", 10)):
            assert not task.done()
            await asyncio.sleep(0.001)
        task.cancel()
        assert ("a",) in looked

    asyncio.run(asyncio.wait_for(main(), 10))


class SlowStore(MemoryStore):
    """Answers in a later turn of the event loop, as SQLite and full durability do."""

    def submit(self, work, done):
        asyncio.get_running_loop().call_soon(super().submit, work, done)


class Waiter:
    def __init__(self, until):
        self.until, self.hung_up, self.runs, self.outcome, self.gave_up = until, False, 0, None, False

    def attempt(self, tx):
        self.runs += 1
        return Wait(b"key", self.until)

    def done(self, outcome, error):
        self.outcome = outcome

    def give_up(self):
        self.gave_up = True


def waiting_world():
    class World:
        store, clock = SlowStore(), SimClock()

    return World(), Waiting(World())


def test_a_client_that_hangs_up_while_its_wait_is_looked_at_again_waits_no_more():
    async def main():
        world, waiting = waiting_world()
        waiter = Waiter(world.clock.now() + 20)
        waiting.add(waiter, Wait(b"key", waiter.until))
        await world.store.transact(lambda tx: tx.signal(b"key"))
        while len(waiting):
            await asyncio.sleep(0)
        waiter.hung_up = True  # between being taken out of the row and being looked at
        for _ in range(5):
            await asyncio.sleep(0)
        assert waiter.runs == 1
        assert len(waiting) == 0

    asyncio.run(asyncio.wait_for(main(), 10))


def test_nobody_begins_to_wait_when_the_cloud_has_stopped():
    async def main():
        world, waiting = waiting_world()
        waiting.close()
        waiter = Waiter(world.clock.now() + 20)
        waiting.add(waiter, Wait(b"key", waiter.until))
        assert waiter.gave_up
        assert len(waiting) == 0

    asyncio.run(main())
