"""How much do answers agree with the same question's answers under other circumstances?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import weighted_mean
from chex.metrics.detection import paired_iou
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import SpreadOf

SAID = 0.5  # the probability from which on a finding is said to be there
_BLIND = "the answer about another image"


@dataclass(frozen=True, slots=True)
class Answers:
    """Boxes (n, 4), relative, and probabilities (n,)."""

    boxes: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True)
class Change:
    """One circumstance: what was answered, what should have been, and the answers about other images, n each.

    sample (n,): the image that each is of.
    """

    expected: Answers
    answered: Answers
    of_others: Answers
    sample: np.ndarray

    def measures(self, answers: Answers) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Values and where they count, (n,) each."""
        said = self.expected.probabilities >= SAID
        everywhere = np.ones(len(said), dtype=bool)
        change = np.abs(answers.probabilities - self.expected.probabilities)
        flipped = (answers.probabilities >= SAID) != said
        return {
            "iou": (paired_iou(answers.boxes, self.expected.boxes), said),
            "change": (change, everywhere),
            "flips": (flipped.astype(float), everywhere),
        }


_DEFINITIONS = {
    "iou": f"mean IoU of the best box with that of the unchanged question, for findings whose probability there is at "
    f"least {SAID}; 0 to 1, more is better",
    "change": "mean absolute change of a finding's probability; 0 to 1, less is better",
    "flips": f"share of findings whose probability crosses {SAID}; 0 to 1, less is better",
}
MEASURES = tuple(_DEFINITIONS)


def agreement_figures(
    prefix: str, changes: Mapping[str, Change], samples: int, spread: SpreadOf, under: str
) -> dict[str, Figure]:
    """Figures PREFIX_MEASURE over all circumstances together, with one of each circumstance as its class."""
    figures = {}
    for measure, definition in _DEFINITIONS.items():
        own = {name: change.measures(change.answered)[measure] for name, change in changes.items()}
        others = {name: change.measures(change.of_others)[measure] for name, change in changes.items()}
        sample = np.concatenate([changes[name].sample[counts] for name, (_, counts) in own.items()])
        values = np.concatenate([found[counts] for found, counts in own.values()])
        blind = np.concatenate([found[counts] for found, counts in others.values()])
        figures[f"{prefix}_{measure}"] = Figure(
            value=_mean(values),
            baselines={_BLIND: _mean(blind)},
            baseline=_BLIND,
            definition=f"{definition}; {under}; micro: mean over {len(values)} answers",
            samples=samples,
            spread=spread(lambda weights, v=values, s=sample: weighted_mean(v, weights[:, s]), samples)
            if len(values)
            else None,
            classes={name: _mean(found[counts]) for name, (found, counts) in own.items() if counts.any()},
        )
    return figures


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
