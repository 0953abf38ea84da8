"""Boxes, labels and sentences at once: the image encoder's later layers and the prompt detector learn (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chex.inference.classification import ABNORMAL, FindingClassifier
from chex.losses.averaging import masked_mean
from chex.losses.boxes import anatomy_box_loss, pathology_box_loss
from chex.losses.classification import balanced_classes, pathology_class_loss, probability_loss, region_class_loss
from chex.losses.contrastive import clip_loss, sentence_loss
from chex.model.detections import Detections, EncodedImages
from chex.queries.anatomy import anatomy_targets, region_findings
from chex.queries.box import boxed_regions
from chex.queries.hinted import hinted_targets
from chex.queries.pathology import pathology_targets
from chex.queries.sentence import same_sentences, sentence_targets
from chex.queries.targets import AnatomyTargets, PathologyTargets, SentenceTargets
from jobs.training.stages import Objective as BaseObjective
from jobs.training.stages.phrases import stated_phrases
from jobs.training.whole_batch import WholeBatch


class Objective(BaseObjective):
    shows_boxes = True
    trained = ("image_encoder", "detector")

    def __init__(self, config, model, vocabulary) -> None:
        super().__init__(config, model, vocabulary)
        self.classifier = FindingClassifier(model, vocabulary)
        self.region_findings = region_findings(vocabulary)
        self.as_published = config.form == "published"

    def prepare(self, model) -> None:
        super().prepare(model)
        model.image_encoder.freeze(self.config.frozen_image_layers)

    def forget_texts(self, model) -> None:
        super().forget_texts(model)
        self.classifier.forget_texts()

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        whole = self.whole(batch)
        images = model.encode_images(torch.as_tensor(batch["images"]))
        c, parts = self.config, {}
        if "pathology" in c.token_kinds and (pathology := self._pathology_targets(whole, generator)):
            parts |= self._pathology(model, whole, images, pathology.to(model.device))
        if "pathology" in c.token_kinds and (hinted := self._hinted_targets(whole, generator)):
            parts |= self._hinted(model, whole, images, hinted.to(model.device))
        if anatomy := self.anatomy_targets(whole, generator):
            parts |= self._anatomy(model, whole, images, anatomy.to(model.device), generator)
        sentences = sentence_targets(whole.annotations, generator, most_sentences=c.most_sentences)
        if sentences:
            parts |= self._sentences(model, whole, images, sentences.to(model.device))
        return self.summed(model, parts)

    def _pathology_targets(self, whole: WholeBatch, generator: torch.Generator) -> PathologyTargets | None:
        c = self.config
        return pathology_targets(
            whole.annotations, self.vocabulary, generator, label_sets=c.label_sets,
            unmentioned_absent=c.unmentioned_absent,
            most_with_boxes=c.most_boxed_findings, most_with_labels=c.most_labelled_findings,
        )  # fmt: skip

    def _hinted_targets(self, whole: WholeBatch, generator: torch.Generator) -> PathologyTargets | None:
        c = self.config
        if not c.most_hinted_findings and not c.most_phrases:
            return None
        phrases = stated_phrases(whole.annotations, self.vocabulary) if c.most_phrases else ()
        return hinted_targets(
            whole.annotations, self.vocabulary, generator,
            most_findings=c.most_hinted_findings, phrases=phrases, most_phrases=c.most_phrases,
        )  # fmt: skip

    def anatomy_targets(self, whole: WholeBatch, generator: torch.Generator) -> AnatomyTargets | None:
        """A draw of regions; None where no image has any, or none are asked."""
        if "anatomy" not in self.config.token_kinds:
            return None
        return anatomy_targets(whole.annotations, self.vocabulary, generator, most_regions=self.config.most_regions)

    def _pathology(
        self, model, whole: WholeBatch, images: EncodedImages, targets: PathologyTargets
    ) -> dict[str, Tensor]:
        found = detected(model, whole, images, targets)
        positive, negative = self.classifier.prompt_features(targets.findings)
        rows, own = _places(targets)
        parts = {
            "pathology_classes": pathology_class_loss(
                found.tokens.flatten(0, 1), own.flatten(), targets.values.flatten(), positive, negative,
                images=rows.flatten() if self.as_published else None,
            ),
            "pathology_probabilities": self.own_probability_loss(model, found.tokens, targets.values, targets.findings),
        }  # fmt: skip
        if targets.boxed.any():
            parts["pathology_boxes"], parts["pathology_scores"] = self._pathology_boxes(
                model, found, targets, rows, own
            )
        return parts

    def _hinted(self, model, whole: WholeBatch, images: EncodedImages, targets: PathologyTargets) -> dict[str, Tensor]:
        """The same for prompts that say more than a name, but for the contrast of classes: these do not differ by it."""
        found = detected(model, whole, images, targets)
        parts = {
            "hinted_probabilities": self.own_probability_loss(model, found.tokens, targets.values, targets.findings)
        }
        if targets.boxed.any():
            parts["hinted_boxes"], parts["hinted_scores"] = self._pathology_boxes(
                model, found, targets, *_places(targets)
            )
        return parts

    def _pathology_boxes(self, model, found: Detections, targets: PathologyTargets, rows: Tensor, own: Tensor):
        if self.as_published:
            asked, options = (
                torch.ones_like(targets.boxed),
                {"images": rows.flatten(), "boxed": targets.boxed.flatten()},
            )
        else:
            asked, options = targets.boxed, {}
        regions = found.of(*asked.nonzero(as_tuple=True))  # P M …
        return pathology_box_loss(
            regions.boxes_cxcywh, regions.scores, self._own_probabilities(model, regions, targets.findings, own[asked]),
            targets.boxes_cxcywh[asked], targets.present[asked], **options,
        )  # fmt: skip

    def own_probability_loss(self, model, tokens: Tensor, values: Tensor, findings: Sequence[str]) -> Tensor:
        """Tokens (b, Q, D) of the findings' prompts: each is only asked for its own finding, values (b, Q)."""
        asked = torch.diag_embed(values + 1) - 1  # b Q Q, −1 beside the diagonal
        positive, negative = self.classifier.prompt_features(findings)
        return self._probability_loss(model, tokens.flatten(0, 1), asked.flatten(0, 1), positive, negative)

    @torch.no_grad()
    def _own_probabilities(self, model, regions: Detections, findings: Sequence[str], own: Tensor) -> Tensor:
        """(P, M): how much each box looks like its prompt's finding `own` (P), which only steers the matching."""
        features = regions.box_features
        if self.as_published:
            (positive, negative), temperature = self.classifier.prompt_means(findings), 1.0
        else:
            (positive, negative), temperature = self.classifier.prompt_features(findings), self.temperature(model)
            features = torch.nn.functional.normalize(features, dim=-1)
        direction = (positive - negative)[own].to(features.dtype)
        return (torch.einsum("pmd,pd->pm", features, direction) / temperature).sigmoid()

    def _anatomy(self, model, whole, images, targets: AnatomyTargets, generator) -> dict[str, Tensor]:
        found = detected(model, whole, images, targets)
        boxes = anatomy_box_loss(
            found.boxes_cxcywh.flatten(0, 1), found.scores.flatten(0, 1), targets.boxes_cxcywh.flatten(0, 1),
            targets.present.flatten(0, 1), targets.grouped.expand(len(targets.images), -1).flatten(),
        )  # fmt: skip
        tokens, asked = self._boxed_tokens(model, whole, images, targets, generator) or (found.tokens, targets)
        return {"anatomy_boxes": boxes, **self.region_losses(model, tokens, asked, generator)}

    def _boxed_tokens(
        self, model, whole: WholeBatch, images: EncodedImages, targets: AnatomyTargets, generator
    ) -> tuple[Tensor, AnatomyTargets] | None:
        """What lies under the true boxes of the one-box regions, in a share of the batches; the paper's has none."""
        share = self.config.boxed_region_share
        if not share or torch.rand((), generator=generator) >= share or (narrowed := boxed_regions(targets)) is None:
            return None
        asked, boxes = narrowed
        found = model.describe_boxes(images.of(whole.local(asked.images)), boxes[whole.own(asked.images)])
        return whole.gathered(found.tokens, asked.images), asked

    def region_losses(self, model, tokens: Tensor, targets: AnatomyTargets, generator) -> dict[str, Tensor]:
        """What the labelled regions' tokens (b, Q, D) say about findings, and about anything being wrong at all."""
        known = targets.labelled & targets.present.any(dim=-1)
        labels, tokens = targets.labels[known], tokens[known]
        classes = balanced_classes(labels, self.config.negative_classes, generator) if len(labels) else labels[:0, 0]
        positive, negative = self.classifier.prompt_features((*self.region_findings, ABNORMAL))
        asked = torch.cat([labels, labels.any(dim=1, keepdim=True)], dim=1).long()
        return {
            "anatomy_classes": region_class_loss(
                tokens, labels, positive[:-1], negative[:-1], classes, balanced=not self.as_published
            ),
            "region_probabilities": self._probability_loss(model, tokens, asked, positive, negative),
        }

    @classmethod
    def _probability_loss(cls, model, tokens: Tensor, asked: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return probability_loss(tokens, asked, positive, negative, temperature=cls.temperature(model))

    @staticmethod
    def temperature(model) -> float:
        return model.config.inference.class_temperature

    def _sentences(self, model, whole, images, targets: SentenceTargets) -> dict[str, Tensor]:
        features, same = sentence_features(model, whole, targets)
        own, seen = whole.own(targets.images), images.of(whole.local(targets.images))
        asked = "sentence" in self.config.token_kinds
        tokens = model.detect(seen, features[own], targets.mask[own]).tokens if asked else None
        means = whole.gathered(seen.patches.mean(dim=1), targets.images)
        parts = {"image_report": clip_loss(means, masked_mean(features, targets.mask))}  # asks for no sentence
        if tokens is not None:
            gathered = whole.gathered(tokens, targets.images)
            parts["sentence_contrast"] = sentence_loss(gathered, features, targets.mask, same)
        return parts


def _places(targets: PathologyTargets) -> tuple[Tensor, Tensor]:
    """Of every image's every prompt, (b, Q): the number of the image and that of the prompt."""
    values = targets.values
    rows = torch.arange(values.shape[0], device=values.device)[:, None].expand_as(values)
    return rows, torch.arange(values.shape[1], device=values.device).expand_as(values)


def detected(model, whole: WholeBatch, images: EncodedImages, targets: PathologyTargets | AnatomyTargets) -> Detections:
    """What is found for the prompts in all processes' images, each of which looks at its own."""
    found = model.detect(images.of(whole.local(targets.images)), model.text_features(targets.prompts)[None])
    return whole.detections(found, targets.images)


def sentence_features(model, whole: WholeBatch, targets: SentenceTargets) -> tuple[Tensor, Tensor]:
    """Features (b, Q, D) of the sentences, 0 where there is none, and which of the real ones are the same (n, n)."""
    said = [text for row in targets.sentences for text in row]
    known = whole.shared(said, model.text_features)
    features = known.new_zeros(*targets.mask.shape, known.shape[-1])
    features[targets.mask] = known
    return features, same_sentences(said).to(known.device)
