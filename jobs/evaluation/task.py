"""What an evaluation task is: it learns its baselines, predicts per sample, and turns the predictions into figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from chex.metrics.bootstrap import Spread, bootstrap, resampling_weights, spreads_over
from chex.metrics.fact_judges import Judge
from chex.records import Box, Sample, ScoredBox
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

Row = dict[str, Any]  # one sample's predictions and truth: plain values only, so that it is also a Parquet row
Part = Literal["boxes", "classes", "sentences", "reports"]  # what a session can be asked for
ALL_PARTS: frozenset[str] = frozenset(get_args(Part))


class ReportLabels(Protocol):
    """Reads the 14 CheXpert labels from texts; `name` is printed with every figure that comes from it."""

    name: str

    def read_reports(self, reports: Sequence[Sequence[str]]) -> list[Mapping[str, int]]:
        """Per report (a list of sentences): label → 1 present, 0 absent, −1 uncertain; what is not stated is left out."""


def read_by(reader: ReportLabels) -> str:
    """ "read by the rule-based label reader", "read by CheXbert"."""
    article = "the " if reader.name[:1].islower() else ""
    return f"read by {article}{reader.name}"


class SpreadOf:
    """The bootstrap with this run's number of draws and seed; without draws it gives None."""

    def __init__(self, draws: int = 0, seed: int = 0) -> None:
        if draws < 0:
            raise ValueError(f"the number of bootstrap draws must not be negative; found {draws}")
        self.draws, self.seed = draws, seed

    def __call__(self, statistic: Callable[[np.ndarray], np.ndarray], samples: int) -> Spread | None:
        """statistic maps sample weights (D, N) to D figures."""
        return bootstrap(statistic, samples, self.draws, self.seed) if self.draws and samples else None

    def of_classes(
        self, statistic: Callable[[np.ndarray], Mapping[str, np.ndarray]], samples: int
    ) -> dict[str, Spread]:
        """statistic maps sample weights (D, N) to D figures of every class: the spread of each of them."""
        if not (self.draws and samples):
            return {}
        return spreads_over(statistic, resampling_weights(samples, self.draws, self.seed))


@dataclass(frozen=True, slots=True)
class Example:
    """What was asked of an image, where it is, and where it was found; boxes x_min, y_min, x_max, y_max, relative."""

    asked: str
    true: tuple[Box, ...]
    found: tuple[ScoredBox, ...]


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
    starts_programs: bool = True  # False: figures that need another program (METEOR is in Java) are not asked for

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

    def judge_facts_with(self, judge: Judge) -> None:
        """Who decides what a report entails; of interest to tasks about sentences and their boxes only."""

    def measure_reports_with(self, names: Sequence[str]) -> None:
        """Metrics of `chex.metrics.report_metrics` beside the task's own; of interest to tasks about reports only."""

    def row_notes(self) -> dict[str, Any]:
        """What is needed beside the rows to compute figures from them: JSON values, kept in the Parquet file's metadata.

        Where baselines come from `learn`, what it gathered belongs here, for `recall`.
        """
        return {}

    def recall(self, notes: Mapping[str, Any]) -> None:
        """Makes of a new task the one that gave these notes: its figures then need neither model nor training data."""

    def reliability(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray] | None:
        """Probabilities (N,) and what was true (N,) of 0 and 1, for a curve of one against the other; None: has none."""
        return None

    def example(self, row: Row, options: Mapping[str, Any] | None = None) -> list[Example]:
        """What a picture of this row's image shows, true boxes beside the predicted ones; empty: nothing to show."""
        return []

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        """Drawings of this task's own by file name, from the rows alone; empty: the figures say everything."""
        return {}
