"""Where a stage's model comes from: an earlier stage's folder, or a preset, sentences and pretrained parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import chex
from chex.model.chex import Chex
from chex.model.pretrained import PretrainedParts, read_parts, start_from
from chex.model.tokenizer import Tokenizer
from chex.model_config import PRESETS, ModelConfig
from chex.training_config import TrainingConfig
from chex.vocabulary import Vocabulary
from jobs.model_folder import model_folder_on_disk

MOST_TOKENIZER_SENTENCES = 500_000  # a byte-pair vocabulary does not change beyond that


def read_model(folder: str | Path, config: TrainingConfig) -> Chex:
    """A saved model; ValueError if its image size is not that of the training data."""
    with model_folder_on_disk(folder) as place:
        model = Chex.load(place)
    _check_image_size(model.config, config, where=str(folder))
    return model


def new_model(
    preset: str,
    config: TrainingConfig,
    data_uri: str,
    vocabulary: Vocabulary,
    pretrained: PretrainedParts | None = None,
) -> Chex:
    """A model that is untrained but for its pretrained parts.

    These bring their tokenizers along; else the byte-pair vocabularies are learned from the training split's sentences.
    """
    architecture = _architecture(preset)
    _check_image_size(architecture, config, where=f"preset {preset}")
    read = read_parts(pretrained or PretrainedParts(), architecture)
    prompts, sentences = read.prompt_tokenizer, read.sentence_tokenizer
    texts = [] if prompts is not None and sentences is not None else list(_texts(data_uri, vocabulary))
    if prompts is None:
        prompts = Tokenizer.train(texts, architecture.prompt_encoder.vocabulary_size, lowercase=True)
    if sentences is None:
        sentences = Tokenizer.train(texts, architecture.generator.vocabulary_size, lowercase=False)
    fitted = replace(
        architecture,
        prompt_encoder=replace(architecture.prompt_encoder, vocabulary_size=len(prompts)),
        generator=replace(architecture.generator, vocabulary_size=len(sentences)),
    )
    model = Chex(fitted, prompt_tokenizer=prompts, sentence_tokenizer=sentences)
    start_from(model, read)
    return model


def check_parts(preset: str, pretrained: PretrainedParts) -> None:
    """Reads the pretrained parts as a run would. Raises FileNotFoundError or ValueError with all that does not fit."""
    read_parts(pretrained, _architecture(preset))


def recorded(
    model: Chex, config: TrainingConfig, *, preset: str, data_uri: str, pretrained: PretrainedParts | None
) -> None:
    """Adds the stage that begins to the model's provenance: what is trained on what, without where it lies."""
    stage = {"stage": config.stage, "preset": preset, "steps": config.optimizer.steps, "seed": config.seed,
             "software_version": chex.__version__, "data": _manifest(data_uri)}  # fmt: skip
    if pretrained is not None:
        stage["pretrained"] = pretrained.names
    model.provenance["training"] = [*model.provenance.get("training", []), stage]


def _manifest(data_uri: str) -> dict | None:
    """The training images per dataset as the converter counted them; None where it left no manifest."""
    import fsspec

    try:
        with fsspec.open(f"{data_uri.rstrip('/')}/manifest.json", encoding="utf-8", mode="r") as file:
            content = json.load(file)
        images = {dataset: splits["train"] for dataset, splits in content["rows"].items() if splits.get("train")}
        return {"images": images, "sha256": content.get("data_sha256")}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None  # shards may be used without their manifest, and provenance then says less


def _architecture(preset: str) -> ModelConfig:
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    return PRESETS[preset]()


def _texts(data_uri: str, vocabulary: Vocabulary) -> Iterator[str]:
    from pipelines.shards import samples

    for region in (*vocabulary.regions.values(), *vocabulary.grouped.values()):
        yield from (region.prompt, *region.synonyms)
    for finding in vocabulary.findings.values():
        yield from (*finding.positive, *finding.negative, *finding.synonyms)
    left = MOST_TOKENIZER_SENTENCES
    for sample in samples(data_uri, "train", columns=("sentences",)):
        yield from sample.annotations.sentences
        left -= len(sample.annotations.sentences)
        if left <= 0:
            return


def _check_image_size(architecture: ModelConfig, config: TrainingConfig, *, where: str) -> None:
    wanted, given = architecture.image_encoder.image_size, config.data.image_size
    if wanted != given:
        raise ValueError(f"data.image_size: {where} takes images of {wanted} pixels; found {given}")
