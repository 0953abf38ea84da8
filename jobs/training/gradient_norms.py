"""How large the gradients of a model's parts are: which part learns, and which one shakes the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def norms_of_parts(groups: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Of an optimizer's groups, each a "part" of the model; none where there is only one, whose norm is the whole."""
    if len(groups) == 1:
        return {}
    return {
        f"gradient_norm/{group['part']}": torch.nn.utils.get_total_norm(
            [parameter.grad for parameter in group["params"] if parameter.grad is not None]
        )
        for group in groups
    }
