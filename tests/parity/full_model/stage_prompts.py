"""What a training case asks, with the prompts that its checkpoint is configured with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from chex.model.detections import Detections, EncodedImages
from chex.model.official import read_checkpoint
from tests.parity.cases import Case
from tests.parity.full_model.prompts import both_sides, prompt_means
from tests.parity.full_model.recorded_model import attending, checkpoint_of, hidden, model_of, padded_texts


@lru_cache(maxsize=2)
def _settings(folder: Path) -> dict:
    return read_checkpoint(checkpoint_of(folder))["config_dict"]


def anatomy_prompts(case: Case, names: list[str]) -> Tensor:
    """Features (Q, D) of regions; the case's spellings are averaged, none is drawn."""
    if case.kwargs["randomize_prompts"]:
        raise ValueError("the case draws spellings at random, and no draw is recorded")
    return prompt_means(case, _settings(case.folder)["anatomy_prompts"], names)


def finding_prompts(case: Case) -> tuple[Tensor, Tensor]:
    """Features (C, D) of both sides of the case's classes."""
    settings = _settings(case.folder)
    prompts = {
        "pos_prompts": settings["pathology_pos_prompts"], "neg_prompts": settings["pathology_neg_prompts"],
        "no_finding_prompts": settings["no_finding_prompts"],
    }  # fmt: skip
    return both_sides(case, prompts, case.inputs["class_names"], mode=settings["pathology_neg_prompt_mode"])


def detect(case: Case, images: EncodedImages, prompts: Tensor, mask: Tensor | None = None) -> Detections:
    """Detections of prompts (B or 1, Q, D); a skip connection is drawn always or never, as the case has it."""
    probability = case.kwargs["skip_roi_pool_prob"]
    if probability not in (0, 1):
        raise ValueError(f"the case skips with probability {probability}, and no draw is recorded")
    detector = model_of(case.folder).detector
    with attending(detector, "prompt" if mask is None else "image"):
        found = detector(images, prompts, mask, skip=torch.full((1, 1, 1), bool(probability)))
    return found if mask is None else hidden(found, mask)


@dataclass(frozen=True, slots=True)
class Sentences:
    """images (b) that have sentences, features (b, S, D), mask (b, S), texts one after the other."""

    images: Tensor
    features: Tensor
    mask: Tensor
    texts: list[str]


def sentences_of(case: Case) -> Sentences:
    said = case.inputs["sentences"]
    images = [b for b, row in enumerate(said) if row]
    features, mask = padded_texts(model_of(case.folder), [said[b] for b in images])
    return Sentences(torch.tensor(images), features, mask, [text for b in images for text in said[b]])
