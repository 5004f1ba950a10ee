"""The reconcile loop: keys not events, timers, crashes, defects."""

import asyncio
import random

import msgspec
import pytest

from pileus.base.clock import SimClock
from pileus.control import Done, Loop, RequeueAt
from pileus.control.loop import AT_ONCE
from pileus.store import Table, pack, prefix_range
from pileus.store.memory import MemoryStore


class Lamp(msgspec.Struct, frozen=True):
    wanted: int
    seen: int = 0


lamps = Table("lamps", Lamp, watched=True)


class World:
    def __init__(self):
        self.store, self.clock = MemoryStore(), SimClock(1000.0)


class Follow:
    """Brings `seen` to `wanted`, one step a look."""

    watches = "lamps"

    def __init__(self):
        self.looks = 0

    async def reconcile(self, world, key):
        self.looks += 1

        def work(tx):
            lamp = lamps.get(tx, *key)
            if lamp is None or lamp.seen == lamp.wanted:
                return Done
            lamps.put(tx, *key, record=Lamp(lamp.wanted, lamp.seen + 1))
            return Done

        return await world.store.transact(work)


def put(name, wanted):
    return lambda tx: lamps.put(tx, name, record=Lamp(wanted))


def get(name):
    return lambda tx: lamps.get(tx, name)


def rows(world):
    async def count():
        return await world.store.transact(
            lambda tx: sum(len(tx.scan(*prefix_range((kind,)), 100)) for kind in ("dirty", "timer", "alarm"))
        )

    return count()


def test_a_key_is_looked_at_until_nothing_is_left_to_do():
    async def main():
        world = World()
        loop = Loop(world, [Follow()], seed=1)
        await world.store.transact(put("a", 3))
        await world.store.transact(put("b", 1))
        await loop.run_until_idle()
        assert (await world.store.transact(get("a"))).seen == 3
        assert (await world.store.transact(get("b"))).seen == 1
        assert await rows(world) == 0

    asyncio.run(main())


def test_a_timer_brings_the_key_back_at_its_moment_and_not_before():
    class Wait(Follow):
        async def reconcile(self, world, key):
            self.looks += 1
            return RequeueAt(1060.0) if world.clock.now() < 1060 else Done

    async def main():
        world, wait = World(), Wait()
        loop = Loop(world, [wait], seed=1)
        await world.store.transact(put("a", 1))
        await loop.advance(59)
        assert wait.looks == 1
        await loop.advance(1)
        assert wait.looks == 2
        assert await rows(world) == 0

    asyncio.run(main())


def test_a_key_has_one_timer_however_often_it_is_written():
    class Later(Follow):
        async def reconcile(self, world, key):
            return RequeueAt(world.clock.now() + 60)

    async def main():
        world = World()
        loop = Loop(world, [Later()], seed=1)
        for wanted in range(10):
            await world.store.transact(put("a", wanted))
            await loop.advance(1)
        assert await rows(world) == 2  # the timer and its way back

    asyncio.run(main())


def test_a_crash_after_the_act_and_before_the_row_is_settled_loses_nothing():
    class Crashing(Follow):
        async def reconcile(self, world, key):
            await super().reconcile(world, key)
            raise KeyboardInterrupt("power cut")

    async def main():
        world = World()
        await world.store.transact(put("a", 3))
        with pytest.raises(KeyboardInterrupt):
            await Loop(world, [Crashing()], seed=1).run_until_idle()
        await Loop(world, [Follow()], seed=1).run_until_idle()
        assert (await world.store.transact(get("a"))).seen == 3

    asyncio.run(main())


def test_a_key_that_fails_is_tried_again_later_and_the_others_go_on(caplog):
    class Picky(Follow):
        async def reconcile(self, world, key):
            if key == ("bad",) and world.clock.now() < 1004:
                raise ValueError("not now")
            return await super().reconcile(world, key)

    async def main():
        world = World()
        loop = Loop(world, [Picky()], seed=1)
        await world.store.transact(put("bad", 1))
        await world.store.transact(put("good", 1))
        await loop.run_until_idle()
        assert (await world.store.transact(get("good"))).seen == 1
        assert (await world.store.transact(get("bad"))).seen == 0
        assert "not now" in caplog.text
        await loop.advance(10)
        assert (await world.store.transact(get("bad"))).seen == 1

    asyncio.run(main())


def test_a_write_during_the_look_is_seen():
    class Meddled(Follow):
        async def reconcile(self, world, key):
            self.looks += 1
            if self.looks == 1:
                await world.store.transact(put("a", 9))
            return Done

    async def main():
        world, meddled = World(), Meddled()
        await world.store.transact(put("a", 1))
        await Loop(world, [meddled], seed=1).run_until_idle()
        assert meddled.looks == 2

    asyncio.run(main())


def test_the_running_loop_wakes_on_a_write_without_polling():
    async def main():
        world, follow = World(), Follow()
        loop = Loop(world, [follow])
        task = asyncio.get_running_loop().create_task(loop.run())
        await asyncio.sleep(0)
        await world.store.transact(put("a", 1))
        for _ in range(100):
            await asyncio.sleep(0)
        task.cancel()
        assert (await world.store.transact(get("a"))).seen == 1

    asyncio.run(main())


