"""Chex-Ray's figures beside those of each baseline, on the same bootstrap draws of the same samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chex.metrics.bootstrap import Spread, bootstrap
from jobs.evaluation.figures_of_rows import recalled
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.task import SpreadOf


@dataclass(frozen=True, slots=True)
class DrawnSpread(Spread):
    """A spread that keeps the figure of every draw."""

    values: np.ndarray


class Draws(SpreadOf):
    """The bootstrap whose draws can be paired: the same seed draws the same samples for every model."""

    def __call__(self, statistic: Callable[[np.ndarray], np.ndarray], samples: int) -> DrawnSpread:
        drawn: list[np.ndarray] = []

        def noted(weights: np.ndarray) -> np.ndarray:
            drawn.append(np.atleast_1d(statistic(weights)))
            return drawn[-1]

        spread = bootstrap(noted, samples, self.draws, self.seed)
        return DrawnSpread(spread.mean, spread.std, spread.low, spread.high, spread.draws, values=np.concatenate(drawn))

    def of_classes(self, statistic: Callable[[np.ndarray], Mapping[str, np.ndarray]], samples: int) -> dict:
        """None: figures of classes are not compared."""
        return {}


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of one model. `sample_ids` are in the order of the draws' weights.

    `guess`: the best that the task itself knows of without a look at the image, and what that is.
    """

    task: str
    value: float
    std: float
    values: np.ndarray
    sample_ids: tuple[str, ...]
    definition: str
    guess: tuple[float, str]

    def ahead_of(self, other: Measured) -> dict[str, Any]:
        """How much more this is than the other, and the bootstrap deviation of that difference.

        On the same samples the difference is taken draw by draw ("paired"), else the deviations are added as of
        independent figures.
        """
        paired = self.sample_ids == other.sample_ids and len(self.values) == len(other.values)
        if paired:
            differences = self.values - other.values
            std = float(np.std(differences[~np.isnan(differences)])) if not np.isnan(differences).all() else math.nan
        else:
            std = math.hypot(self.std, other.std)
        difference = self.value - other.value
        return {"difference": difference, "difference_std": std, "paired": paired, "verdict": verdict(difference, std)}


def verdict(difference: float, std: float) -> str:
    """ "ahead", "behind", or "level" within one deviation; "unknown" where one of the figures is."""
    if math.isnan(difference) or math.isnan(std):
        return "unknown"
    if abs(difference) <= std:
        return "level"
    return "ahead" if difference > 0 else "behind"


def measured(predictions: Predictions, summary: Mapping[str, Any], draws: Draws) -> dict[str, Measured]:
    """The figures of a finished evaluation by name, from its stored predictions; `summary` is what it gave."""
    found = {}
    for name in summary["tasks"]:
        task, rows = recalled(predictions, summary["split"], name)
        if not rows:
            continue
        ids = tuple(row["sample_id"] for row in rows)
        for figure_name, figure in task.figures(rows, draws, summary["tuned"].get(name)).items():
            spread = figure.spread
            kept = spread.values if isinstance(spread, DrawnSpread) else np.full(draws.draws, math.nan)
            std = spread.std if spread else math.nan
            guess = (figure.baselines[figure.baseline], figure.baseline)
            found[figure_name] = Measured(name, figure.value, std, kept, ids, figure.definition, guess)
    return found


def compared(model: Mapping[str, Measured], baselines: Mapping[str, Mapping[str, Measured]]) -> dict[str, Any]:
    """Figure → its value and deviation, and of each baseline that has it value, deviation and `ahead_of`."""
    results = {}
    for name, own in model.items():
        others = {
            kind: {"value": _plain(found[name].value), "std": _plain(found[name].std)}
            | {key: _plain(value) for key, value in own.ahead_of(found[name]).items()}
            for kind, found in baselines.items()
            if name in found
        }
        value, kind = own.guess
        guess = {"value": _plain(value), "std": None, "kind": kind, "verdict": verdict(own.value - value, own.std)}
        results[name] = {
            "task": own.task,
            "definition": own.definition,
            "samples": len(own.sample_ids),
            "value": _plain(own.value),
            "std": _plain(own.std),
            "ahead_of_all": all(other["verdict"] == "ahead" for other in (guess, *others.values())),
            "best_guess": guess,
            "baselines": others,
        }
    return results


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
