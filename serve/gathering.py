"""Natural batching: what arrives while others are worked on goes together; nobody waits for a batch to fill."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Overloaded(Exception):
    """Too much is waiting already."""


class Expired(Exception):
    """The deadline passed before there was a result."""


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    weight: int
    deadline: float
    answer: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering(Generic[Item, Result]):
    """Calls `work` with several items at a time, at most `at_once` calls side by side.

    work: items → as many results; one that is an exception is raised for its item alone.
    most_weight: of the items of one call; a heavier item goes by itself. most_waiting: items that may wait.
    Items that nobody awaits any more, and those whose deadline (seconds since the epoch) has passed, are dropped before
    their work is begun; work of which no item is waited for any more is cancelled.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        most_weight: int,
        weight: Callable[[Item], int] = lambda _: 1,
        at_once: int = 1,
        most_waiting: int | None = None,
    ) -> None:
        self._work, self._weight = work, weight
        self._most_weight, self._at_once, self._most_waiting = most_weight, at_once, most_waiting
        self._waiting: deque[_Waiting[Item]] = deque()
        self._calls: set[asyncio.Task] = set()
        # Serve cancels what is called in a request's context along with that request: calls belong to several
        self._context = contextvars.copy_context()

    def __len__(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    async def __call__(self, item: Item, deadline: float = float("inf")) -> Result:
        """The item's result. Raises Overloaded, Expired, or what the work raised."""
        if self._most_waiting is not None and len(self._waiting) >= self._most_waiting:
            self._forget_the_lost()
            if len(self._waiting) >= self._most_waiting:
                raise Overloaded
        loop = asyncio.get_running_loop()
        one = _Waiting(item, self._weight(item), deadline)
        self._waiting.append(one)
        # not at once: what else arrives in this turn of the event loop goes along
        loop.call_soon(self._begin, context=self._context.copy())
        if deadline == float("inf"):
            return await one.answer
        alarm = loop.call_later(max(0.0, deadline - time.time()), _expire, one.answer)
        try:
            return await one.answer
        finally:
            alarm.cancel()

    def _begin(self) -> None:
        while len(self._calls) < self._at_once and (batch := self._next()):
            call = asyncio.create_task(self._answer(batch), context=self._context.copy())
            self._calls.add(call)
            call.add_done_callback(self._ended, context=self._context.copy())
            for one in batch:
                one.answer.add_done_callback(lambda _, call=call, batch=batch: _cancel_if_unwanted(call, batch))

    def _ended(self, call: asyncio.Task) -> None:
        self._calls.discard(call)
        self._begin()

    def _next(self) -> list[_Waiting[Item]]:
        """The first items in line that are still wanted and in time, as many as go together."""
        batch: list[_Waiting[Item]] = []
        weight = 0
        while self._waiting:
            one = self._waiting[0]
            if _lost(one):
                self._waiting.popleft()
                continue
            if batch and weight + one.weight > self._most_weight:
                break
            batch.append(self._waiting.popleft())
            weight += one.weight
        return batch

    def _forget_the_lost(self) -> None:
        self._waiting = deque(one for one in self._waiting if not _lost(one))

    async def _answer(self, batch: list[_Waiting[Item]]) -> None:
        try:
            results = await self._work([one.item for one in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} results expected; found {len(results)}")
        except Exception as problem:  # noqa: BLE001  raised where each result is awaited
            results = [problem] * len(batch)
        for one, result in zip(batch, results):
            if not one.answer.done():
                _settle(one.answer, result)


def _lost(one: _Waiting) -> bool:
    """True if nobody awaits it, or if it is too late, which is then told."""
    if time.time() >= one.deadline:
        _expire(one.answer)
    return one.answer.done()


def _expire(answer: asyncio.Future) -> None:
    if not answer.done():
        answer.set_exception(Expired())


def _settle(answer: asyncio.Future, result: Any) -> None:
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _cancel_if_unwanted(call: asyncio.Task, batch: list[_Waiting]) -> None:
    if all(one.answer.done() for one in batch):
        call.cancel()