def test_keys_of_several_parts_come_back_as_they_were():
    seen = []

    class Watch(Follow):
        async def reconcile(self, world, key):
            seen.append(key)

    async def main():
        world = World()
        await world.store.transact(lambda tx: lamps.put(tx, "x", 7, "y\0z", record=Lamp(1)))
        await Loop(world, [Watch()], seed=1).run_until_idle()

    asyncio.run(main())
    assert seen == [("x", 7, "y\0z")]
    assert pack(seen[0])


class Slow:
    """Acts outside: each look waits until it is let go."""

    watches = "lamps"
    outside = True

    def __init__(self):
        self.begun, self.most, self.now = [], 0, 0
        self.gate = asyncio.Event()

    async def reconcile(self, world, key):
        self.begun.append(key)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        return Done


class Quick:
    """Says when it has looked at something."""

    watches = "others"

    def __init__(self):
        self.seen = asyncio.Event()

    async def reconcile(self, world, key):
        self.seen.set()
        return Done


def test_work_outside_is_done_side_by_side_and_never_twice_for_one_key():
    async def story():
        world, slow = World(), Slow()
        loop = Loop(world, [slow])
        for number in range(40):
            await world.store.transact(put(f"lamp-{number}", 1))
        running = asyncio.create_task(loop.run_until_idle())
        while len(slow.begun) < AT_ONCE:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert slow.most == len(slow.begun) == AT_ONCE
        slow.gate.set()
        await running
        assert len(slow.begun) == len(set(slow.begun)) == 40
        assert await rows(world) == 0

    asyncio.run(story())


def test_other_work_goes_on_while_something_slow_is_done_outside():
    async def story():
        world, slow = World(), Slow()
        others = Table("others", Lamp, watched=True)
        quick = Quick()
        loop = Loop(world, [slow, quick])
        await world.store.transact(put("lamp", 1))
        running = asyncio.create_task(loop.run())
        while not slow.begun:
            await asyncio.sleep(0)
        await world.store.transact(lambda tx: others.put(tx, "other", record=Lamp(1)))
        await asyncio.wait_for(quick.seen.wait(), 10)
        assert slow.now == 1
        slow.gate.set()
        running.cancel()

    asyncio.run(story())


def test_a_crowd_that_waits_for_the_world_does_not_hold_up_other_work():
    async def story():
        world, slow = World(), Slow()
        others = Table("others", Lamp, watched=True)
        quick = Quick()
        loop = Loop(world, [slow, quick])
        for number in range(300):
            await world.store.transact(put(f"lamp-{number}", 1))
        await world.store.transact(lambda tx: others.put(tx, "other", record=Lamp(1)))
        running = asyncio.create_task(loop.run())
        await asyncio.wait_for(quick.seen.wait(), 60)
        while slow.now < AT_ONCE:
            await asyncio.sleep(0)
        slow.gate.set()
        running.cancel()

    asyncio.run(story())


def test_a_crowd_of_one_kind_lets_another_kind_go_outside_as_well():
    async def story():
        world = World()
        others = Table("others", Lamp, watched=True)
        order = []

        class Walk:
            outside = True

            def __init__(self, watches):
                self.watches = watches

            async def reconcile(self, world, key):
                order.append(self.watches)
                for _ in range(20):
                    await asyncio.sleep(0)
                return Done

        loop = Loop(world, [Walk("lamps"), Walk("others")])
        for number in range(300):
            await world.store.transact(put(f"lamp-{number}", 1))
        for number in range(3):
            await world.store.transact(lambda tx, name=f"other-{number}": others.put(tx, name, record=Lamp(1)))
        await loop.run_until_idle()
        assert len(order) == 303
        assert order[: 2 * AT_ONCE].count("others") == 3

    asyncio.run(story())


def test_a_key_that_is_written_while_it_is_looked_at_is_looked_at_again():
    async def story():
        world, slow = World(), Slow()
        loop = Loop(world, [slow])
        await world.store.transact(put("lamp", 1))
        running = asyncio.create_task(loop.run_until_idle())
        while not slow.begun:
            await asyncio.sleep(0)
        await world.store.transact(put("lamp", 2))
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(slow.begun) == 1
        slow.gate.set()
        await running
        assert len(slow.begun) == 2

    asyncio.run(story())


class Brief:
    """Acts outside for a few turns of the event loop, more or fewer."""

    watches = "lamps"
    outside = True

    def __init__(self, seed):
        self.random = random.Random(seed)

    async def reconcile(self, world, key):
        for _ in range(self.random.randrange(8)):
            await asyncio.sleep(0)
        return Done


class Unhurried(MemoryStore):
    """Its answers take a few turns of the event loop, more or fewer, as a store's do that works in threads."""

    def __init__(self, seed):
        super().__init__()
        self.random = random.Random(seed)

    async def transact(self, work):
        found = await super().transact(work)
        for _ in range(self.random.randrange(6)):
            await asyncio.sleep(0)
        return found


@pytest.mark.parametrize("seed", range(20))
def test_two_who_run_one_loop_do_not_take_each_others_wakes(seed):
    """As a cloud's own run and a test's: what one has heard, the other must hear too."""

    async def story():
        world = World()
        world.store = Unhurried(seed)
        loop = Loop(world, [Brief(seed)])
        running = asyncio.create_task(loop.run())
        turns = random.Random(seed)
        for number in range(60):
            await world.store.transact(put(f"lamp-{number}", 1))
            for _ in range(turns.randrange(6)):
                await asyncio.sleep(0)
            await asyncio.wait_for(loop.run_until_idle(), 5)
        running.cancel()

    asyncio.run(story())
