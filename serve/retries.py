"""A question whose replica was lost is asked again: the model remembers nothing, and the same question has one answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from ray.exceptions import ObjectLostError, RayActorError
from ray.serve.exceptions import ReplicaUnavailableError

from serve.observability.metrics import count_retry

Answer = TypeVar("Answer")
LOST = (RayActorError, ObjectLostError, ReplicaUnavailableError)  # the process that answered, or what it had made
TRIES = 3


async def asked_again_if_lost(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `ask()` answers; it is called again, TRIES times in all, if a replica was lost over it."""
    for _ in range(TRIES - 1):
        try:
            return await ask()
        except Exception as problem:
            if not was_lost(problem):
                raise
            count_retry()
    return await ask()


async def continued_if_lost(ask: Callable[[], AsyncGenerator[Answer]]) -> AsyncGenerator[Answer]:
    """The events of `ask()`; if a replica was lost, those of the next call from where the ones before ended.

    The events have to be as many and the same each time, as those of a report are: then none is doubled or missing.
    """
    told = 0
    for left in reversed(range(TRIES)):
        place = 0
        try:
            async with aclosing(ask()) as events:
                async for event in events:
                    place += 1
                    if place > told:
                        told = place
                        yield event
            return
        except Exception as problem:
            if not left or not was_lost(problem):
                raise
            count_retry()


def was_lost(problem: BaseException) -> bool:
    """Also where another deployment's call failed for it: Ray (`cause`) and Serve wrap what its argument failed of."""
    causes = (problem, getattr(problem, "cause", None), problem.__cause__)
    return any(isinstance(cause, LOST) for cause in causes)
