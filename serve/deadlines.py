"""Until when a request wants its answer: a header says how long its client waits."""

from __future__ import annotations

import math
import time

from starlette.exceptions import HTTPException

HEADER = "x-request-timeout"
LONGEST = 3600.0  # seconds


def deadline_of(asked: str | None, seconds: float) -> float:
    """In seconds since the epoch: as many from now as the header asks, or `seconds`. Raises a 422 if it is no such number."""
    if asked is not None:
        try:
            seconds = float(asked)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= LONGEST:
            raise HTTPException(422, f"{HEADER}: a number of seconds, above 0 and at most {LONGEST:.0f}, is expected")
    return time.time() + seconds
