"""What an evaluation task is: it learns its baselines, predicts per sample, and turns the predictions into figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chex.metrics.bootstrap import Spread, bootstrap
from chex.records import Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure

Row = dict[str, Any]  # one sample's predictions and truth: plain values only, so that it is also a Parquet row


class SpreadOf:
    """The bootstrap with this run's number of draws and seed; without draws it gives None."""

    def __init__(self, draws: int = 0, seed: int = 0) -> None:
        if draws < 0:
            raise ValueError(f"the number of bootstrap draws must not be negative; found {draws}")
        self.draws, self.seed = draws, seed

    def __call__(self, statistic: Callable[[np.ndarray], np.ndarray], samples: int) -> Spread | None:
        """statistic maps sample weights (D, N) to D figures."""
        return bootstrap(statistic, samples, self.draws, self.seed) if self.draws and samples else None


class EvaluationTask(ABC):
    """One task; each module of `jobs/evaluation/tasks` defines one, under the name `Task`.

    `learn` sees every sample of the train split (without its image), `predict` a batch of wanted test samples. The
    figures come from the rows alone, so whoever has the rows can compute them again.
    """

    gives: tuple[str, ...]  # the names of its figures
    needs: str  # what a sample must have, for the message when no sample has it

    @abstractmethod
    def learn(self, sample: Sample) -> None: ...

    @abstractmethod
    def wants(self, sample: Sample) -> bool: ...

    @abstractmethod
    def predict(self, batch: Batch) -> list[Row]:
        """One row per sample of the batch, in order; each has its `sample_id`."""

    @abstractmethod
    def figures(self, rows: Sequence[Row], spread: SpreadOf) -> dict[str, Figure]: ...

    def row_notes(self) -> dict[str, Any]:
        """What is needed to read the rows beside the rows: goes into the Parquet file's metadata."""
        return {}
