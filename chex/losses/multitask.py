"""The weighted sum of named losses."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def weighted_sum(parts: Mapping[str, Tensor], weights: Mapping[str, float]) -> dict[str, Tensor]:
    """The parts as they are and, under "loss", their weighted sum. Every part must have a weight."""
    unknown = sorted(set(parts) - set(weights))
    if unknown:
        raise ValueError(f"no weight for the losses {unknown}; there are weights for {sorted(weights)}")
    return {**parts, "loss": sum(weights[name] * part for name, part in parts.items())}
