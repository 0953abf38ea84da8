"""The graph of a report run without Ray: the same steps, part after part, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache

import pytest

from chex import Chex
from jobs.reporting import run
from jobs.reporting.actors import Detector, Generator, ModelUse
from jobs.reporting.counts import Counts
from jobs.reporting.pools import Pool, Pools
from jobs.reporting.reading import PartReader
from jobs.reporting.writing import PartWriter
from pipelines.stores import StoreUnreachable


def finished_parts(
    numbers: Sequence[int], reader: PartReader, use: ModelUse, writer: PartWriter, pools: Pools
) -> Iterator[tuple[int, Counts]]:
    """As `jobs.reporting.graph.finished_parts`."""
    detector, generator = Detector(use), Generator(use)
    for number in numbers:
        (found,) = writer(generator(detector(reader(number)))).to_pylist()
        if found["fault"] is not None:
            raise StoreUnreachable(found["fault"])
        yield found["part"], Counts.from_json(found["counts"])


def without_ray(patch: pytest.MonkeyPatch) -> None:
    """From now on report runs of this process need no Ray."""
    patch.setattr(run, "ray_cluster", nullcontext)
    patch.setattr(run, "_pools", lambda _: Pools("cpu", Pool(1), Pool(1), threads=1))
    patch.setattr(run, "finished_parts", finished_parts)
    patch.setattr(Chex, "load", lru_cache(Chex.load))
