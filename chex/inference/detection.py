"""Encode once, ask often: images to features, queries to boxes, probabilities and tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from chex.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from chex.geometry import Frame
from chex.inference.box_choice import BoxChoice
from chex.inference.classification import ABNORMAL, FindingClassifier
from chex.inference.features import Answer, ImageFeatures, stacked
from chex.model.chex import Chex
from chex.model.detections import Detections
from chex.records import Query, ScoredBox
from chex.vocabulary import load as load_vocabulary


class PromptReader:
    """The detecting half of the model; it keeps nothing of any image.

    choice: how the boxes of an answer are scored and chosen; without it, those that lie apart are kept, at the model's
    own IoU. classifier: how probable findings are; without it, by their own positive and negative prompts.
    """

    def __init__(
        self, model: Chex, *, choice: BoxChoice | None = None, classifier: FindingClassifier | None = None
    ) -> None:
        self.model = model.eval()
        self.choice = choice or BoxChoice(nms_iou=model.config.inference.nms_iou)
        self.classifier = classifier or FindingClassifier(model, load_vocabulary())

    @property
    def queries_see_each_other(self) -> bool:
        """Whether an answer depends on what else of the same kind its image is asked, as released weights need."""
        config = self.model.config
        return "image" in (config.detector.attends_to, config.post_decoder.attends_to)

    @torch.inference_mode()
    def encode(self, images: Sequence[np.ndarray]) -> list[ImageFeatures]:
        """Grayscale images (H, W) uint8, of any sizes, bone bright → their features."""
        if not images:
            return []
        config = self.model.config
        size, fit = config.image_encoder.image_size, config.preprocessing.fit
        frames = [Frame(*_size_of(image), size, fit) for image in images]
        return self.encode_framed(np.stack([frame.image(image) for frame, image in zip(frames, images)]), frames)

    @torch.inference_mode()
    def encode_framed(self, pixels: np.ndarray, frames: Sequence[Frame]) -> list[ImageFeatures]:
        """Model images (B, S, S) uint8, as their frames make them → their features."""
        if not len(pixels):
            return []
        e = self.model.encode_images(torch.tensor(pixels))
        return [ImageFeatures(e.patches[i], e.positions, e.pooled[i], e.grid, frame) for i, frame in enumerate(frames)]

    @torch.inference_mode()
    def detect(
        self, features: Sequence[ImageFeatures], queries: Sequence[Sequence[Query]], labels: Sequence[str] = ()
    ) -> list[list[Answer]]:
        """Answers to each image's queries, in order; each region is classified for `labels` (ids or dataset labels).

        An answer depends neither on the other queries nor on the other images; only where `queries_see_each_other` it
        depends on the image's other queries of the same kind (by text, by box, or both).
        """
        if len(features) != len(queries):
            raise ValueError(f"one list of queries per image expected; found {len(queries)} for {len(features)} images")
        for label in labels:
            self.classifier.finding_id(label)
        answers: list[list[Answer | None]] = [[None] * len(asked) for asked in queries]
        if not features:
            return answers
        images = stacked(features, self.model.device)
        for wants_text, wants_box in ((True, False), (False, True), (True, True)):
            places = [
                [
                    q
                    for q, query in enumerate(asked)
                    if (bool(query.text), query.box is not None) == (wants_text, wants_box)
                ]
                for asked in queries
            ]
            for some in self._answered_together(places):
                self._answer(images, features, queries, some, wants_text, wants_box, labels, answers)
        return answers

    def _answered_together(self, places: list[list[int]]) -> list[list[list[int]]]:
        """Places for one call each: all images, or those with equally many queries where padding would be seen."""
        counts = sorted({len(found) for found in places if found})
        if not counts or not self.queries_see_each_other:
            return [places] if counts else []
        return [[found if len(found) == count else [] for found in places] for count in counts]

    def _answer(self, images, features, queries, places, wants_text, wants_box, labels, answers) -> None:
        """Answers the queries of one kind, at most Q per image, padded by repeating the kind's first query."""
        rows = [b for b, found in enumerate(places) if found]
        images = images.of(torch.tensor(rows, device=self.model.device))
        asked = [[queries[b][q] for q in places[b]] for b in rows]
        most = max(map(len, asked))
        padded = [[*row, *[row[0]] * (most - len(row))] for row in asked]
        prompts = self._prompts(padded) if wants_text else None
        if wants_box:
            boxes = [
                [f.frame.boxes(np.array([q.box]))[0] for q in row]
                for f, row in zip((features[b] for b in rows), padded)
            ]
            detections = self.model.describe_boxes(images, xyxy_to_cxcywh(self._tensor(np.array(boxes))), prompts)
        else:
            detections = self.model.detect(images, prompts)
        refined = self.model.refine(images, detections)
        own = self._own_probabilities(detections, padded)
        asked_for = self.classifier.probabilities(refined, [*labels, ABNORMAL])
        boxes_xyxy = clip(cxcywh_to_xyxy(detections.boxes_cxcywh)).cpu()
        box_scores, scores = detections.scores.cpu(), self.choice.scores(detections.scores, own[..., None]).cpu()
        chosen = self.choice.among(boxes_xyxy, scores, box_scores)
        everything = torch.ones_like(scores, dtype=torch.bool)
        own, asked_for = own.tolist(), asked_for.tolist()
        for i, b in enumerate(rows):
            if wants_box:
                found = [(ScoredBox(tuple(query.box), float(s)),) for query, s in zip(asked[i], scores[i, :, 0])]
                every = [()] * len(found)
            else:
                found = _scored_boxes(features[b].frame, *(part[i] for part in chosen))
                every = _scored_boxes(features[b].frame, boxes_xyxy[i], box_scores[i], everything[i])
            for j, q in enumerate(places[b]):
                query, (*chances, abnormal) = asked[i][j], asked_for[i][j]
                probabilities = list(zip(labels, chances, strict=True))
                if finding := self.classifier.finding_asked(query):
                    probabilities.insert(0, (finding, own[i][j]))
                answers[b][q] = Answer(query, found[j], tuple(probabilities), abnormal, refined[i, j], every[j])

    def _prompts(self, queries: list[list[Query]]) -> Tensor:
        """(B, Q, D), or (1, Q, D) where every image is asked the same."""
        texts = [[query.text for query in row] for row in queries]
        if all(row == texts[0] for row in texts):
            texts = texts[:1]
        return self.model.text_features([text for row in texts for text in row]).unflatten(0, (len(texts), -1))

    def _own_probabilities(self, detections: Detections, queries: list[list[Query]]) -> Tensor:
        """(B, Q): the probability of the finding that a query is about; 1 where it is about none."""
        own = torch.ones(detections.tokens.shape[:2], device=self.model.device)
        named: dict[str, list[tuple[int, int]]] = {}
        for b, row in enumerate(queries):
            for q, query in enumerate(row):
                if finding := self.classifier.finding_asked(query):
                    named.setdefault(finding, []).append((b, q))
        if named:
            probabilities = self.classifier.probabilities(detections.tokens, list(named))
            for c, places in enumerate(named.values()):
                b, q = self._tensor(np.array(places), dtype=torch.long).unbind(-1)
                own[b, q] = probabilities[b, q, c].to(own.dtype)
        return own

    def _tensor(self, array: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.from_numpy(array).to(self.model.device, dtype)


def _scored_boxes(frame: Frame, boxes_xyxy: Tensor, scores: Tensor, kept: Tensor) -> list[tuple[ScoredBox, ...]]:
    """Per prompt its kept boxes in the original image; boxes (Q, M, 4) of the model's square, scores and kept (Q, M)."""
    original = frame.inverse_boxes(boxes_xyxy.reshape(-1, 4).numpy(), clip=True).reshape(boxes_xyxy.shape)
    rows = zip(original.tolist(), scores.tolist(), kept.tolist(), strict=True)
    return [tuple(ScoredBox(tuple(b), s) for b, s, k in zip(*row, strict=True) if k) for row in rows]


def _size_of(image: np.ndarray) -> tuple[int, int]:
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 2 and image.size):
        found = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"a grayscale image (height, width) of uint8 expected; found {found}")
    return image.shape
