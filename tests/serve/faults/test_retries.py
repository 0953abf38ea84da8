"""A lost replica costs a second try, anything else is not hidden."""

from __future__ import annotations

import asyncio

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.serve.exceptions import RayServeException

from serve.retries import asked_again_if_lost, continued_if_lost


def failing(*faults):
    """Raises one fault per call, then answers with the number of the call."""
    calls = []

    async def ask():
        calls.append(1)
        if len(calls) <= len(faults):
            raise faults[len(calls) - 1]
        return len(calls)

    return ask


def test_a_lost_replica_is_forgiven_twice():
    lost = ActorDiedError()
    # what the generator's call fails of when the detector, whose answer is its argument, was lost
    handed_on = RayTaskError("answer", "", lost)
    # the same before the generator was called
    not_called = RayServeException("an upstream actor died")
    not_called.__cause__ = lost
    assert asyncio.run(asked_again_if_lost(failing())) == 1
    assert asyncio.run(asked_again_if_lost(failing(not_called))) == 2
    assert asyncio.run(asked_again_if_lost(failing(lost))) == 2
    assert asyncio.run(asked_again_if_lost(failing(lost, handed_on))) == 3
    with pytest.raises(ActorDiedError):
        asyncio.run(asked_again_if_lost(failing(handed_on, lost, lost)))


@pytest.mark.parametrize(
    "fault", [ValueError(), KeyError(), RayServeException(), asyncio.CancelledError(), TimeoutError()]
)
def test_other_faults_are_not_tried_again(fault):
    with pytest.raises(type(fault)):
        asyncio.run(asked_again_if_lost(failing(fault)))


@pytest.mark.parametrize("lost_after", range(5))
def test_events_go_on_where_they_broke_off(lost_after):
    started = []

    async def events():
        started.append(1)
        for number in range(4):
            if len(started) == 1 and number == lost_after:
                raise ActorUnavailableError("lost", b"\0" * 16)
            yield number
        if len(started) == 1 and lost_after == 4:
            raise ActorDiedError()

    async def collected():
        return [event async for event in continued_if_lost(events)]

    assert asyncio.run(collected()) == [0, 1, 2, 3] and len(started) == 2
