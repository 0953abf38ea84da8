"""A split in parts, each read and decoded batch by batch: a part is what an interrupted evaluation repeats at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chex.pixels import decode_stored
from chex.records import Sample
from jobs.evaluation.task import EvaluationTask
from pipelines.rows.row_groups import units_of
from pipelines.rows.training_plan import Window, stored_windows
from pipelines.rows.window_rows import StoredRow, read_rows
from pipelines.schema import from_row

_ROWS = 128


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a split that are predicted together; the same split gives the same parts."""

    split: str
    name: str
    window: Window


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """Samples that a task wants, without their bytes, and their images (H, W) uint8. `of`: the part's batches."""

    samples: tuple[Sample, ...]
    images: tuple[np.ndarray, ...]
    number: int
    of: int


def parts_of(data_uri: str, split: str, batch_size: int) -> list[Part]:
    """Every row of the split once, in parts of a few batches.

    Raises FileNotFoundError if there is no shard of the split, ValueError if one is damaged.
    """
    windows = stored_windows(units_of(data_uri, split), window_rows=batch_size * max(1, _ROWS // batch_size))
    return [Part(split, f"part-{number:05d}", window) for number, window in enumerate(windows)]


def batches_of(part: Part, tasks: Sequence[EvaluationTask], batch_size: int) -> Iterator[DecodedBatch]:
    """The part's samples that any of the tasks wants; one empty batch where there are none.

    Raises ValueError or OSError that names the shard, and the row where one is at fault.
    """
    rows = [(row, sample) for row, sample in _samples(part) if any(task.wants(sample) for task in tasks)]
    starts = range(0, max(1, len(rows)), batch_size)
    for number, start in enumerate(starts):
        some = rows[start : start + batch_size]
        samples = tuple(replace(sample, image=b"") for _, sample in some)
        yield DecodedBatch(samples, tuple(_decoded(row, sample) for row, sample in some), number, len(starts))


def _samples(part: Part) -> Iterator[tuple[StoredRow, Sample]]:
    for row in read_rows(part.window, images=True):
        try:
            yield row, from_row(row.values)
        except ValueError as error:
            raise ValueError(f"{row.place}: {error}") from error


def _decoded(row: StoredRow, sample: Sample) -> np.ndarray:
    try:
        return decode_stored(sample.image)
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}") from error
