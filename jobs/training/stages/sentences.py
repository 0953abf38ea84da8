"""The sentence generator learns to write from text features alone, before it sees tokens of images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.losses.generation import generation_loss
from jobs.training.stages import Objective as BaseObjective
from jobs.training.whole_batch import WholeBatch


class Objective(BaseObjective):
    """Each sentence of a batch is written back from its own feature, of which a random part is missing."""

    needs_images = False
    trained = ("generator",)

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        whole = self.whole(batch)
        texts = [text for annotations in whole.annotations for text in self._texts(annotations)]
        if not texts:
            return self.summed(model, {})
        wanted = self.config.most_generated
        chosen = [texts[i] for i in torch.randperm(len(texts), generator=generator)[:wanted].tolist()]
        training = model.generator.training
        copies = int(torch.randint(1, self.config.most_copies + 1, (), generator=generator)) if training else 1
        said = chosen * copies
        own = whole.part(len(said))
        features = model.text_features([said[i] for i in own.nonzero().squeeze(1).tolist()])
        tokens = F.dropout(features, self.config.feature_dropout, training)
        return self.summed(model, {"sentence_generation": teacher_forced_loss(self, model, whole, tokens, said, own)})

    @staticmethod
    def _texts(annotations) -> list[str]:
        """The report's sentences, and what it says about whole regions."""
        regions = [" ".join(region.sentences) for region in annotations.anatomy if len(region.sentences) > 1]
        return list(dict.fromkeys([*annotations.sentences, *regions]))


def teacher_forced_loss(
    objective: BaseObjective, model, whole: WholeBatch, tokens: Tensor, texts: list[str], own: Tensor
) -> Tensor:
    """Cross-entropy of all processes' texts, of which each writes its own (a mask) from their tokens (n own, D)."""
    limits = model.config.generator
    context = min(1 + limits.max_tokens, limits.positions)  # the start token is given, not written
    ids, lengths = model.sentence_tokenizer.encode(texts, context=context)
    words = int((lengths - 1).sum())
    objective.tokens_written += words
    if len(tokens):
        ids, lengths = ids[own][:, : int(lengths[own].max())].to(tokens.device), lengths[own].to(tokens.device)
        share = generation_loss(model.generator(tokens, ids), ids, lengths, words=words)
    else:
        share = tokens.sum() * 0
    return whole.total(share)
