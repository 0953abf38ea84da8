"""The cases of all rows side by side: what was answered in each way, and means over cases with their spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from chex.boxes import generalized_iou
from chex.metrics.bootstrap import weighted_mean
from chex.records import Box
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import Row, SpreadOf

Case = Mapping[str, Any]


class Cases:
    """Rows with `cases`, each of which has `answers`, a list of `answer_row` in different ways."""

    def __init__(self, rows: Sequence[Row], where: Callable[[Case], bool] = lambda case: True) -> None:
        self.samples = len(rows)
        kept = [(number, case) for number, row in enumerate(rows) for case in row["cases"] if where(case)]
        self.sample = np.array([number for number, _ in kept], dtype=int)
        self.cases = [case for _, case in kept]

    def __len__(self) -> int:
        return len(self.cases)

    def column(self, name: str) -> list:
        return [case[name] for case in self.cases]

    def answers(self, way: str, name: str) -> list:
        """What the answers in this way have under the name; None where a case was not asked so."""
        found = ({answer["way"]: answer[name] for answer in case["answers"]} for case in self.cases)
        return [values.get(way) for values in found]

    def mean(
        self,
        values: Sequence[float],
        spread: SpreadOf,
        definition: str,
        baselines: Mapping[str, Sequence[float] | float],
    ) -> Figure:
        """The mean of values (cases,), NaN where a case has none; baselines: by name, numbers or values like these.

        A baseline's values count only where there is a value to compare them with. The first baseline is the one. The
        figure's classes are the findings.
        """
        values = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(values)
        sample, values = self.sample[known], values[known]
        finding = np.array(self.column("finding"))[known]
        means = {
            name: float(other) if np.isscalar(other) else _mean(np.asarray(other, dtype=np.float64)[known])
            for name, other in baselines.items()
        }
        return Figure(
            value=_mean(values),
            baselines=means,
            baseline=next(iter(means)),
            definition=f"{definition}; micro: mean over {len(values)} cases",
            samples=len(set(sample.tolist())),
            spread=spread(lambda weights: weighted_mean(values, weights[:, sample]), self.samples)
            if len(values)
            else None,
            classes={name: _mean(values[finding == name]) for name in sorted(set(finding.tolist()))},
        )


def giou(boxes_xyxy: Sequence[Box | None], targets_xyxy: Sequence[Box | None]) -> np.ndarray:
    """(n,): generalized IoU of each box with its own target, −1 … 1; NaN where either is None."""
    nothing = (np.nan,) * 4
    sides = [
        torch.tensor([nothing if box is None else tuple(box) for box in side], dtype=torch.float64).view(-1, 4)
        for side in (boxes_xyxy, targets_xyxy)
    ]
    return generalized_iou(*sides).numpy()


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
