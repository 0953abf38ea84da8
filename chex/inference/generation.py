"""Regions to sentences: the writing half of the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.inference.features import Answer
from chex.model.chex import Chex

CACHE_BYTES = 4 * 2**30


class SentenceWriter:
    """cache_bytes: what the keys and values of the sentences written at once may take, were all of the longest kind."""

    def __init__(self, model: Chex, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.model = model.eval()
        self.cache_bytes = cache_bytes

    @torch.inference_mode()
    def describe(self, answers: Sequence[Sequence[Answer]]) -> list[list[str]]:
        """One sentence per answer of each image; regions of all images are decoded together."""
        tokens = [answer.token for found in answers for answer in found]
        most = max(1, self.cache_bytes // self.model.generator.most_bytes_per_sentence())
        batches = -(-len(tokens) // most)
        sentences: list[str] = []
        for batch in range(batches):
            # as equal as can be: a few left over would cost as many steps as a full batch
            some = tokens[batch * len(tokens) // batches : (batch + 1) * len(tokens) // batches]
            sentences += self.model.write(torch.stack(some).to(self.model.device))
        written = iter(sentences)
        return [[next(written) for _ in found] for found in answers]
