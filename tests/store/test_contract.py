"""What every store promises (pileus/store/api.py), asked of each one."""

import asyncio
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.store import (
    KEY_BYTES_MAX,
    VALUE_BYTES_MAX,
    AlreadyOpen,
    Index,
    LimitExceeded,
    Table,
    pack,
    prefix_range,
    unpack,
)
from pileus.store.memory import MemoryStore
from pileus.store.rocks import RocksStore
from pileus.store.sqlite import SqliteStore

ENGINES = {
    "memory": lambda path: MemoryStore(),
    "memory with conflicts": lambda path: MemoryStore(Random(7)),
    "sqlite": lambda path: SqliteStore(path / "state.sqlite"),
    "sqlite, full durability": lambda path: SqliteStore(path / "state.sqlite", "full"),
    "rocks": lambda path: RocksStore(path / "state"),
    "rocks, full durability": lambda path: RocksStore(path / "state", "full"),
}
DURABLE = [name for name in ENGINES if not name.startswith("memory")]


@pytest.fixture(params=ENGINES, ids=str)
def make(request, tmp_path: Path):
    return lambda: ENGINES[request.param](tmp_path)


@pytest.fixture(params=DURABLE, ids=str)
def make_durable(request, tmp_path: Path):
    return lambda: ENGINES[request.param](tmp_path)


def run(make, scenario):
    async def main():
        store = make()
        try:
            return await scenario(store)
        finally:
            store.close()

    return asyncio.run(main())


def fill(tx, *keys: bytes):
    for key in keys:
        tx.put(key, b"of " + key)


def test_what_was_put_is_got_and_what_was_deleted_is_not(make):
    async def scenario(store):
        await store.transact(lambda tx: fill(tx, b"a", b"b"))
        await store.transact(lambda tx: tx.delete(b"a"))
        assert await store.transact(lambda tx: (tx.get(b"a"), tx.get(b"b"), tx.get(b"c"))) == (None, b"of b", None)

    run(make, scenario)


def test_a_closure_sees_its_own_writes(make):
    async def scenario(store):
        await store.transact(lambda tx: fill(tx, b"a", b"c"))

        def work(tx):
            fill(tx, b"b")
            tx.delete(b"a")
            tx.put(b"c", b"new")
            assert (tx.get(b"a"), tx.get(b"b"), tx.get(b"c")) == (None, b"of b", b"new")
            assert tx.scan(b"a", b"z", 10) == [(b"b", b"of b"), (b"c", b"new")]
            assert tx.scan(b"a", b"z", 1, True) == [(b"c", b"new")]

        await store.transact(work)

    run(make, scenario)


def test_scans_are_ordered_bounded_and_go_both_ways(make):
    async def scenario(store):
        await store.transact(lambda tx: fill(tx, b"b", b"a", b"d", b"c", b"\xff", b""))

        def keys(*arguments):
            return store.transact(lambda tx: [key for key, _ in tx.scan(*arguments)])

        assert await keys(b"", b"\xff\xff", 10) == [b"", b"a", b"b", b"c", b"d", b"\xff"]
        assert await keys(b"b", b"d", 10) == [b"b", b"c"]
        assert await keys(b"b", b"d", 1) == [b"b"]
        assert await keys(b"a", b"d", 2, True) == [b"c", b"b"]
        assert await keys(b"x", b"a", 10) == []
        assert await keys(b"a", b"z", 0) == []

    run(make, scenario)


def test_a_scan_backwards_stops_where_its_range_begins(make):
    async def scenario(store):
        await store.transact(lambda tx: fill(tx, b"a", b"b1", b"b2", b"c"))
        ends = [(b"b", b"c"), (b"b1", b"b2"), (b"b3", b"b4")]
        return [await store.transact(lambda tx, e=e: [k for k, _ in tx.scan(*e, 10, True)]) for e in ends]

    assert run(make, scenario) == [[b"b2", b"b1"], [b"b1"], []]


def test_a_closure_that_raises_changes_nothing_and_the_others_go_on(make):
    async def scenario(store):
        def fails(tx):
            fill(tx, b"a")
            raise ValueError("no")

        first, second, third = await asyncio.gather(
            store.transact(lambda tx: fill(tx, b"x")),
            store.transact(fails),
            store.transact(lambda tx: fill(tx, b"y")),
            return_exceptions=True,
        )
        assert (first, third) == (None, None)
        assert isinstance(second, ValueError)
        assert await store.transact(lambda tx: (tx.get(b"a"), tx.get(b"x"), tx.get(b"y"))) == (None, b"of x", b"of y")

    run(make, scenario)


def test_a_hot_key_never_answers_with_an_old_value(make):
    async def scenario(store):
        assert await store.transact(lambda tx: tx.get(b"hot", True)) is None
        for number in range(5):
            value = b"%d" % number
            await store.transact(lambda tx, value=value: tx.put(b"hot", value))
            assert await store.transact(lambda tx: tx.get(b"hot", True)) == value

        def fails(tx):
            tx.put(b"hot", b"never")
            raise ValueError("no")

        with pytest.raises(ValueError):
            await store.transact(fails)
        assert await store.transact(lambda tx: tx.get(b"hot", True)) == b"4"
        await store.transact(lambda tx: tx.delete(b"hot"))
        assert await store.transact(lambda tx: tx.get(b"hot", True)) is None

    run(make, scenario)


