"""The loop that runs reconcilers.

A reconciler is told which key to look at and never what happened to it, so a missed, doubled or reordered wake-up is
harmless. The work queue is rows in the store, written in the same transaction as the change: a crash loses nothing.

    dirty  table, key…        -> how often it was written; removed after a look during which nobody wrote it again
    timer  due (us), table, key…  -> look again then;   alarm  table, key… -> the due moment, so that a key has one
    timer
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any, Protocol

from pileus.base.clock import Clock, SimClock
from pileus.store import DIRTY, Store, Transaction, pack, prefix_range, unpack

log = logging.getLogger("pileus.control")

BATCH = 100
RETRY_AFTER_S = 5.0
AT_ONCE = 16
"""How many keys of reconcilers that act outside are looked at at the same time."""


@dataclass(frozen=True)
class RequeueAt:
    """Look at this key again at `moment` (the cloud's clock), or sooner if it is written."""

    moment: float


Done = None
Outcome = RequeueAt | None


class World(Protocol):
    store: Store
    clock: Clock


class Reconciler(Protocol):
    """`watches` is the name of the table whose keys it looks at. `reconcile` may be killed at any line and run
    again.

    One with an attribute `outside = True` acts on the world, which takes its time: several of its keys are looked at
    at once, each by one at a time, and the others' work goes on meanwhile.
    """

    watches: str

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome: ...


class Loop:
    def __init__(self, world: World, reconcilers: list[Reconciler], seed: int | None = None):
        self._world, self._random = world, Random(seed)
        self._shuffled = seed is not None
        self._under_way: dict[bytes, asyncio.Task[None]] = {}
        self._watching: dict[str, list[Reconciler]] = {}
        for reconciler in reconcilers:
            self.add(reconciler)
        self._ears: set[asyncio.Event] = set()
        """Of everybody who runs this loop, each with one of their own: nobody may miss what another has heard."""
        world.store.on_signal(self._hear)

    def add(self, reconciler: Reconciler) -> None:
        """Before the loop runs: a table without its reconcilers would be looked at in vain."""
        self._watching.setdefault(reconciler.watches, []).append(reconciler)

    def _hear(self, keys: set[bytes]) -> None:
        if DIRTY in keys:
            self.stir()

    def stir(self) -> None:
        """Has the loop look again: at the clock, which was moved on, or at what is due."""
        for ear in self._ears:
            ear.set()

    @contextlib.contextmanager
    def _ear(self) -> Iterator[asyncio.Event]:
        ear = asyncio.Event()
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)

    async def run(self) -> None:
        """Forever: works while there is work, then sleeps until something is written or a timer is due."""
        with self._ear() as stirred:
            await self._run(stirred)

    async def _run(self, stirred: asyncio.Event) -> None:
        while True:
            stirred.clear()
            try:
                await self.run_until_idle()
                timer = await self.next_timer()
                wait = None if timer is None else max(0.0, timer - self._world.clock.now())
            except Exception:
                # Not swallowed: logged with its trace. A store that cannot write now (a full disk) may do so later, and
                # the rows are still there.
                log.exception("background work was interrupted")
                wait = RETRY_AFTER_S
            try:
                await asyncio.wait_for(stirred.wait(), wait)
            except TimeoutError:
                continue

    async def run_until_idle(self) -> None:
        """Until nothing is due and nothing is under way."""
        with self._ear() as stirred:
            await self._work(stirred)

    async def _work(self, stirred: asyncio.Event) -> None:
        try:
            while True:
                stirred.clear()
                due = await self._due()
                if not due and not self._under_way:
                    return
                if self._shuffled:
                    self._random.shuffle(due)
                for row in due:
                    if self._acts_outside(row) and not self._shuffled:
                        self._begin(row)
                    else:
                        await self._look(row)
                    # An embedded store answers at once: without this, requests would wait for all of the work.
                    await asyncio.sleep(0)
                if self._under_way and not any(self._free(row) for row in due):
                    await self._something_happens(stirred)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _acts_outside(self, row: bytes) -> bool:
        table = str(unpack(row)[1])
        return any(getattr(reconciler, "outside", False) for reconciler in self._watching.get(table, ()))

    def _free(self, row: bytes) -> bool:
        return row not in self._under_way and (len(self._under_way) < AT_ONCE or not self._acts_outside(row))

    def _begin(self, row: bytes) -> None:
        if self._free(row):
            task = asyncio.get_running_loop().create_task(self._look(row))
            self._under_way[row] = task
            task.add_done_callback(lambda done: self._end(row, done))

    def _end(self, row: bytes, task: asyncio.Task[None]) -> None:
        del self._under_way[row]
        self.stir()
        if not task.cancelled() and task.exception() is not None:
            log.error("looking at %r failed", row, exc_info=task.exception())

    async def _something_happens(self, stirred: asyncio.Event) -> None:
        """A key that was under way is done, something is written, or the next timer is due."""
        timer = await self.next_timer()
        wait = None if timer is None else max(0.0, timer - self._world.clock.now())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stirred.wait(), wait)

    async def advance(self, seconds: float) -> None:
        """Moves a simulated clock on, stopping at every timer on the way."""
        clock = self._world.clock
        if not isinstance(clock, SimClock):
            raise TypeError("only a simulated clock is advanced by its loop")
        end = clock.now() + seconds
        await self.run_until_idle()
        while (timer := await self.next_timer()) is not None and timer <= end:
            clock.advance_to(max(timer, clock.now()))
            await self.run_until_idle()
        clock.advance_to(end)

    async def _look(self, row: bytes) -> None:
        _, table, *key = unpack(row)
        store = self._world.store
        seen = await store.transact(lambda tx: tx.get(row))
        if seen is None:
            return
        again: float | None = None
        for reconciler in self._watching.get(str(table), ()):
            try:
                outcome = await reconciler.reconcile(self._world, tuple(key))
            except Exception:
                # Not swallowed: logged with its trace, and the key is looked at again. One bad key must not stop the
                # rest.
                log.exception("reconciling %s %s failed", table, key)
                outcome = RequeueAt(self._world.clock.now() + RETRY_AFTER_S)
            if outcome is not None:
                again = outcome.moment if again is None else min(again, outcome.moment)

        def settle(tx: Transaction) -> None:
            if tx.get(row) == seen:
                tx.delete(row)
            _set_timer(tx, (table, *key), again)

        await store.transact(settle)

    async def _due(self) -> list[bytes]:
        now = int(self._world.clock.now() * 1e6)

        def work(tx: Transaction) -> list[bytes]:
            for row, _ in tx.scan(pack(("timer",)), pack(("timer", now + 1)), BATCH):
                _, _, *subject = unpack(row)
                tx.delete(row)
                tx.delete(pack(("alarm", *subject)))
                dirty = pack(("dirty", *subject))
                if tx.get(dirty) is None:
                    tx.put(dirty, b"\0")
            return [row for row in self._dirty(tx) if row not in self._under_way]

        return self._in_turn(await self._world.store.transact(work))

    def _dirty(self, tx: Transaction) -> list[bytes]:
        """The first rows. Of a table whose keys wait for the world, no more: the tables after it do not wait for it."""
        found: list[bytes] = []
        limit = BATCH + len(self._under_way)
        start, stop = prefix_range(("dirty",))
        while True:
            rows = [row for row, _ in tx.scan(start, stop, limit)]
            found += rows
            if len(rows) < limit or not self._acts_outside(rows[-1]):
                return found
            start = prefix_range(("dirty", str(unpack(rows[-1])[1])))[1]

    def _in_turn(self, rows: list[bytes]) -> list[bytes]:
        """First those of tables of which the fewest keys are under way: a thousand of one do not hold up another's."""
        busy = Counter(unpack(row)[1] for row in self._under_way)
        places = []
        for row in rows:
            table = unpack(row)[1]
            places.append((busy[table], row))
            busy[table] += 1
        return [row for _, row in sorted(places, key=lambda place: place[0])]

    async def next_timer(self) -> float | None:
        def work(tx: Transaction) -> float | None:
            rows = tx.scan(*prefix_range(("timer",)), 1)
            return int(unpack(rows[0][0])[1]) / 1e6 if rows else None

        return await self._world.store.transact(work)


def _set_timer(tx: Transaction, subject: tuple[Any, ...], moment: float | None) -> None:
    """A key has one timer at most: the latest answer of its reconcilers counts."""
    alarm = pack(("alarm", *subject))
    old = tx.get(alarm)
    if old is not None:
        tx.delete(pack(("timer", int.from_bytes(old, "big"), *subject)))
    if moment is None:
        if old is not None:
            tx.delete(alarm)
        return
    due = ceil(moment * 1e6)  # never sooner than asked for
    tx.put(pack(("timer", due, *subject)), b"")
    tx.put(alarm, due.to_bytes(8, "big"))
