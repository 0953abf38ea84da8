"""One thread uses a replica's model; the event loop stays free for those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipelines.faults import where_and_what
from serve.gathering import Expired
from serve.observability.logs import log
from serve.questions import Failed, OtherModel

Result = TypeVar("Result")


class ModelThread:
    """threads: processor threads that torch uses for one call; without it, as many as Ray allows the replica."""

    def __init__(self, threads: int | None = None) -> None:
        if threads:
            import torch

            torch.set_num_threads(threads)
        self._pool = ThreadPoolExecutor(1)

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)


async def every_result(tasks: Iterable[Awaitable[Result]]) -> list[Result | Exception]:
    """The results in order. A fault is the result of its task alone, and told in the log, not to other processes."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    told = []
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, Expired | OtherModel):
            log.error("a request failed: %s", where_and_what(result))
            result = Failed(type(result).__name__)
        elif isinstance(result, BaseException) and not isinstance(result, Exception):
            result = Failed("given up")
        told.append(result)
    return told
