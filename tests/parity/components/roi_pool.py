"""Gaussian ROI pooling, its weights and gradients."""

from __future__ import annotations

from chex.model.roi_pool import gaussian_weights
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check


@check("soft_roi_pool_*")
def roi_pool(case: Case):
    inputs = differentiable(case)
    rows, columns = inputs["x"].shape[1:3]
    weights = gaussian_weights(inputs["box_params"], rows, columns, case.kwargs["beta"])
    pooled = weights @ inputs["x"].flatten(1, 2)
    note = ""
    if rows != columns:
        pooled, note = pooled * columns / rows, "times columns / rows, as the authors' code multiplies"
    return {
        "roi_maps": (weights.unflatten(-1, (rows, columns)), case.outputs["roi_maps"]),
        "roi_features": Compared(pooled, case.outputs["roi_features"], note=note),
        **gradients(case, inputs, pooled),
    }
