"""Sentences of given lengths: random weights would speak until the limit, and a comparison needs the same work."""

from __future__ import annotations

import torch
from torch import Tensor


class ForcedWords:
    """The likeliest word among those with a text; a sentence ends exactly after its length.

    `lengths` is (n) words of n sentences; it is set before each call.
    """

    def __init__(self, known_words: int, end_id: int) -> None:
        self.known_words = known_words
        self.end_id = end_id
        self.lengths = torch.zeros(0, dtype=torch.long)

    def restricted(self, logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        """logits (n, vocabulary) of these sentences' word at `position`, 0 the first; changed in place."""
        logits[:, self.known_words :] = float("-inf")
        logits[:, self.end_id] = float("-inf")
        over = self.lengths.to(logits.device)[sentences] <= position
        logits[:, self.end_id].masked_fill_(over, 1e9)
        return logits

    def __call__(self, logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        return self.restricted(logits, sentences, position).argmax(dim=-1)


def natural_lengths(sentences: int, *, mean: int = 15, longest: int = 60) -> Tensor:
    """Unequal lengths as in reports: most short, few long; their mean and longest are as given (one: the mean)."""
    if sentences == 1:
        return torch.tensor([mean])
    quantiles = (torch.arange(sentences) + 0.5) / sentences
    lengths = torch.distributions.LogNormal(torch.tensor(mean).log() - 0.15, 0.55).icdf(quantiles)
    lengths = lengths.clamp(3, longest).round().long()
    lengths[-1] = longest
    # what the longest took is given back by the middle, so that the mean is exact
    surplus = int(lengths.sum()) - mean * sentences
    order = torch.randperm(sentences - 1, generator=torch.Generator().manual_seed(0))
    for turn in range(abs(surplus)):
        lengths[order[turn % len(order)]] -= 1 if surplus > 0 else -1
    return lengths[torch.randperm(sentences, generator=torch.Generator().manual_seed(1))].clamp(min=1)
