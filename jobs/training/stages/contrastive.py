"""Image and text towers from nothing: what CheXzero's weights replace in the paper's setup."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.losses.contrastive import alignment_loss, clip_loss, local_alignment
from chex.losses.multitask import weighted_sum
from chex.queries.pathology import pathology_targets
from chex.queries.sentence import same_sentences, sentence_targets
from jobs.training.stages import Objective as BaseObjective
from jobs.training.stages.weights import as_mapping


class Objective(BaseObjective):
    """The CLIP loss between images and reports, and each sentence against the patches it fits.

    Positive and negative prompts of known findings count as sentences: the text tower must tell "effusion" from
    "no effusion" before it is frozen.
    """

    trained = ("image_encoder", "prompt_encoder")

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        annotations = [sample.annotations for sample in batch["samples"]]
        images = model.encode_images(torch.as_tensor(batch["images"]))
        model.forget_texts()  # the text tower is still learning
        sentences = sentence_targets(annotations, generator, most_sentences=self.config.most_sentences)
        prompts, prompt_fits, prompt_known = self._finding_prompts(annotations, generator)
        said = [text for row in sentences.sentences for text in row] if sentences else []
        features = model.encode_texts([*said, *prompts])
        parts = {}
        if sentences:
            parts["image_report"] = self._image_report(images, sentences, features[: len(said)])
        if said or prompts:
            fits, known = self._fits(sentences, said, len(annotations))
            fits, known = torch.cat([fits, prompt_fits]), torch.cat([known, prompt_known])
            similarity = local_alignment(images.patches, features)
            similarity = similarity.masked_fill(~known.to(similarity.device), -1e4)
            parts["sentence_alignment"] = alignment_loss(similarity, fits.to(similarity.device))
        if not parts:  # a batch without a word
            parts["image_report"] = images.pooled.sum() * 0
        return weighted_sum(parts, as_mapping(self.config.weights))

    @staticmethod
    def _image_report(images, sentences, features: Tensor) -> Tensor:
        counts = sentences.mask.sum(dim=1).tolist()
        reports = torch.stack([part.mean(dim=0) for part in features.split(counts)])
        return clip_loss(images.patches[sentences.images.to(features.device)].mean(dim=1), reports)

    @staticmethod
    def _fits(sentences, said: list[str], images: int) -> tuple[Tensor, Tensor]:
        """(n, B) True where image and sentence belong together, and where that is known: with a report at least."""
        fits = torch.zeros(len(said), images, dtype=torch.bool)
        known = torch.zeros(len(said), images, dtype=torch.bool)
        if said:
            owners = sentences.images.repeat_interleave(sentences.mask.sum(dim=1))
            own = torch.zeros_like(fits)
            own[torch.arange(len(said)), owners] = True
            fits = (same_sentences(said).float() @ own.float()) > 0
            known[:, sentences.images] = True
        return fits, known

    def _finding_prompts(self, annotations, generator) -> tuple[list[str], Tensor, Tensor]:
        """Prompts of a draw of findings, with which images they fit, and for which that is known, (2 Q, B)."""
        targets = pathology_targets(
            annotations,
            self.vocabulary,
            generator,
            label_sets=self.config.label_sets,
            most_with_boxes=self.config.most_boxed_findings,
            most_with_labels=self.config.most_labelled_findings,
        )
        if targets is None:
            nothing = torch.zeros(0, len(annotations), dtype=torch.bool)
            return [], nothing, nothing
        terms = [self.vocabulary.findings[finding] for finding in targets.findings]
        pick = int(torch.randint(1_000_000, (), generator=generator))
        prompts = [
            side[pick % len(side)] for term in terms for side in ((*term.positive, *term.synonyms), term.negative)
        ]
        values = torch.full((len(terms), len(annotations)), -1)
        values[:, targets.images] = targets.values.T
        fits = torch.stack([values == 1, values == 0], dim=1).flatten(0, 1)
        known = (values >= 0).repeat_interleave(2, dim=0)
        return prompts, fits, known
