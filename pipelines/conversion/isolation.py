"""A function in a process of its own: what kills that process (a decoder that crashes) is the one input's fault."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import TypeVar

from pipelines.adapters import UnusableInput

Result = TypeVar("Result")


def isolated(function: Callable[..., Result]) -> Callable[..., Result]:
    """`function`, run in another process that is kept from call to call.

    What is returned raises what `function` raises, and UnusableInput if the process died of the call.
    """

    def called(*arguments: object) -> Result:
        try:
            return _process().submit(function, *arguments).result()
        except BrokenProcessPool as error:
            _process.cache_clear()
            raise UnusableInput("decode", "the process that decoded it died") from error

    return called


@lru_cache(maxsize=1)
def _process() -> ProcessPoolExecutor:
    # spawned: a fork would copy the locks of this process's threads
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