def test_concurrent_counters_lose_no_increment(make):
    async def scenario(store):
        def increment(tx):
            tx.put(b"n", b"%d" % (int(tx.get(b"n") or b"0") + 1))

        await asyncio.gather(*(store.transact(increment) for _ in range(300)))
        assert await store.transact(lambda tx: tx.get(b"n")) == b"300"

    run(make, scenario)


def test_reset_forgets_what_was_written(make):
    async def scenario(store):
        def work(tx):
            fill(tx, b"a")
            assert tx.wrote
            tx.reset()
            assert not tx.wrote
            fill(tx, b"b")

        await store.transact(work)
        assert await store.transact(lambda tx: (tx.get(b"a"), tx.get(b"b"))) == (None, b"of b")

    run(make, scenario)


def test_limits_are_the_same_everywhere(make):
    async def scenario(store):
        await store.transact(lambda tx: tx.put(b"k" * KEY_BYTES_MAX, b"v" * VALUE_BYTES_MAX))
        with pytest.raises(LimitExceeded):
            await store.transact(lambda tx: tx.put(b"k" * (KEY_BYTES_MAX + 1), b""))
        with pytest.raises(LimitExceeded):
            await store.transact(lambda tx: tx.put(b"k", b"v" * (VALUE_BYTES_MAX + 1)))
        assert await store.transact(lambda tx: tx.get(b"k")) is None

    run(make, scenario)


def test_signals_are_heard_after_the_commit_and_not_after_a_failure(make):
    async def scenario(store):
        heard = []
        store.on_signal(heard.append)

        def signals(tx):
            fill(tx, b"a")
            tx.signal(b"bell")

        def fails(tx):
            tx.signal(b"alarm")
            raise ValueError("no")

        await store.transact(signals)
        with pytest.raises(ValueError):
            await store.transact(fails)
        await asyncio.sleep(0)
        assert heard == [{b"bell"}]

    run(make, scenario)


def test_what_was_answered_is_there_after_reopening(make_durable):
    async def write(store):
        await asyncio.gather(*(store.transact(lambda tx, n=n: fill(tx, b"%03d" % n)) for n in range(200)))
        await store.transact(lambda tx: tx.delete(b"100"))

    async def read(store):
        pairs = await store.transact(lambda tx: tx.scan(b"0", b"9", 1_000))
        assert pairs == [(b"%03d" % n, b"of %03d" % n) for n in range(200) if n != 100]

    run(make_durable, write)
    run(make_durable, read)


def test_a_data_directory_has_one_owner(make_durable):
    async def scenario(store):
        with pytest.raises(AlreadyOpen):
            make_durable()

    run(make_durable, scenario)


part = st.one_of(st.text(max_size=8), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=8))
KINDS = {bytes: 1, str: 2, int: 3}


def order(parts):
    return tuple((KINDS[type(part)], part.encode() if isinstance(part, str) else part) for part in parts)


@given(st.lists(part, max_size=4), st.lists(part, max_size=4))
def test_packed_tuples_sort_as_the_tuples_do(a, b):
    a, b = tuple(a), tuple(b)
    assert unpack(pack(a)) == a
    assert (pack(a) < pack(b)) == (order(a) < order(b))


@given(st.lists(part, min_size=1, max_size=3), st.lists(part, min_size=1, max_size=3))
def test_a_prefix_range_holds_the_longer_tuples_and_no_others(prefix, other):
    start, stop = prefix_range(tuple(prefix))
    assert start <= pack((*prefix, "x")) < stop
    inside = start <= pack(tuple(other)) < stop
    assert inside == (other[: len(prefix)] == prefix)


class Pet(msgspec.Struct, frozen=True):
    name: str
    kind: str


def pets():
    by_kind = Index("pets.by_kind", lambda key, pet: [(pet.kind, key[0])])
    return Table("pets", Pet, indexes=(by_kind,)), by_kind


actions = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["cat", "dog", None])), max_size=30)


@settings(max_examples=50, deadline=None)
@given(actions)
def test_an_index_always_shows_what_the_table_holds(steps):
    table, by_kind = pets()
    expected = {}

    async def scenario(store):
        for number, kind in steps:
            if kind is None:
                expected.pop(number, None)
                await store.transact(lambda tx, n=number: table.delete(tx, n))
            else:
                expected[number] = kind
                await store.transact(lambda tx, n=number, k=kind: table.put(tx, n, record=Pet(str(n), k)))

        def check(tx):
            for kind in ("cat", "dog"):
                found = [key[0] for key, _ in table.find(tx, by_kind, kind)]
                assert found == sorted(n for n, k in expected.items() if k == kind)

        await store.transact(check)

    run(MemoryStore, scenario)


def test_a_scan_of_a_table_can_begin_anywhere(make):
    table = Table("pets", Pet)

    async def scenario(store):
        def write(tx):
            for name in ("ann", "anton", "bea", "zoe"):
                table.put(tx, "x", name, record=Pet(name, "cat"))
            table.put(tx, "y", "other", record=Pet("other", "cat"))

        await store.transact(write)

        def names(**arguments):
            return store.transact(lambda tx: [key[0] for key, _ in table.scan(tx, "x", **arguments)])

        assert await names() == ["ann", "anton", "bea", "zoe"]
        assert await names(after=("anton",)) == ["bea", "zoe"]
        assert await names(before=("bea",)) == ["ann", "anton"]
        assert await names(begins="an") == ["ann", "anton"]
        assert await names(begins="an", after=("ann",)) == ["anton"]
        assert await names(limit=2, reverse=True) == ["zoe", "bea"]

    run(make, scenario)
