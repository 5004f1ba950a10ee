"""Calls of drivers, in threads of their own."""

import asyncio
import threading

import pytest

from pileus.control.outside import THREADS, outside


def test_a_call_gives_its_result_or_raises_its_error():
    def fail():
        raise KeyError("no such machine")

    async def story():
        assert await outside(sum, [1, 2, 3]) == 6
        assert await outside(int, "ff", base=16) == 255
        with pytest.raises(KeyError, match="no such machine"):
            await outside(fail)

    asyncio.run(story())


def test_calls_run_side_by_side_up_to_a_limit_and_the_rest_wait_their_turn():
    async def story():
        gate, lock, now, most = threading.Event(), threading.Lock(), [0], [0]

        def work():
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            gate.wait(30)
            with lock:
                now[0] -= 1

        calls = [asyncio.create_task(outside(work)) for _ in range(3 * THREADS)]
        while now[0] < THREADS:
            await asyncio.sleep(0.01)
        gate.set()
        await asyncio.gather(*calls)
        assert most[0] == THREADS

    asyncio.run(story())


def test_whoever_is_cancelled_does_not_wait_for_the_call():
    async def story():
        gate = threading.Event()
        waiting = asyncio.create_task(outside(gate.wait, 30))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)
        gate.set()

    asyncio.run(story())
