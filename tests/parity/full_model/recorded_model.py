"""The set's checkpoint as our model, once per set; what goes in and out of it in the recorded layouts."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from chex.model.chex import Chex
from chex.model.detections import Detections, EncodedImages
from chex.model.official import convert, read_checkpoint
from chex.model.official.tokenizers import clip_tokenizer, language_model_config, language_model_tokenizer
from chex.model.tokenizer import Tokenizer
from tests.parity.cases import Case, UnreadableCases

CLIP_TABLE = Path("data/clip_bpe")


@lru_cache(maxsize=2)
def model_of(folder: Path) -> Chex:
    """The converted checkpoint of a set. Raises UnreadableCases where a file of it is missing."""
    language_model = _only(folder, "*/tokenizer.json").parent
    return convert(
        read_checkpoint(checkpoint_of(folder)),
        prompt_tokenizer=clip_tokenizer_of(folder),
        sentence_tokenizer=language_model_tokenizer(language_model),
        language_model_config=language_model_config(language_model),
    )


def clip_tokenizer_of(folder: Path) -> Tokenizer:
    return clip_tokenizer(_clip_table(folder))


def checkpoint_of(folder: Path) -> Path:
    return _only(folder, "*.pt")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise UnreadableCases(f"expected one {pattern} in the set, found {len(found)}")
    return found[0]


def _clip_table(folder: Path) -> Path:
    """CLIP's table of merges is no part of a set: it lies above it, or in the reference material beside the checkout."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    for place in (*folder.resolve().parents, beside):
        if (place / CLIP_TABLE).is_dir():
            return place / CLIP_TABLE
    raise UnreadableCases(f"CLIP's table of merges is neither above the set nor at {beside / CLIP_TABLE}")


@torch.no_grad()
def encoded(case: Case) -> EncodedImages:
    """The case's images, which are recorded normalised."""
    return model_of(case.folder).image_encoder(case.inputs["x"])


class attending:
    """Within it the model's detector or post decoder lets every prompt see all others of the image, or only itself.

    What the authors' code does with a padding mask, and without one (note 1); a converted model asks its detector
    without and its post decoder with a mask.
    """

    def __init__(self, part: torch.nn.Module, attends_to: str) -> None:
        self._part, self._config = part, part.config
        self._attends_to = attends_to

    def __enter__(self) -> None:
        self._part.config = replace(self._config, attends_to=self._attends_to)

    def __exit__(self, *_) -> None:
        self._part.config = self._config


def hidden(detections: Detections, mask: Tensor) -> Detections:
    """Zeros where a prompt is padding, as the authors' code returns it: mask (B, Q)."""
    parts = {}
    for field in fields(detections):
        value = getattr(detections, field.name)
        parts[field.name] = value * mask.view(*mask.shape, *[1] * (value.ndim - 2))
    return Detections(**parts)


def padded_texts(model: Chex, texts: list[list[str] | None]) -> tuple[Tensor, Tensor]:
    """Features (B, S, D) of each image's texts, 0 where there is none, and mask (B, S)."""
    rows = [row or [] for row in texts]
    longest = max(map(len, rows), default=0)
    mask = torch.tensor([[s < len(row) for s in range(longest)] for row in rows]).view(len(rows), longest)
    known = model.text_features([text for row in rows for text in row])
    features = known.new_zeros(*mask.shape, known.shape[-1])
    features[mask] = known
    return features, mask
