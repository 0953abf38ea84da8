"""Several wait for one piece of work: each is served, late or gone on its own."""

from __future__ import annotations

import asyncio
import time

import pytest

from serve.gathering import Expired
from serve.shared_work import SharedWork

NEVER = float("inf")


def test_an_early_deadline_is_its_own_alone():
    async def main():
        gate = asyncio.Event()

        async def work():
            await gate.wait()
            return 7

        shared = SharedWork(work())
        patient = [asyncio.ensure_future(shared.result(deadline)) for deadline in (NEVER, time.time() + 30)]
        for deadline in (time.time() + 0.05, time.time() - 1):
            with pytest.raises(Expired):
                await shared.result(deadline)
        patient[0].cancel()
        await asyncio.sleep(0)
        assert shared.is_of_use
        gate.set()
        assert await patient[1] == 7 and await shared.result(time.time() - 1) == 7 and shared.is_of_use

    asyncio.run(main())


def test_what_nobody_waits_for_is_given_up():
    async def main():
        cancelled = []

        async def work():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        shared = SharedWork(work())
        waiting = asyncio.ensure_future(shared.result(NEVER))
        await asyncio.sleep(0.01)
        with pytest.raises(Expired):
            await shared.result(time.time() + 0.01)
        assert shared.is_of_use and not cancelled
        waiting.cancel()
        await asyncio.sleep(0.01)
        assert cancelled and not shared.is_of_use

    asyncio.run(main())


def test_a_fault_is_told_and_not_kept():
    async def main():
        async def work():
            raise OSError("gone")

        shared = SharedWork(work())
        with pytest.raises(OSError, match="gone"):
            await shared.result(NEVER)
        assert not shared.is_of_use

    asyncio.run(main())
