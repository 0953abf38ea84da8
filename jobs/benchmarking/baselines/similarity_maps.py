"""No detector: the towers of the contrastive stage, and boxes around the patches that are like a text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from chex.inference.classification import ABNORMAL, FindingClassifier
from chex.inference.detection import PromptReader
from chex.inference.features import Answer, ImageFeatures
from chex.metrics.detection import paired_iou
from chex.model.chex import Chex
from chex.pixels import decode_stored
from chex.records import Annotations, Box, Query, Sample, ScoredBox
from chex.vocabulary import load
from jobs.benchmarking.similarity import boxes_of_map, pooled, similarity_map
from jobs.benchmarking.subjects import subject_of

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # tried, of a map's range
UNTUNED = 0.6


@dataclass(frozen=True, slots=True)
class SimilarityMaps:
    """device → session of a contrastive stage's model, with the thresholds that `tune` gave."""

    folder: str
    file: str
    parts: ClassVar[frozenset[str]] = frozenset({"boxes", "classes"})

    def __call__(self, device: str) -> SimilaritySession:
        thresholds = json.loads(Path(self.file).read_text(encoding="utf-8"))["thresholds"]
        return SimilaritySession(Chex.load(self.folder, device), thresholds)


class SimilaritySession:
    """A text finds boxes on its map; a region is classified by its pooled patches, positive against negative prompt."""

    parts = SimilarityMaps.parts

    def __init__(self, model: Chex, thresholds: dict[str, float]) -> None:
        self.model, self._thresholds = model, thresholds
        self.reader = self
        self._images = PromptReader(model)
        self._classifier = FindingClassifier(model, load())
        self.provenance = {**model.provenance, "model_name": "similarity maps", "thresholds": thresholds}

    def encode(self, images: Sequence[np.ndarray]) -> list[ImageFeatures]:
        """Grayscale images (H, W) uint8, bone bright."""
        return self._images.encode(images)

    @torch.inference_mode()
    def detect(
        self, features: Sequence[ImageFeatures], queries: Sequence[Sequence[Query]], labels: Sequence[str] = ()
    ) -> list[list[Answer]]:
        """Answers to each image's queries, in order; each region is classified for `labels`."""
        return [
            [self._answer(image, query, labels) for query in asked]
            for image, asked in zip(features, queries, strict=True)
        ]

    def map_of(self, image: ImageFeatures, text: str) -> np.ndarray:
        """How much each place of the model image is like the text."""
        return similarity_map(image.patches, self.model.text_features([text])[0], image.grid)

    def token(self, image: ImageFeatures, region: Tensor) -> Tensor:
        """What an answer keeps of its region's feature (D)."""
        return region

    def _answer(self, image: ImageFeatures, query: Query, labels: Sequence[str]) -> Answer:
        if query.box is not None:
            region, boxes = tuple(image.frame.boxes(np.array([query.box]))[0].tolist()), (ScoredBox(query.box, 1.0),)
        else:
            found = boxes_of_map(self.map_of(image, query.text), self._threshold(query))
            region = found[0][0]
            boxes = tuple(ScoredBox(_original(image, box), score) for box, score in found)
        feature = pooled(image.patches, region, image.grid)
        asked = [*labels, ABNORMAL]
        own = self._classifier.finding_asked(query)
        values = self._classifier.probabilities(feature, [*asked, *([own] if own else [])]).tolist()
        probabilities = list(zip(labels, values, strict=False))
        if own:
            probabilities.insert(0, (own, values[-1]))
        token = self.token(image, feature)
        return Answer(query, boxes, tuple(probabilities), values[len(labels)], token, boxes)

    def _threshold(self, query: Query) -> float:
        return self._thresholds.get(_kind(query), UNTUNED)


def tune(model: Chex, validation: Iterable[Sample]) -> dict[str, Any]:
    """The threshold of each kind of query at which the best box overlaps a true one most on the validation split."""
    session = SimilaritySession(model, {})
    overlaps: dict[str, list[list[float]]] = {}
    for sample in validation:
        asked = _questions(sample.annotations)
        [image] = session.encode([decode_stored(sample.image)]) if asked else [None]
        for query, targets in asked:
            similar = session.map_of(image, query.text)
            best = [_original(image, boxes_of_map(similar, threshold)[0][0]) for threshold in THRESHOLDS]
            reached = [float(paired_iou([box] * len(targets), targets).max()) for box in best]
            overlaps.setdefault(_kind(query), []).append(reached)
    means = {kind: np.mean(reached, axis=0) for kind, reached in overlaps.items()}
    return {
        "thresholds": {kind: THRESHOLDS[int(np.argmax(mean))] for kind, mean in means.items()},
        "mean_iou": {kind: dict(zip(map(str, THRESHOLDS), mean.tolist())) for kind, mean in means.items()},
        "asked": {kind: len(reached) for kind, reached in overlaps.items()},
    }


def _questions(said: Annotations) -> list[tuple[Query, list[Box]]]:
    """What can be asked of an image, with the true boxes."""
    words = load()
    found: dict[Query, list[Box]] = {}
    for region in said.anatomy:
        if region.region in words.regions:
            found[Query(text=words.regions[region.region].prompt, name=region.region)] = [region.box]
    for box in said.pathology_boxes:
        term = words.finding_of(box.label)
        found.setdefault(Query(text=term.box_prompt, name=term.id), []).append(box.box)
    for phrase in said.grounded:
        found[Query(text=phrase.phrase)] = list(phrase.boxes)
    return list(found.items())


def _kind(query: Query) -> str:
    subject = subject_of(query) if query.name else None
    return subject.kind if subject else "sentence"


def _original(image: ImageFeatures, box: Box) -> Box:
    return tuple(image.frame.inverse_boxes(np.array([box]), clip=True)[0].tolist())
