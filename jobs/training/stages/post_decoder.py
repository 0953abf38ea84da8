"""The post decoder alone: refined tokens that say what is wrong with a region and what its sentences mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from chex.losses.contrastive import sentence_loss
from chex.losses.distance import squared_distance
from chex.model.detections import EncodedImages
from chex.queries.box import boxed_regions
from chex.queries.sentence import sentence_targets
from chex.queries.targets import AnatomyTargets, SentenceTargets
from jobs.training.stages.detector import Objective as DetectorObjective
from jobs.training.stages.detector import sentence_features
from jobs.training.stages.finding_sentences import FindingSentences, finding_sentences
from jobs.training.whole_batch import WholeBatch


@dataclass(frozen=True, slots=True)
class RefinedRegions:
    targets: AnatomyTargets
    tokens: Tensor  # b Q D


@dataclass(frozen=True, slots=True)
class RefinedSentences:
    targets: SentenceTargets
    tokens: Tensor  # b Q D
    features: Tensor  # b Q D
    same: Tensor  # n n


@dataclass(frozen=True, slots=True)
class RefinedFindings:
    asked: FindingSentences
    tokens: Tensor  # b Q D


class Objective(DetectorObjective):
    needs_anatomy = True
    trained = ("post_decoder",)

    def prepare(self, model) -> None:
        super(DetectorObjective, self).prepare(model)

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        whole, images = self.whole(batch), self.encoded(model, batch)
        regions, sentences = self.refined(model, whole, images, generator)
        findings = self.refined_findings(model, whole, images, generator)
        parts = self.token_losses(model, whole, regions, sentences, findings, generator)
        return self.summed(model, parts)

    def token_losses(self, model, whole, regions, sentences, findings, generator) -> dict[str, Tensor]:
        parts: dict[str, Tensor] = {}
        if regions:
            parts |= self.region_losses(model, regions.tokens, regions.targets, generator)
            parts["anatomy_mse"] = self._region_distance(model, whole, regions)
        if sentences:
            s = sentences
            parts["sentence_contrast"] = sentence_loss(s.tokens, s.features, s.targets.mask, s.same)
            parts["sentence_mse"] = squared_distance(s.tokens, s.features, s.targets.mask)
        if findings:
            parts["finding_probabilities"] = self.own_probability_loss(
                model, findings.tokens, findings.asked.values.to(model.device), findings.asked.findings
            )
        return parts

    @staticmethod
    @torch.no_grad()
    def encoded(model, batch) -> EncodedImages:
        return model.encode_images(torch.as_tensor(batch["images"]))

    def refined(
        self, model, whole: WholeBatch, images: EncodedImages, generator: torch.Generator
    ) -> tuple[RefinedRegions | None, RefinedSentences | None]:
        """Refined tokens of a draw of regions (asked by name or by box) and of the sentences."""
        anatomy, sentences = self.anatomy_targets(whole, generator), None
        if "sentence" in self.config.token_kinds:
            sentences = sentence_targets(whole.annotations, generator, most_sentences=self.config.most_sentences)
        by_box = bool(torch.rand((), generator=generator) < self.config.box_query_share)
        regions = self._regions(model, whole, images, anatomy.to(model.device), by_box) if anatomy else None
        return regions, self._sentences(model, whole, images, sentences.to(model.device)) if sentences else None

    def refined_findings(
        self, model, whole: WholeBatch, images: EncodedImages, generator: torch.Generator
    ) -> RefinedFindings | None:
        """Refined tokens of all CheXpert findings, asked of the images whose reports can be read."""
        c, weights = self.config, self.config.weights
        wanted = weights.finding_probabilities or weights.finding_generation or weights.finding_mse
        if "pathology" not in c.token_kinds or not wanted:
            return None
        asked = finding_sentences(
            whole.annotations,
            self.vocabulary,
            generator,
            most=c.most_asked_findings,
            stated_odds=c.stated_finding_odds,
        )
        if asked is None:
            return None
        seen = images.of(whole.local(asked.images).to(model.device))
        with torch.no_grad():
            found = model.detect(seen, model.text_features(asked.prompts)[None])
        return RefinedFindings(asked, whole.gathered(model.refine(seen, found), asked.images))

    @staticmethod
    def _regions(
        model, whole: WholeBatch, images: EncodedImages, targets: AnatomyTargets, by_box: bool
    ) -> RefinedRegions | None:
        seen = images.of(whole.local(targets.images))
        with torch.no_grad():
            if by_box:
                narrowed = boxed_regions(targets)
                if narrowed is None:
                    return None
                targets, boxes = narrowed
                found = model.describe_boxes(seen, boxes[whole.own(targets.images)])
            else:
                found = model.detect(seen, model.text_features(targets.prompts)[None])
        return RefinedRegions(targets, whole.gathered(model.refine(seen, found), targets.images))

    def _sentences(self, model, whole: WholeBatch, images: EncodedImages, targets: SentenceTargets) -> RefinedSentences:
        features, same = sentence_features(model, whole, targets)
        own, seen = whole.own(targets.images), images.of(whole.local(targets.images))
        with torch.no_grad():
            found = model.detect(seen, features[own], targets.mask[own])
        tokens = whole.gathered(model.refine(seen, found, targets.mask[own]), targets.images)
        return RefinedSentences(targets, tokens, features, same)

    @staticmethod
    def _region_distance(model, whole: WholeBatch, regions: RefinedRegions) -> Tensor:
        said = torch.tensor([[bool(text) for text in row] for row in regions.targets.sentences])
        mask = said.to(regions.tokens.device) & regions.targets.present.any(dim=-1)
        features = torch.zeros_like(regions.tokens)
        texts = [text for row in regions.targets.sentences for text in row if text]
        if texts:
            known = whole.shared(texts, model.text_features)
            features[said.to(features.device)] = known.to(features.dtype)
        return squared_distance(regions.tokens, features, mask)
