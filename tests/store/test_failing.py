"""Stores that cannot write (a full disk): errors, never a wrong answer, and work again once there is room."""

import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: the limit on a file's size, which is our full disk, holds for a whole process.
PROGRAM = """
import asyncio, json, os, resource, shutil, signal, sys
from pileus.store import rocks
from pileus.store.rocks import RocksStore
from pileus.store.sqlite import SqliteStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rocks.REOPEN_AFTER_SECONDS = 0.0
rocks.log.disabled = True
path, kind, durability = sys.argv[1:]


def limit(octets):
    free = 0 if octets != resource.RLIM_INFINITY else 2**40
    rocks.shutil.disk_usage = lambda path: shutil._ntuple_diskusage(2**40, 0, free)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def look(tx):
    large = [int(key[1:]) for key, _ in tx.scan(b"a", b"b", 1000)]
    small = [int(key[1:]) for key, _ in tx.scan(b"b", b"c", 1000)]
    return {"large": large, "small": small, "last": int(tx.get(b"last", True))}


async def main():
    store = make()
    answered, told = [], {}
    for n in range(200):
        if n == 50:
            limit(1_000_000)
        if n == 150:
            told["during"] = await attempt(store, look)
            limit(resource.RLIM_INFINITY)

        def work(tx):
            tx.put(b"a%04d" % n, os.urandom(10_000))
            tx.put(b"b%04d" % n, b"x")
            tx.put(b"last", b"%d" % n)

        try:
            await store.transact(work)
        except Exception:
            continue
        answered.append(n)
    told["after"] = await attempt(store, look)
    store.close()
    told["again"] = await attempt(make(), look)
    print(json.dumps({"answered": answered, **told}))


async def attempt(store, work):
    try:
        return await store.transact(work)
    except Exception as error:
        return {"error": str(error)}


def make():
    return RocksStore(path, durability) if kind == "rocks" else SqliteStore(path + ".sqlite", durability)


asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["rocks", "sqlite"])
@pytest.mark.parametrize("durability", ["process", "full"])
def test_a_full_disk_costs_no_acknowledged_write_and_no_restart(tmp_path: Path, kind: str, durability: str) -> None:
    import json

    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), kind, durability]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    answered = told["answered"]
    assert answered[:50] == list(range(50))
    assert not set(range(130, 150)) & set(answered), "the disk was full"
    assert answered[-40:] == list(range(160, 200)), "it did not recover"
    for moment in ("after", "again"):
        seen = told[moment]
        assert set(answered) <= set(seen["large"]), f"an acknowledged write is lost {moment}"
        assert seen["large"] == seen["small"], f"half of a write is visible {moment}"
        assert seen["last"] == 199
    if "error" not in told["during"]:
        assert told["during"]["large"] == told["during"]["small"]
        assert told["during"]["last"] == max(n for n in answered if n < 150)
