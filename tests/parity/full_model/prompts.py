"""Features of a case's prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.inference.classification import finding_probabilities, prompt_mean
from chex.inference.negative_prompts import NegativeMode, negative_side
from tests.parity.cases import Case
from tests.parity.full_model.recorded_model import model_of

# the authors' names and ours
NEGATIVE_MODES: dict[str, NegativeMode] = {
    "neg": "own", "pos_centroid": "positive", "neg_centroid": "negative", "no_finding": "no_finding",
    "posneg_centroid": "positive+negative", "posnofind_centroid": "positive+no_finding",
    "negnofind_centroid": "negative+no_finding", "all_centroid": "positive+negative+no_finding",
}  # fmt: skip


def prompt_means(case: Case, prompts: Mapping[str, Sequence[str]], names: Sequence[str]) -> Tensor:
    """Mean features (C, D) of each class's spellings."""
    return torch.stack([prompt_mean(model_of(case.folder), prompts[name]) for name in names])


def both_sides(
    case: Case, prompts: Mapping[str, Any], names: Sequence[str], *, mode: str = ""
) -> tuple[Tensor, Tensor]:
    """Features (C, D) of the classes' `pos_prompts`, and of what the mode (without one, the case's) holds against them."""
    positive, negative = (prompt_means(case, prompts[side], names) for side in ("pos_prompts", "neg_prompts"))
    no_finding = prompts.get("no_finding_prompts")
    no_finding = prompt_mean(model_of(case.folder), no_finding) if no_finding else None
    mode = mode or case.kwargs["neg_prompt_mode"]
    return positive, negative_side(NEGATIVE_MODES[mode], positive, negative, no_finding)


def probabilities(case: Case, tokens: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """tokens (…, D), prompts (C, D) → (…, C), by the case's settings."""
    if not case.kwargs.get("normalize_classification", True):
        raise ValueError("the case classifies by products that are no cosines, which this project never does")
    sides = (F.normalize(side, dim=-1) for side in (positive, negative))
    return finding_probabilities(tokens, *sides, temperature=case.kwargs.get("softmax_temperature") or 1.0)
