"""The next batches are made while one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def read_ahead(batches: Iterable[T], count: int = 2) -> Iterator[T]:
    """The same in the same order, up to `count` of them made by another thread before they are asked for.

    What goes wrong in the making is raised where the batch would have come. Who stops early waits for one batch at most.
    """
    made = iter(batches)
    reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
    try:
        waiting = deque(reader.submit(next, made, _END) for _ in range(count))
        while (batch := waiting.popleft().result()) is not _END:
            waiting.append(reader.submit(next, made, _END))
            yield batch
    finally:
        reader.shutdown(cancel_futures=True)
