"""The embedded stores beside each other, behind the same closures: python -m bench.stores (decision 0001)."""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from pileus.store import Table, pack, prefix_range
from pileus.store.rocks import RocksStore
from pileus.store.sqlite import SqliteStore

ENGINES = {"rocks": RocksStore, "sqlite": SqliteStore}
CLOSURES = 20_000


class Message(msgspec.Struct, frozen=True):
    number: int
    body: str


messages = Table("message", Message)


def closure(number: int) -> Any:
    """What a send costs the store: a record of 300 bytes, a row of an index, a counter."""

    def work(tx: Any) -> None:
        messages.put(tx, "queue", number, record=Message(number, "m" * 256))
        tx.put(pack(("index", "queue", number * 1_000, number)), b"x" * 20)
        tx.put(pack(("counter", "queue")), number.to_bytes(8, "big"))

    return work


async def writes(store: Any, clients: int, first: int) -> float:
    """Microseconds of CPU a closure."""
    begin, number = time.process_time(), first
    while number < first + CLOSURES:
        errors: list[Any] = []
        for _ in range(clients):
            store.submit(closure(number), lambda result, error, errors=errors: errors.append(error))
            number += 1
        while len(errors) < clients:
            await asyncio.sleep(0)
        if any(errors):
            raise RuntimeError(f"a closure failed: {errors}")
    return (time.process_time() - begin) / CLOSURES * 1e6


def reads(store: Any, step: Any) -> float:
    begin = time.process_time()
    for number in range(CLOSURES):
        step(store, number)
    return (time.process_time() - begin) / CLOSURES * 1e6


async def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = ENGINES[name](Path(folder) / "state")
        print(f"{name}: closure, one client: {await writes(store, 1, 0):.1f} us")
        print(f"{name}: closure, 16 clients: {await writes(store, 16, CLOSURES):.1f} us")
        print(f"{name}: get: {reads(store, lambda s, n: s.read(messages.key('queue', n), False)):.1f} us")
        start, stop = prefix_range(("index", "queue"))
        print(f"{name}: scan of one: {reads(store, lambda s, n: s.range(start, stop, 1, False)):.1f} us")
        print(f"{name}: resident: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
        store.close()


if __name__ == "__main__":
    for engine in sys.argv[1:] or ENGINES:
        asyncio.run(main(engine))
