"""The record of calls: bounded, in order, and found again from any position."""

import asyncio

import pytest

from pileus.service import records
from pileus.service.records import CallRecord, Denial, Recorder
from pileus.store.memory import MemoryStore


def record(number):
    return CallRecord(float(number), f"id-{number}", "sqs", "SendMessage", "0", "root", 200, number)


async def some(store, count, wrote, recorder=None):
    recorder = recorder or Recorder(store)
    for n in range(count):
        await store.transact(lambda tx, n=n: recorder.record(tx, record(n), wrote))
    recorder.flush()
    return recorder


def ask(store, work):
    return store.transact(work)


@pytest.mark.parametrize("wrote", [True, False])
def test_records_are_read_in_order_from_any_position(wrote):
    async def main():
        store = MemoryStore()
        await some(store, 1_000, wrote)
        for after in (0, 1, 127, 128, 129, 500, 999):
            found = await ask(store, lambda tx, after=after: records.read(tx, after, 300))
            assert [position for position, _ in found] == list(range(after + 1, min(after + 301, 1001)))
            assert [one.micros for _, one in found] == [position - 1 for position, _ in found]
        assert await ask(store, lambda tx: records.read(tx, 1_000, 300)) == []

    asyncio.run(main())


@pytest.mark.parametrize("wrote", [True, False])
def test_the_latest_records_are_the_latest(wrote):
    async def main():
        store = MemoryStore()
        await some(store, 700, wrote)
        for count in (1, 20, 300, 5_000):
            found = await ask(store, lambda tx, count=count: records.latest(tx, count))
            assert [one.micros for _, one in found] == list(range(max(0, 700 - count), 700))

    asyncio.run(main())


def test_positions_go_on_after_a_restart():
    async def main():
        store = MemoryStore()
        await some(store, 300, False)
        await some(store, 10, True)
        found = await ask(store, lambda tx: records.latest(tx, 12))
        assert [position for position, _ in found] == list(range(299, 311))

    asyncio.run(main())


@pytest.mark.parametrize("wrote", [True, False])
def test_only_so_many_records_are_kept(monkeypatch, wrote):
    monkeypatch.setattr(records, "KEPT", 500)

    async def main():
        store = MemoryStore()
        recorder = await some(store, 2_000, wrote)
        await some(store, 300, wrote, recorder)
        found = await ask(store, lambda tx: records.read(tx, 0, 5_000))
        assert 500 <= len(found) <= 500 + 2 * records.ROW_RECORDS_MAX
        assert found[-1][0] == 2_300

    asyncio.run(main())


def test_only_so_many_denials_are_kept_and_the_latest_is_known(monkeypatch):
    monkeypatch.setattr(records, "DENIALS_KEPT", 10)

    async def main():
        store = MemoryStore()
        for n in range(25):
            await ask(store, lambda tx, n=n: records.keep_denial(tx, f"id-{n}", Denial(1.0, "0", {"n": n})))
        assert await ask(store, records.latest_denial) == "id-24"
        kept = await ask(store, lambda tx: [key[0] for key, _ in records.denials.scan(tx)])
        assert sorted(kept) == sorted(f"id-{n}" for n in range(15, 25))

    asyncio.run(main())
