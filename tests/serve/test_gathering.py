"""What goes together, what waits, and what is never begun."""

from __future__ import annotations

import asyncio
import time

import pytest

from serve.gathering import Expired, Gathering, Overloaded


class Worker:
    """Doubles numbers, when it is let; keeps what it was given."""

    def __init__(self, open_at_once: bool = True) -> None:
        self.calls: list[list[int]] = []
        self.cancelled = 0
        self.gate = asyncio.Event()
        if open_at_once:
            self.gate.set()

    async def __call__(self, items: list[int]) -> list[int | Exception]:
        self.calls.append(items)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [ValueError(f"{item} is unlucky") if item == 13 else 2 * item for item in items]


def test_what_arrives_meanwhile_goes_together():
    async def main():
        worker = Worker(open_at_once=False)
        gathering = Gathering(worker, most_weight=3)
        first = asyncio.ensure_future(gathering(1))
        await asyncio.sleep(0.01)
        others = [asyncio.ensure_future(gathering(item)) for item in range(2, 7)]
        await asyncio.sleep(0.01)
        assert worker.calls == [[1]] and len(gathering) == 5
        worker.gate.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6, 8, 10, 12]
        assert worker.calls == [[1], [2, 3, 4], [5, 6]]

    asyncio.run(main())


def test_weights_are_kept_and_what_is_too_heavy_goes_alone():
    async def main():
        worker = Worker()
        gathering = Gathering(worker, most_weight=10, weight=lambda item: item)
        assert await asyncio.gather(*map(gathering, (4, 5, 2, 50, 1))) == [8, 10, 4, 100, 2]
        assert worker.calls == [[4, 5], [2], [50], [1]]

    asyncio.run(main())


def test_calls_side_by_side():
    async def main():
        worker = Worker(open_at_once=False)
        gathering = Gathering(worker, most_weight=1, at_once=2)
        waiting = [asyncio.ensure_future(gathering(item)) for item in range(4)]
        await asyncio.sleep(0.01)
        assert worker.calls == [[0], [1]]
        worker.gate.set()
        assert await asyncio.gather(*waiting) == [0, 2, 4, 6]

    asyncio.run(main())


def test_a_fault_is_its_own_item_s_alone():
    async def main():
        results = await asyncio.gather(*map(Gathering(Worker(), most_weight=9), (1, 13, 3)), return_exceptions=True)
        assert (results[0], results[2]) == (2, 6) and "unlucky" in str(results[1])

    asyncio.run(main())


@pytest.mark.parametrize("answer", [None, [1, 2, 3]])
def test_work_that_fails_as_a_whole_fails_all_and_goes_on(answer):
    async def main():
        answers = [answer, [1, 2]]

        async def work(items):
            if (found := answers.pop(0)) is None:
                raise OSError("gone")
            return found

        gathering = Gathering(work, most_weight=9)
        failed = await asyncio.gather(gathering(1), gathering(2), return_exceptions=True)
        assert all(isinstance(one, OSError | RuntimeError) for one in failed)
        assert await asyncio.gather(gathering(1), gathering(2)) == [1, 2]

    asyncio.run(main())


def test_more_than_may_wait_is_refused_at_once():
    async def main():
        worker = Worker(open_at_once=False)
        gathering = Gathering(worker, most_weight=1, most_waiting=2)
        waiting = [asyncio.ensure_future(gathering(item)) for item in range(2)]
        await asyncio.sleep(0.01)
        waiting.append(asyncio.ensure_future(gathering(2)))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            await gathering(3)
        waiting[1].cancel()  # who gives up makes room
        await asyncio.sleep(0.01)
        waiting.append(asyncio.ensure_future(gathering(4)))
        worker.gate.set()
        assert [await waiting[place] for place in (0, 2, 3)] == [0, 4, 8]
        assert worker.calls == [[0], [2], [4]]

    asyncio.run(main())


def test_what_is_late_is_told_at_once_and_never_begun():
    async def main():
        worker = Worker(open_at_once=False)
        gathering = Gathering(worker, most_weight=9)
        first = asyncio.ensure_future(gathering(1))
        await asyncio.sleep(0.01)
        for deadline in (time.time() - 1, time.time() + 0.05):
            with pytest.raises(Expired):
                await asyncio.wait_for(gathering(2, deadline), 1)
        worker.gate.set()
        assert await first == 2 and await gathering(3, time.time() + 5) == 6
        assert worker.calls == [[1], [3]]

    asyncio.run(main())


def test_work_that_nobody_waits_for_is_cancelled():
    async def main():
        worker = Worker(open_at_once=False)
        gathering = Gathering(worker, most_weight=9)
        both = [asyncio.ensure_future(gathering(item)) for item in (1, 2)]
        await asyncio.sleep(0.01)
        both[0].cancel()
        await asyncio.sleep(0.01)
        assert worker.cancelled == 0
        both[1].cancel()
        await asyncio.sleep(0.01)
        assert worker.cancelled == 1
        worker.gate.set()
        assert await gathering(5) == 10

    asyncio.run(main())
