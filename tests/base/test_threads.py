"""Work in threads: what it gives and raises comes back, and nobody goes on before it has ended."""

import asyncio
import threading

import pytest

from pileus.base.threads import THREADS_MOST, begin, ended, finished, threaded


def test_what_a_thread_gives_or_raises_comes_back():
    async def main():
        assert await threaded(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await threaded(divmod, 7, 0)

    asyncio.run(main())


def test_more_jobs_than_threads_are_all_done():
    async def main():
        threads = set()

        def work(number):
            threads.add(threading.get_ident())
            return number

        jobs = [begin(work, number) for number in range(20 * THREADS_MOST)]
        await finished(jobs)
        assert [job.result() for job in jobs] == list(range(20 * THREADS_MOST))
        assert threading.get_ident() not in threads
        assert len(threads) <= THREADS_MOST

    asyncio.run(main())


@pytest.mark.parametrize("cancels", [1, 3])
def test_a_task_that_is_cancelled_goes_on_only_after_its_threads_have_ended(cancels):
    async def main():
        free, done = threading.Event(), []

        def work():
            free.wait(10)
            done.append(True)

        task = asyncio.create_task(threaded(work))
        for _ in range(cancels):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done

    asyncio.run(main())


def test_all_jobs_are_waited_for_though_the_first_fails():
    async def main():
        free, done = threading.Event(), []

        def slow():
            free.wait(10)
            done.append(True)

        def fails():
            free.set()
            raise KeyError("first")

        jobs = [begin(fails), begin(slow)]
        with pytest.raises(KeyError, match="first"):
            await finished(jobs)
        assert done
        await ended(jobs)

    asyncio.run(main())


def test_a_loop_that_is_gone_does_not_stop_the_threads():
    free = threading.Event()

    async def leaves():
        begin(free.wait, 10)

    async def asks():
        return await threaded(divmod, 7, 2)

    asyncio.run(leaves())
    free.set()
    assert asyncio.run(asks()) == (3, 1)
