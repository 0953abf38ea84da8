"""Means and standard deviations over the authors' own draws, of figures that other cases of the file hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from chex.metrics.bootstrap import spread_over
from tests.parity.cases import Case, read_cases
from tests.parity.metrics.detection import AT, average_precisions, boxes_of
from tests.parity.metrics.recorded_figures import compared, given, named
from tests.parity.metrics.region_labels import region_figures
from tests.parity.registry import Found, check

SEED = 2147483647  # theirs


@check("bootstrap")
def bootstrap(case: Case) -> Found:
    others = {other.name: other.extra for other in read_cases(case.folder, "metrics")}
    recorded = case.extra
    draws = _draws(recorded["n_bootstrap"], len(recorded["indices_first20"][0]))
    weights = np.stack([np.bincount(draw, minlength=len(draw)) for draw in draws]).astype(float)
    regions, boxes = others["region_multilabel"], others["detection"]
    asked = [name.removesuffix("/mean") for name in named(recorded["detection"], AT) if name.endswith("/mean")]
    rows = boxes_of(boxes), boxes["class_names"], boxes["map_iou_thresholds"]
    return {
        **given(case, "n_bootstrap"),
        "extra.indices_first20": (draws[:20].tolist(), recorded["indices_first20"]),
        **compared(
            "region_multilabel",
            _spreads(lambda drawn: region_figures(regions, drawn), weights),
            recorded["region_multilabel"],
        ),
        **compared(
            "detection",
            _spreads(lambda drawn: average_precisions(*rows[0], *rows[1:], asked, drawn), weights),
            recorded["detection"],
        ),
    }


def _draws(count: int, samples: int) -> np.ndarray:
    """(D, N) places of the drawn samples: ours are drawn by numpy, of any seed."""
    generator = torch.Generator().manual_seed(SEED)
    return torch.stack([torch.randint(samples, (samples,), generator=generator) for _ in range(count)]).numpy()


def _spreads(figures: Callable[[np.ndarray], Mapping[str, np.ndarray]], weights: np.ndarray) -> dict[str, float]:
    drawn = figures(weights)
    spreads = {name: spread_over(lambda _, values=values: values, weights) for name, values in drawn.items()}
    return {f"{name}/{part}": getattr(spread, part) for part in ("mean", "std") for name, spread in spreads.items()}
