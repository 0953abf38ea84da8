"""Post decoder and sentence generator together: tokens of real regions become sentences (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.losses.distance import squared_distance
from jobs.training.stages.post_decoder import Objective as PostDecoderObjective
from jobs.training.stages.post_decoder import RefinedFindings, RefinedRegions, RefinedSentences
from jobs.training.stages.sentences import teacher_forced_loss


class Objective(PostDecoderObjective):
    trained = ("post_decoder", "generator")

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        images, annotations = self.encoded(model, batch), self.annotations(batch)
        regions, sentences = self.refined(model, images, annotations, generator)
        findings = self.refined_findings(model, images, annotations, generator)
        parts = self.token_losses(model, regions, sentences, findings, generator)
        if regions:
            parts["anatomy_generation"] = self._written_back(model, *_region_texts(regions), generator)
        if sentences:
            parts["sentence_generation"] = self._written_back(model, *_sentence_texts(sentences), generator)
        if findings:
            tokens, texts = _finding_texts(findings)
            everything = torch.ones(1, len(texts), dtype=torch.bool, device=tokens.device)
            parts["finding_mse"] = squared_distance(tokens[None], model.text_features(texts)[None], everything)
            parts["finding_generation"] = teacher_forced_loss(model, tokens, texts)
        return self.summed(model, parts)

    def _written_back(self, model, tokens: Tensor, texts: list[str], generator) -> Tensor:
        """Generation loss of a draw of the texts."""
        if not texts:
            return tokens.sum() * 0
        drawn = torch.randperm(len(texts), generator=generator)[: self.config.most_generated]
        return teacher_forced_loss(model, tokens[drawn.to(tokens.device)], [texts[i] for i in drawn.tolist()])


def _region_texts(regions: RefinedRegions) -> tuple[Tensor, list[str]]:
    present = regions.targets.present.any(dim=-1).tolist()
    places = [
        (b, q, text)
        for b, row in enumerate(regions.targets.sentences)
        for q, text in enumerate(row)
        if text and present[b][q]
    ]
    index = torch.tensor([[b, q] for b, q, _ in places], dtype=torch.long, device=regions.tokens.device).view(-1, 2)
    return regions.tokens[index[:, 0], index[:, 1]], [text for *_, text in places]


def _sentence_texts(sentences: RefinedSentences) -> tuple[Tensor, list[str]]:
    said = [text for row in sentences.targets.sentences for text in row]
    return sentences.tokens[sentences.targets.mask], said


def _finding_texts(findings: RefinedFindings) -> tuple[Tensor, list[str]]:
    places = torch.tensor([[b, q] for b, q, _ in findings.asked.answers], device=findings.tokens.device)
    return findings.tokens[places[:, 0], places[:, 1]], [text for *_, text in findings.asked.answers]
