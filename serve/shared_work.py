"""Work that several requests wait for, each as long as it may; it is given up once nobody waits any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from serve.gathering import Expired

Result = TypeVar("Result")


class SharedWork(Generic[Result]):
    """One client that gives up, or whose time is over, takes nothing from the others."""

    def __init__(self, work: Coroutine[Any, Any, Result]) -> None:
        self._task = asyncio.ensure_future(work)
        self._waiting = 0
        self._given_up = False

    @property
    def is_of_use(self) -> bool:
        """False once it was given up or has failed."""
        return not self._given_up and not (self._task.done() and self._task.exception())

    async def result(self, deadline: float) -> Result:
        """deadline: seconds since the epoch. Raises Expired, or what the work raised."""
        if self._task.done():
            return self._task.result()
        left = None if deadline == float("inf") else max(0.0, deadline - time.time())
        self._waiting += 1
        try:
            return await asyncio.wait_for(asyncio.shield(self._task), left)
        except TimeoutError:
            raise Expired from None
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._given_up = True
                self._task.cancel()
