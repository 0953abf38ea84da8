"""Image and text towers from nothing: what CheXzero's weights replace in the paper's setup."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from chex.losses.alignment import alignment_loss, identity_loss, local_alignment
from chex.losses.classification import balanced_classes, region_class_loss
from chex.losses.contrastive import clip_loss
from chex.model.roi_pool import gaussian_weights
from chex.queries.anatomy import anatomy_targets, region_findings
from chex.queries.drawing import draw_one
from chex.queries.pathology import pathology_targets
from chex.queries.sentence import same_sentences, sentence_targets
from chex.queries.targets import AnatomyTargets
from jobs.training.stages import Objective as BaseObjective
from jobs.training.whole_batch import WholeBatch

MOST_IDENTITIES = 96  # texts of a batch that are told apart from one another


class Texts:
    """The different texts of a batch, encoded once; `[some]` gives the features of some of them."""

    def __init__(self, model, whole: WholeBatch, texts: Sequence[str]) -> None:
        self.texts = list(dict.fromkeys(texts))
        self._place = {text: i for i, text in enumerate(self.texts)}
        self.features = whole.shared(self.texts, partial(_encoded, model))

    def __getitem__(self, texts: Sequence[str]) -> Tensor:
        return self.features[
            torch.tensor([self._place[t] for t in texts], dtype=torch.long, device=self.features.device)
        ]


def _encoded(model, texts: Sequence[str]) -> Tensor:
    return model.encode_texts(texts) if texts else model.encode_texts(["nothing"])[:0]


class Objective(BaseObjective):
    """Images and reports, sentences and the patches they fit, regions and their names and labels; texts stay apart.

    Prompts of known findings count as sentences: the text tower must tell "effusion" from "no effusion", and "right"
    from "left", before it is frozen.
    """

    trained = ("image_encoder", "prompt_encoder")

    def __init__(self, config, model, vocabulary) -> None:
        super().__init__(config, model, vocabulary)
        self.region_findings = region_findings(vocabulary)

    def __call__(self, model, batch, generator: torch.Generator) -> dict[str, Tensor]:
        whole = self.whole(batch)
        annotations = whole.annotations
        model.forget_texts()  # the text tower is still learning
        images = whole.images(model.encode_images(torch.as_tensor(batch["images"])))
        sentences = sentence_targets(annotations, generator, most_sentences=self.config.most_sentences)
        said = [text for row in sentences.sentences for text in row] if sentences else []
        prompts, prompt_fits, prompt_certain = self._finding_prompts(annotations, generator)
        anatomy = anatomy_targets(annotations, self.vocabulary, generator, most_regions=self.config.most_regions)
        known, classes = self._drawn_labels(anatomy, generator)
        positive, negative = self._spellings(classes, generator)
        texts = Texts(model, whole, [*said, *prompts, *(anatomy.prompts if anatomy else ()), *positive, *negative])
        parts = {"text_identity": self._identity(model, whole, texts, generator)}
        if sentences:
            parts["image_report"] = self._image_report(images, sentences, texts[said])
        if said or prompts:
            fits, certain = self._fits(sentences, said, len(annotations))
            similarity = local_alignment(images.patches, texts[[*said, *prompts]])
            certain = torch.cat([certain, prompt_certain]).to(similarity.device)
            fits = torch.cat([fits, prompt_fits]).to(similarity.device)
            parts["sentence_alignment"] = alignment_loss(similarity.masked_fill(~certain, -1e4), fits)
        if anatomy:
            anatomy = anatomy.to(model.device)
            tokens = self._pooled(images, anatomy)
            parts["region_names"] = self._names(tokens, anatomy, texts[anatomy.prompts])
            labels, drawn = anatomy.labels[known][:, classes], torch.arange(len(classes), device=model.device)
            parts["region_labels"] = region_class_loss(tokens[known], labels, texts[positive], texts[negative], drawn)
        return self.summed(model, parts)

    @staticmethod
    def _identity(model, whole: WholeBatch, texts: Texts, generator) -> Tensor:
        """Each text against another view of itself: dropout makes the difference."""
        drawn = torch.randperm(len(texts.texts), generator=generator)[:MOST_IDENTITIES].tolist()
        some = [texts.texts[i] for i in drawn]
        if not some:
            return texts.features.sum() * 0
        return identity_loss(whole.shared(some, partial(_encoded, model)), texts[some])

    @staticmethod
    def _image_report(images, sentences, features: Tensor) -> Tensor:
        counts = sentences.mask.sum(dim=1).tolist()
        reports = torch.stack([part.mean(dim=0) for part in features.split(counts)])
        return clip_loss(images.patches[sentences.images.to(features.device)].mean(dim=1), reports)

    @staticmethod
    def _pooled(images, targets: AnatomyTargets) -> Tensor:
        """Mean patch feature (b, Q, D) under the first box of every region."""
        weights = gaussian_weights(targets.boxes_cxcywh[:, :, 0], *images.grid, beta=2.0)
        weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-6)  # a sliver of a box may reach no patch
        return weights @ images.patches[targets.images]

    @staticmethod
    def _names(tokens: Tensor, targets: AnatomyTargets, prompts: Tensor) -> Tensor:
        """Every region finds its name among the drawn ones, and every name its region in the image."""
        known = targets.present[..., 0] & ~targets.grouped
        similarity = torch.nn.functional.normalize(tokens, dim=-1) @ torch.nn.functional.normalize(prompts, dim=-1).T
        own = torch.eye(len(targets.prompts), dtype=torch.bool, device=tokens.device)
        usable = similarity.masked_fill(~known[:, None], -1e4).masked_fill(~known[..., None], -1e4)  # b Q Q
        return sum((alignment_loss(rows, own & seen[:, None]) for rows, seen in zip(usable, known))) / len(usable)

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

    def _drawn_labels(self, anatomy: AnatomyTargets | None, generator) -> tuple[Tensor, Tensor]:
        """Which regions (b, Q) are labelled, and a draw of the findings to ask them about."""
        if anatomy is None:
            return torch.zeros(0, 0, dtype=torch.bool), torch.zeros(0, dtype=torch.long)
        known = anatomy.labelled & anatomy.present[..., 0]
        if not known.any():
            return known, torch.zeros(0, dtype=torch.long)
        return known, balanced_classes(anatomy.labels[known], self.config.negative_classes, generator)

    def _spellings(self, classes: Tensor, generator) -> tuple[list[str], list[str]]:
        """One positive and one negative prompt of each of these findings."""
        terms = [self.vocabulary.findings[self.region_findings[c]] for c in classes.tolist()]
        positive = [draw_one((*term.positive, *term.synonyms), generator) for term in terms]
        return positive, [draw_one(term.negative, generator) for term in terms]

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
        prompts = [
            draw_one(side, generator) for term in terms for side in ((*term.positive, *term.synonyms), term.negative)
        ]
        values = torch.full((len(terms), len(annotations)), -1)
        values[:, targets.images] = targets.values.T
        fits = torch.stack([values == 1, values == 0], dim=1).flatten(0, 1)
        known = (values >= 0).repeat_interleave(2, dim=0)
        return prompts, fits, known
