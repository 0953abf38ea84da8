"""Pictures of what a model in training finds: predicted boxes on validation images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from PIL import Image

from chex.exports.overlay import draw
from chex.inference.detection import PromptReader
from chex.inference.report import finding
from chex.model.chex import Chex
from chex.records import Query, Sample
from chex.vocabulary import Vocabulary

REGIONS = ("right lung", "left lung", "cardiac silhouette", "left costophrenic angle")
MOST_FINDINGS = 4


def predicted_boxes(
    model: Chex, vocabulary: Vocabulary, batches: Iterable[Mapping[str, Any]], *, most: int = 4
) -> dict[str, Image.Image]:
    """Overlay pictures by public id: the regions of images with anatomy, the boxed findings of the others."""
    drawn: dict[str, Image.Image] = {}
    reader = PromptReader(model)
    for batch in batches:
        for image, sample in zip(batch["images"], batch["samples"]):
            queries = _queries(sample, vocabulary)
            if not queries:
                continue
            pixels = torch.as_tensor(image).cpu().numpy()
            answers = reader.detect(reader.encode([pixels]), [queries])[0]
            findings = [finding(a, a.query.text, model.config.inference.box_score) for a in answers]
            title = sample.study.public_id
            drawn[title.replace("/", "-")] = draw(pixels, findings, title=title, height=512)
            if len(drawn) == most:
                return drawn
    return drawn


def _queries(sample: Sample, vocabulary: Vocabulary) -> list[Query]:
    annotations = sample.annotations
    if annotations.anatomy:
        there = {region.region for region in annotations.anatomy}
        return [Query(text=vocabulary.regions[r].prompt, name=r) for r in REGIONS if r in there]
    terms = dict.fromkeys(vocabulary.finding_of(box.label).id for box in annotations.pathology_boxes)
    asked = [vocabulary.findings[finding_id] for finding_id in terms][:MOST_FINDINGS]
    return [Query(text=term.box_prompt, name=term.id) for term in asked]
