"""Regions to sentences: the writing half of the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.inference.features import Answer, ImageFeatures, as_detections, stacked
from chex.model.chex import Chex

MOST_ROWS = 256  # sentences decoded together; bounds the memory of keys and values


class SentenceWriter:
    def __init__(self, model: Chex) -> None:
        self.model = model.eval()

    @torch.inference_mode()
    def describe(self, features: Sequence[ImageFeatures], answers: Sequence[Sequence[Answer]]) -> list[list[str]]:
        """One sentence per answer of each image; regions of all images are decoded together."""
        if len(features) != len(answers):
            raise ValueError(f"one list of answers per image expected; found {len(answers)} for {len(features)} images")
        flat = [(feature, answer) for feature, found in zip(features, answers) for answer in found]
        # answers to text have M boxes, those to a box have one
        by_boxes: dict[int, list[int]] = {}
        for i, (_, answer) in enumerate(flat):
            by_boxes.setdefault(len(answer.box_scores), []).append(i)
        tokens: list[torch.Tensor | None] = [None] * len(flat)
        for places in by_boxes.values():
            for start in range(0, len(places), MOST_ROWS):
                chunk = places[start : start + MOST_ROWS]
                for i, token in zip(chunk, self._refined([flat[i] for i in chunk])):
                    tokens[i] = token
        sentences: list[str] = []
        for start in range(0, len(tokens), MOST_ROWS):
            sentences += self.model.write(torch.stack(tokens[start : start + MOST_ROWS]))
        written = iter(sentences)
        return [[next(written) for _ in found] for found in answers]

    def _refined(self, regions: Sequence[tuple[ImageFeatures, Answer]]) -> torch.Tensor:
        features, answers = zip(*regions)
        device = self.model.device
        return self.model.refine(stacked(features, device), as_detections(answers, device))[:, 0]
