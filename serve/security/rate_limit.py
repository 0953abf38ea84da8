"""So many requests a second per key, as a token bucket. Each replica of the ingress counts for itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from serve.observability.metrics import count_rate_limited
from serve.observability.requests import current
from serve.problems import problem_response


class TokenBucket:
    """Holds `burst` requests at most and gains `rate` of them per second."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]):
        self._rate, self._burst, self._clock = rate, burst, clock
        self._level, self._filled = float(burst), clock()

    def take(self) -> float:
        """0 if there was one to take, else the seconds until there will be."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._filled) * self._rate)
        self._filled = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._rate


class RateLimit:
    """Answers 429 to a key that asks too often; what has no caller by name (pages, loopback) is not counted."""

    def __init__(self, app, *, rate: float, burst: int, uncounted: str, clock: Callable[[], float] = time.monotonic):
        self._app, self._rate, self._burst, self._uncounted, self._clock = app, rate, burst, uncounted, clock
        self._buckets: dict[str, TokenBucket] = {}  # as many as there are keys

    async def __call__(self, scope, receive, send):
        caller = current().caller
        if caller is None or caller == self._uncounted:
            await self._app(scope, receive, send)
            return
        if caller not in self._buckets:
            self._buckets[caller] = TokenBucket(self._rate, self._burst, self._clock)
        seconds = self._buckets[caller].take()
        if not seconds:
            await self._app(scope, receive, send)
            return
        count_rate_limited(caller)
        detail = f"this key may ask {self._rate:g} times a second"
        refusal = problem_response(429, detail, headers={"Retry-After": str(math.ceil(seconds))})
        await refusal(scope, receive, send)
