"""The sentence generator learns to write from text features alone, before it sees tokens of images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.losses.generation import generation_loss
from jobs.training.stages import Objective as BaseObjective


class Objective(BaseObjective):
    """Each sentence of a batch is written back from its own feature, of which a random part is missing."""

    needs_images = False
    trained = ("generator",)

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        texts = [text for sample in batch["samples"] for text in self._texts(sample.annotations)]
        if not texts:
            return self.summed(model, {})
        wanted = self.config.most_generated
        chosen = [texts[i] for i in torch.randperm(len(texts), generator=generator)[:wanted].tolist()]
        features = model.text_features(chosen)
        copies = int(torch.randint(1, self.config.most_copies + 1, (), generator=generator)) if model.training else 1
        tokens = F.dropout(features.repeat(copies, 1), self.config.feature_dropout, model.generator.training)
        return self.summed(model, {"sentence_generation": teacher_forced_loss(model, tokens, chosen * copies)})

    @staticmethod
    def _texts(annotations) -> list[str]:
        """The report's sentences, and what it says about whole regions."""
        regions = [" ".join(region.sentences) for region in annotations.anatomy if len(region.sentences) > 1]
        return list(dict.fromkeys([*annotations.sentences, *regions]))


def teacher_forced_loss(model, tokens: Tensor, texts: list[str]) -> Tensor:
    """Cross-entropy of the texts given their tokens (n, D)."""
    ids, lengths = model.sentence_tokenizer.encode(texts, context=model.config.generator.max_tokens)
    ids, lengths = ids.to(tokens.device), lengths.to(tokens.device)
    return generation_loss(model.generator(tokens, ids), ids, lengths)
