"""A question whose replica was lost is asked once more: answering changes nothing, and the same question has one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from ray.exceptions import ObjectLostError, RayActorError

from serve.observability.metrics import count_retry

Answer = TypeVar("Answer")
LOST = (RayActorError, ObjectLostError)  # the process that answered is gone, or what it had made


async def asked_again_if_lost(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `ask()` answers; it is called a second time if a replica was lost over the first."""
    try:
        return await ask()
    except LOST:
        count_retry()
        return await ask()


async def continued_if_lost(ask: Callable[[], AsyncIterator[Answer]]) -> AsyncIterator[Answer]:
    """The events of `ask()`; if a replica was lost, the second call's from where the first one's ended.

    The events have to be the same each time, as those of a report are: then none is doubled, missing or of another run.
    """
    seen = 0
    try:
        async for event in ask():
            seen += 1
            yield event
        return
    except LOST:
        count_retry()
    async for event in ask():
        if seen:
            seen -= 1
        else:
            yield event
