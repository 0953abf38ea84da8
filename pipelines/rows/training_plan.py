"""Which rows a training run reads, in which order: known from the row groups and the seed alone.

Row groups (or slices of them) are shuffled anew in every epoch and gathered into windows; the rows of a window are
shuffled among themselves. So any position of the run can be found again, without having read what came before it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipelines.rows.row_groups import Unit

_SMALLEST_SLICE = 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit in an epoch; `copy` counts its repetitions where the dataset is oversampled."""

    unit: Unit
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces that are read by one task. `shuffle` seeds the order of their rows (None: as stored)."""

    pieces: tuple[Piece, ...]
    epoch: int = 0
    shuffle: tuple[int, ...] | None = None
    skip: int = 0  # so many rows of the shuffled window have been used before
    spare: int = 0  # so many of its last rows are not used

    @property
    def count(self) -> int:
        return sum(len(piece.unit.rows) for piece in self.pieces) - self.skip - self.spare

    def order(self) -> np.ndarray:
        """The rows of the window, counted through its pieces, in the order of use."""
        rows = np.arange(self.skip + self.count + self.spare)
        if self.shuffle is not None:
            rows = np.random.default_rng(self.shuffle).permutation(rows)
        return rows[self.skip : self.skip + self.count]


def training_windows(
    units: Sequence[Unit],
    *,
    rows: int,
    start: int = 0,
    seed: int = 0,
    window_rows: int = 2048,
    oversample: dict[str, int] | Literal["equal"] | None = None,
    rank: int = 0,
    workers: int = 1,
) -> list[Window]:
    """The windows that give worker `rank` its rows `start` to `rows` of the run, epoch after epoch.

    oversample: how often a dataset's rows come in an epoch (default once), or "equal": every dataset as often as
    the largest one. Raises ValueError for a dataset that is not there, or fewer rows than workers.
    """
    slices = _sliced(units, max(_SMALLEST_SLICE, window_rows // 4), workers)
    targets = _targets(slices, oversample or {})
    windows: list[Window] = []
    position, epoch = 0, 0
    while position < rows:
        for window in _epoch_windows(slices, targets, epoch, seed, window_rows, rank, workers):
            after = position + window.count
            if after > start and position < rows:
                windows.append(replace(window, skip=max(0, start - position), spare=max(0, after - rows)))
            position = after
        epoch += 1
    return windows


def stored_windows(units: Sequence[Unit], window_rows: int = 256) -> list[Window]:
    """Every row once, always in the same order: what validation reads.

    The datasets take turns in proportion to their sizes, so that the first batches show something of each.
    """
    slices = _sliced(units, min(_SMALLEST_SLICE, window_rows), 1)
    totals, before = Counter(unit.dataset for unit in slices), Counter()
    turns = []
    for number, unit in enumerate(slices):
        turns.append(((before[unit.dataset] + 0.5) / totals[unit.dataset], number))
        before[unit.dataset] += 1
    pieces = [Piece(slices[number]) for _, number in sorted(turns)]
    return [Window(group) for group in _gathered(pieces, window_rows)]


def _epoch_windows(
    units: list[Unit], targets: dict[str, int], epoch: int, seed: int, window_rows: int, rank: int, workers: int
) -> list[Window]:
    generator = np.random.default_rng((seed, epoch))
    pieces: list[Piece] = []
    for dataset, target in targets.items():
        own = [unit for unit in units if unit.dataset == dataset]
        copy = 0
        while target > 0:
            for index in generator.permutation(len(own)):
                unit = own[index]
                if target <= 0:
                    break
                rows = unit.rows if len(unit.rows) <= target else unit.rows[:target]
                pieces.append(Piece(replace(unit, rows=rows), copy))
                target -= len(rows)
            copy += 1
    mixed = [pieces[index] for index in generator.permutation(len(pieces))]
    total = sum(len(piece.unit.rows) for piece in mixed)
    part = (rank + epoch) % workers  # parts differ by a row: they go round, so that no worker gets ahead
    dealt = _rows_between(mixed, total * part // workers, total * (part + 1) // workers)
    return [
        Window(group, epoch, (seed, epoch, rank, number)) for number, group in enumerate(_gathered(dealt, window_rows))
    ]


def _rows_between(pieces: Iterable[Piece], start: int, stop: int) -> Iterator[Piece]:
    """The pieces that hold the rows `start` to `stop`, cut where these end."""
    before = 0
    for piece in pieces:
        rows = piece.unit.rows[max(0, start - before) : max(0, stop - before)]
        before += len(piece.unit.rows)
        if rows:
            yield Piece(replace(piece.unit, rows=rows), piece.copy)


def _gathered(pieces: Iterable[Piece], window_rows: int) -> Iterator[tuple[Piece, ...]]:
    """The pieces in groups of at least `window_rows` rows; the last one may be smaller."""
    group: list[Piece] = []
    for piece in pieces:
        group.append(piece)
        if sum(len(piece.unit.rows) for piece in group) >= window_rows:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


def _targets(units: Sequence[Unit], oversample: dict[str, int] | Literal["equal"]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for unit in units:
        counts[unit.dataset] = counts.get(unit.dataset, 0) + len(unit.rows)
    if oversample == "equal":
        return dict.fromkeys(counts, max(counts.values()))
    if absent := sorted(set(oversample) - set(counts)):
        raise ValueError(f"no rows to oversample of {', '.join(absent)}; datasets: {', '.join(sorted(counts))}")
    targets = {dataset: count * oversample.get(dataset, 1) for dataset, count in counts.items()}
    logger.debug("rows per epoch: %s", targets)
    return targets


def _sliced(units: Sequence[Unit], longest: int, workers: int) -> list[Unit]:
    """Units of at most `longest` rows, and small enough that every worker gets some."""
    total = sum(len(unit.rows) for unit in units)
    if total < workers:
        raise ValueError(f"{total} rows are too few for {workers} workers")
    longest = max(1, min(longest, total // (4 * workers) if workers > 1 else longest))
    return [
        replace(unit, rows=unit.rows[start : start + longest])
        for unit in units
        for start in range(0, len(unit.rows), longest)
    ]
