"""The authors' checkpoint and the two tokenizers it needs, from files to one model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from chex.model.chex import Chex
from chex.model.official import tokenizers
from chex.model.official.checkpoint import read_checkpoint
from chex.model.official.conversion import convert
from chex.model.official.tokenizers import CLIP_HUB_ID, LANGUAGE_MODEL_HUB_ID


def import_checkpoint(
    checkpoint: Path | str,
    *,
    clip_tokenizer: Path | str = CLIP_HUB_ID,
    language_model: Path | str = LANGUAGE_MODEL_HUB_ID,
    detector_attends_to: Literal["prompt", "image"] = "prompt",
) -> Chex:
    """A model that needs none of its sources again; its provenance names them, without their folders.

    Raises FileNotFoundError or ValueError that says what the checkpoint or a tokenizer is or lacks.
    """
    content = read_checkpoint(checkpoint)
    language_model_config = tokenizers.language_model_config(language_model)
    model = convert(
        content,
        prompt_tokenizer=tokenizers.clip_tokenizer(clip_tokenizer),
        sentence_tokenizer=tokenizers.language_model_tokenizer(language_model),
        language_model_config=language_model_config,
        detector_attends_to=detector_attends_to,
    )
    with Path(checkpoint).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    step = content.get("step")
    model.provenance["imported"] = {
        "what": "the ChEX authors' checkpoint",
        "file": Path(checkpoint).name,
        "sha256": digest,
        "step": step if isinstance(step, int) else None,
        "clip_tokenizer": named(clip_tokenizer),
        "language_model": named(language_model),
    }
    return model


def named(source: Path | str) -> str:
    """A source as provenance names it: a hub's id as it is, a file or folder without where it lies."""
    return Path(source).name if Path(source).exists() else str(source)
