"""Language-model cross-entropy (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def generation_loss(
    logits: Tensor, ids: Tensor, lengths: Tensor, *, padding_counts: bool = False, words: int | None = None
) -> Tensor:
    """Mean over the words, padding never counted; or their sum over `words`, of which these are only some.

    logits (n, T, vocabulary) for input ids (n, T), lengths (n) with start and end token: the target of a token is its
    successor. padding_counts: the end tokens that fill a row are words like any other, as the released weights were
    trained.
    """
    if not len(ids):
        return logits.sum() * 0
    counted = torch.arange(1, ids.shape[1], device=ids.device) < lengths[:, None]
    targets = ids[:, 1:] if padding_counts else ids[:, 1:].masked_fill(~counted, -100)
    predicted, wanted = logits[:, :-1].flatten(0, 1).float(), targets.flatten()
    if words is None:
        return F.cross_entropy(predicted, wanted, ignore_index=-100)
    return F.cross_entropy(predicted, wanted, ignore_index=-100, reduction="sum") / words
