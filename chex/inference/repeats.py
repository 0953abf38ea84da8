"""Which sentences of a report say the same, and which of them stay (MODEL.md §6)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.model.chex import Chex


def sentence_similarity(model: Chex, sentences: Sequence[str]) -> Tensor:
    """(n, n) in [0, 1] by the prompt encoder; sentences that are the same but for case are surely 1."""
    features = F.normalize(model.text_features(sentences), dim=-1).cpu()
    similarity = (features @ features.T + 1) / 2
    lowered = [s.lower() for s in sentences]
    same = torch.tensor([[a == b for b in lowered] for a in lowered], dtype=torch.bool).view_as(similarity)
    return torch.where(same, torch.ones_like(similarity), similarity)


def repeats(
    similarity: Tensor, preference: Sequence[float], *, same: float, similar: float, most: int
) -> list[tuple[int, int]]:
    """(goes, stays) for every sentence that another one makes needless, in the order in which they go.

    While two of the rest are nearly the `same` (or, while more than `most` are left, `similar`), the less preferred one
    of the closest pair goes, of two equally preferred ones the later. similarity (n, n), preference (n).
    """
    similarity = similarity.clone().fill_diagonal_(-1)
    alive = list(range(len(similarity)))
    gone = []
    while len(alive) > 1:
        pairs = similarity[alive][:, alive]
        best = int(pairs.argmax())
        if pairs.flatten()[best] < (similar if len(alive) > most else same):
            break
        first, second = alive[best // len(alive)], alive[best % len(alive)]
        goes, stays = (first, second) if preference[first] < preference[second] else (second, first)
        alive.remove(goes)
        gone.append((goes, stays))
    return gone
