"""A bounded store: the least recently used entry goes first, and none outlives its time unused."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class RecentlyUsed(Generic[Value]):
    """At most `most_entries` and `most_bytes`; an entry expires `seconds` after its last use."""

    def __init__(
        self,
        *,
        most_entries: int,
        most_bytes: int | None = None,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._entries: OrderedDict[str, tuple[Value, int, float]] = OrderedDict()
        self._most_entries, self._most_bytes, self._seconds, self._clock = most_entries, most_bytes, seconds, clock
        self._bytes = 0

    def __len__(self) -> int:
        """How many can be had; those that have expired go."""
        self.forget_expired()
        return len(self._entries)

    def put(self, key: str, value: Value, size: int = 0) -> None:
        self._drop(key)
        self._entries[key] = (value, size, self._clock())
        self._bytes += size
        while self._entries and self._beyond_limits():
            self._drop(next(iter(self._entries)))

    def get(self, key: str) -> Value | None:
        """The value, which counts as a use; None where it never was, had to go or has expired."""
        self.forget_expired()
        if key not in self._entries:
            return None
        value, size, _ = self._entries[key]
        self._entries[key] = (value, size, self._clock())
        self._entries.move_to_end(key)
        return value

    def forget_expired(self) -> None:
        """Lets go of what nobody has used for too long, as every other call does first."""
        oldest_allowed = self._clock() - self._seconds
        # in order of use, so the first one that is young enough ends the search
        while self._entries and (first := next(iter(self._entries.items())))[1][2] < oldest_allowed:
            self._drop(first[0])

    def _beyond_limits(self) -> bool:
        self.forget_expired()
        too_many = len(self._entries) > self._most_entries
        return too_many or (self._most_bytes is not None and self._bytes > self._most_bytes)

    def _drop(self, key: str) -> None:
        if key in self._entries:
            self._bytes -= self._entries.pop(key)[1]
