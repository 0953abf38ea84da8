"""What an evaluation task is: it learns its baselines, predicts per sample, and turns the predictions into figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np

from chex.metrics.bootstrap import Spread, bootstrap
from chex.records import Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure

Row = dict[str, Any]  # one sample's predictions and truth: plain values only, so that it is also a Parquet row
Part = Literal["boxes", "classes", "sentences", "reports"]  # what a session can be asked for
ALL_PARTS: frozenset[str] = frozenset(get_args(Part))


class ReportLabels(Protocol):
    """Reads the 14 CheXpert labels from texts; `name` is printed with every figure that comes from it."""

    name: str

    def read_reports(self, reports: Sequence[Sequence[str]]) -> list[Mapping[str, int]]:
        """Per report (a list of sentences): label → 1 present, 0 absent, −1 uncertain; what is not stated is left out."""


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

    `learn` sees every sample of the train split (without its image), `predict` a batch of wanted samples. Where `tunes`
    is set, `tune` chooses how boxes and probabilities are read from the rows of the validation split, never from those
    that are measured. The figures come from the rows and these options alone, so whoever has them can compute them again.
    """

    gives: tuple[str, ...]  # the names of its figures
    needs: str  # what a sample must have, for the message when no sample has it
    asks_for: frozenset[Part]  # what a session must be able to do: one that cannot is not asked
    tunes: bool = False

    @property
    def left_out(self) -> dict[str, str]:
        """Of `gives`, the figures that cannot be made on this machine, each with the reason."""
        return {}

    @abstractmethod
    def learn(self, sample: Sample) -> None: ...

    @abstractmethod
    def wants(self, sample: Sample) -> bool: ...

    @abstractmethod
    def predict(self, batch: Batch) -> list[Row]:
        """One row per sample of the batch, in order; each has its `sample_id`."""

    def tune(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Options for `figures`, chosen on rows of the validation split: plain values, to be kept beside the figures.

        `tuned_on` is the number of rows; without any (a data set that validates nothing) the options are the defaults.
        """
        return {}

    @abstractmethod
    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        """Figures by name. options: what `tune` gave; without them the defaults hold."""

    def read_labels_with(self, reader: ReportLabels) -> None:
        """Who reads the labels that generated and reference texts state; of interest to tasks about text only."""

    def row_notes(self) -> dict[str, Any]:
        """What is needed to read the rows beside the rows: goes into the Parquet file's metadata."""
        return {}
