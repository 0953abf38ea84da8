"""What a finding's positive prompt is held against: its own negative one, or a centroid of prompts.

Letters: C findings, D width.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

NegativeMode = Literal[
    "own", "positive", "negative", "no_finding", "positive+negative", "positive+no_finding", "negative+no_finding",
    "positive+negative+no_finding",
]  # fmt: skip
MODES: tuple[str, ...] = get_args(NegativeMode)


def negative_side(mode: NegativeMode, positive: Tensor, negative: Tensor, no_finding: Tensor | None = None) -> Tensor:
    """positive and negative (C, D), no_finding (D) → the features that each finding is held against, (C, D).

    "own" is the finding's own negative prompt; every other mode is the mean of all prompts of the named kinds, the
    same for all findings, in which "no finding" counts as one prompt. Raises ValueError for an unknown mode, and for
    one that needs `no_finding` where there is none.
    """
    if mode not in MODES:
        raise ValueError(f"expected one of {', '.join(MODES)}; found {mode!r}")
    if mode == "own":
        return negative
    kinds = {"positive": positive, "negative": negative, "no_finding": no_finding}
    parts = [kinds[kind] for kind in mode.split("+")]
    if any(part is None for part in parts):
        raise ValueError(f"the mode {mode!r} needs the prompts of no finding at all; found none")
    return torch.cat([part.view(-1, positive.shape[-1]) for part in parts]).mean(dim=0).expand_as(positive)
