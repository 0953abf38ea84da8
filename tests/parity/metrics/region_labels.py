"""Labels of regions, within each region and of the images as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chex.metrics.bootstrap import as_weights, weighted_mean
from chex.metrics.label_agreement import LabelCounts
from chex.metrics.regions import RegionFigures, region_aurocs
from tests.parity.cases import Case
from tests.parity.metrics.labels import several_labels
from tests.parity.metrics.recorded_figures import as_zero, compared, given, named
from tests.parity.registry import Found, check

_LABEL, _REGION = "loc_auroc_cls/", "loc_auroc_anat/"


@check("region_multilabel")
def region_multilabel(case: Case) -> Found:
    ours = region_figures(case.extra)
    return {
        **given(case, "probs", "targets", "masks", "preds_threshold"),
        **compared("result", ours, case.extra["result"]),
    }


def region_figures(parts: Mapping, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """(D,) by the recorded names, for weights (D, N) of the images."""
    present = np.array(parts["masks"])  # (N, R)
    scores, targets = np.array(parts["probs"]), np.array(parts["targets"]) * present[:, :, None]  # (N, R, C)
    labels, names = named(parts["result"], _LABEL), named(parts["result"], _REGION)
    images, regions = np.nonzero(present)
    weights = as_weights(weights, len(present))
    rows = scores[present], targets[present], np.array([f"{region:03d}" for region in regions]), labels
    of_rows = weights[:, images]
    aurocs = region_aurocs(*rows, weights=of_rows, undefined="zero")
    f1 = _region_f1(rows[0] > parts["preds_threshold"], *rows[1:], weights=of_rows)
    whole = np.where(present[:, :, None], scores, 0).max(axis=1)  # an image without a region has nothing
    of_images = several_labels(whole, targets.max(axis=1), labels, parts["preds_threshold"], weights)
    counts = {
        "anat": targets.any(axis=2).sum(axis=1),
        "cls": targets.any(axis=1).sum(axis=1),
        "count": targets.sum(axis=(1, 2)),
    }
    return {
        "loc_auroc/macro": aurocs.macro("zero"),
        "loc_auroc/weighted": as_zero(aurocs.overall),
        "loc_f1/macro": f1.macro("zero"),
        **{f"nonloc_{name}": value for name, value in of_images.items()},
        **{f"stats/{name}_per_sample": weighted_mean(value, weights) for name, value in counts.items()},
        **{f"{_LABEL}{name}": value for name, value in zip(labels, as_zero(aurocs.per_label).T, strict=True)},
        **{f"{_REGION}{name}": value for name, value in zip(names, _of_all_regions(aurocs, len(names)), strict=True)},
    }


def _of_all_regions(figures: RegionFigures, count: int) -> np.ndarray:
    """(R, D); a region that no image has counts 0."""
    found = np.zeros((count, len(figures.values)))
    for place, name in enumerate(figures.regions):
        found[int(name)] = as_zero(figures.per_region[:, place])
    return found


def _region_f1(
    predicted: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None = None,
) -> RegionFigures:
    """The F1 of every (region, label): predicted and targets (K, L) bool, regions (K,) names, weights (D, K)."""
    predicted, targets = np.asarray(predicted, dtype=bool), np.asarray(targets, dtype=bool)
    regions, weights = np.asarray(regions), as_weights(weights, len(predicted))
    names = tuple(sorted(set(regions.tolist())))
    shape = (len(weights), len(names), len(labels))
    values, positives = np.full(shape, np.nan), np.zeros(shape)
    for place, name in enumerate(names):
        rows = np.flatnonzero(regions == name)
        counts = LabelCounts(tuple(labels), predicted[rows], targets[rows])
        values[:, place], positives[:, place] = counts.per_label(weights[:, rows]), counts.positives(weights[:, rows])
    return RegionFigures(names, tuple(labels), values, positives)
