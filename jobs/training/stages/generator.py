"""Post decoder and sentence generator together: tokens of real regions become sentences (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.losses.contrastive import squared_distance
from chex.losses.multitask import weighted_sum
from chex.model.detections import EncodedImages
from chex.records import Annotations
from jobs.training.stages.finding_sentences import FindingSentences, finding_sentences
from jobs.training.stages.post_decoder import Objective as PostDecoderObjective
from jobs.training.stages.post_decoder import RefinedRegions, RefinedSentences
from jobs.training.stages.sentences import teacher_forced_loss
from jobs.training.stages.weights import as_mapping


class Objective(PostDecoderObjective):
    trained = ("post_decoder", "generator")

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        images, annotations = self.encoded(model, batch), self.annotations(batch)
        regions, sentences = self.refined(model, images, annotations, generator)
        parts = self.token_losses(model, regions, sentences, generator)
        if regions:
            parts["anatomy_generation"] = self._written_back(model, *_region_texts(regions), generator)
        if sentences:
            parts["sentence_generation"] = self._written_back(model, *_sentence_texts(sentences), generator)
        asked = self._asked_findings(annotations, generator)
        if asked:
            tokens, texts = self._finding_tokens(model, images, asked)
            everything = torch.ones(1, len(texts), dtype=torch.bool, device=tokens.device)
            parts["finding_mse"] = squared_distance(tokens[None], model.text_features(texts)[None], everything)
            parts["finding_generation"] = teacher_forced_loss(model, tokens, texts)
        return weighted_sum(parts, as_mapping(self.config.weights))

    def _asked_findings(self, annotations: list[Annotations], generator) -> FindingSentences | None:
        weights = self.config.weights
        if not weights.finding_generation and not weights.finding_mse:
            return None
        c = self.config
        return finding_sentences(
            annotations, self.vocabulary, generator, most=c.most_asked_findings, stated_odds=c.stated_finding_odds
        )

    @staticmethod
    def _finding_tokens(model, images: EncodedImages, asked: FindingSentences) -> tuple[Tensor, list[str]]:
        """Refined tokens (n, D) of findings that the reports speak of, and what they say."""
        rows = sorted({image for image, *_ in asked.answers})
        seen = images.of(torch.tensor(rows, device=model.device))
        with torch.no_grad():
            found = model.detect(seen, model.text_features(asked.prompts)[None])
        tokens = model.refine(seen, found)
        places = torch.tensor([[rows.index(image), q] for image, q, _ in asked.answers], device=tokens.device)
        return tokens[places[:, 0], places[:, 1]], [text for *_, text in asked.answers]

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
