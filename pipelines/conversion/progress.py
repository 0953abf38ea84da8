"""How far a job is: a bar on a terminal; in a log, which carriage returns would spoil, a plain line now and then."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)


@contextmanager
def progress(total: int, *, shown: bool = True, title: str = "convert") -> Iterator[Callable[[int], None]]:
    """While the block runs, call what it gets with the number of images that were done since the last call."""
    if not shown:
        yield lambda count: None
    elif sys.stderr.isatty():
        with tqdm(total=total, unit="image", desc=title, smoothing=0) as bar:
            yield bar.update
    else:
        yield _lines(total)


def _lines(total: int) -> Callable[[int], None]:
    began = told = time.monotonic()
    done = 0

    def update(count: int) -> None:
        nonlocal done, told
        done += count
        now = time.monotonic()
        if now - told < SECONDS_BETWEEN_LINES:
            return
        told = now
        rate = done / (now - began)
        digits = 0 if rate >= 10 else 1
        left = f"{_duration((total - done) / rate)} left" if done < total else "finishing"
        logger.info("%d of %d images, %.*f images/s, %s", done, total, digits, rate, left)

    return update


def _duration(seconds: float) -> str:
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
