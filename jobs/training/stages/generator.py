"""Post decoder and sentence generator together: tokens of real regions become sentences (paper 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from chex.losses.distance import squared_distance
from jobs.training.stages.post_decoder import Objective as PostDecoderObjective
from jobs.training.stages.post_decoder import RefinedFindings, RefinedRegions, RefinedSentences
from jobs.training.stages.sentences import teacher_forced_loss
from jobs.training.whole_batch import WholeBatch


@dataclass(frozen=True, slots=True)
class Said:
    """tokens (n, D), the n texts that belong to them, and the images (n) that they are about."""

    tokens: Tensor
    texts: list[str]
    images: Tensor


class Objective(PostDecoderObjective):
    trained = ("post_decoder", "generator")

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        whole, images = self.whole(batch), self.encoded(model, batch)
        regions, sentences = self.refined(model, whole, images, generator)
        findings = self.refined_findings(model, whole, images, generator)
        parts = self.token_losses(model, whole, regions, sentences, findings, generator)
        if regions:
            parts["anatomy_generation"] = self._written_back(model, whole, _region_texts(regions), generator)
        if sentences:
            parts["sentence_generation"] = self._written_back(model, whole, _sentence_texts(sentences), generator)
        if findings:
            said = _finding_texts(findings)
            everything = torch.ones(1, len(said.texts), dtype=torch.bool, device=said.tokens.device)
            features = whole.shared(said.texts, model.text_features)
            parts["finding_mse"] = squared_distance(said.tokens[None], features[None], everything)
            parts["finding_generation"] = self._written(model, whole, said)
        return self.summed(model, parts)

    def _written_back(self, model, whole: WholeBatch, said: Said, generator) -> Tensor:
        """Generation loss of a draw of the texts."""
        if not said.texts:
            return said.tokens.sum() * 0
        drawn = torch.randperm(len(said.texts), generator=generator)[: self.config.most_generated]
        return self._written(
            model, whole,
            Said(said.tokens[drawn.to(said.tokens.device)], [said.texts[i] for i in drawn.tolist()], said.images[drawn]),
        )  # fmt: skip

    def _written(self, model, whole: WholeBatch, said: Said) -> Tensor:
        own = whole.own(said.images)
        return teacher_forced_loss(self, model, whole, said.tokens[own.to(said.tokens.device)], said.texts, own)


def _region_texts(regions: RefinedRegions) -> Said:
    present = regions.targets.present.any(dim=-1).tolist()
    places = [
        (b, q, text)
        for b, row in enumerate(regions.targets.sentences)
        for q, text in enumerate(row)
        if text and present[b][q]
    ]
    index = torch.tensor([[b, q] for b, q, _ in places], dtype=torch.long, device=regions.tokens.device).view(-1, 2)
    texts = [text for *_, text in places]
    return Said(regions.tokens[index[:, 0], index[:, 1]], texts, regions.targets.images[index[:, 0]].cpu())


def _sentence_texts(sentences: RefinedSentences) -> Said:
    targets = sentences.targets
    texts = [text for row in targets.sentences for text in row]
    images = targets.images.cpu().repeat_interleave(torch.tensor([len(row) for row in targets.sentences]))
    return Said(sentences.tokens[targets.mask], texts, images)


def _finding_texts(findings: RefinedFindings) -> Said:
    places = torch.tensor([[b, q] for b, q, _ in findings.asked.answers])
    index = places.to(findings.tokens.device)
    texts = [text for *_, text in findings.asked.answers]
    return Said(findings.tokens[index[:, 0], index[:, 1]], texts, findings.asked.images[places[:, 0]])
