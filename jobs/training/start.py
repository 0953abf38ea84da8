"""Where a stage's model comes from: an earlier stage's folder, or nothing but a preset and the converted sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from chex.model.chex import Chex
from chex.model.tokenizer import Tokenizer
from chex.model_config import PRESETS, ModelConfig
from chex.training_config import TrainingConfig
from chex.vocabulary import Vocabulary

MOST_TOKENIZER_SENTENCES = 500_000  # a byte-pair vocabulary does not change beyond that


def read_model(folder: str | Path, config: TrainingConfig) -> Chex:
    """A saved model; ValueError if its image size is not that of the training data."""
    model = Chex.load(folder)
    _check_image_size(model.config, config, where=str(folder))
    return model


def new_model(preset: str, config: TrainingConfig, data_uri: str, vocabulary: Vocabulary) -> Chex:
    """An untrained model whose byte-pair vocabularies are learned from the training split's sentences."""
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    architecture = PRESETS[preset]()
    _check_image_size(architecture, config, where=f"preset {preset}")
    texts = list(_texts(data_uri, vocabulary))
    prompts = Tokenizer.train(texts, architecture.prompt_encoder.vocabulary_size, lowercase=True)
    sentences = Tokenizer.train(texts, architecture.generator.vocabulary_size, lowercase=False)
    fitted = replace(
        architecture,
        prompt_encoder=replace(architecture.prompt_encoder, vocabulary_size=len(prompts)),
        generator=replace(architecture.generator, vocabulary_size=len(sentences)),
    )
    return Chex(fitted, prompt_tokenizer=prompts, sentence_tokenizer=sentences)


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
