"""The configured weight of every loss part, by name."""

from __future__ import annotations

from dataclasses import fields

from chex.objective_config import LossWeights


def as_mapping(weights: LossWeights) -> dict[str, float]:
    return {field.name: getattr(weights, field.name) for field in fields(weights)}
