"""Where a stage's model comes from: an earlier stage's folder, or a preset, sentences and pretrained parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

import chex
from chex.config import to_mapping
from chex.model.chex import Chex
from chex.model.pretrained import PretrainedParts, read_parts, start_from
from chex.model.tokenizer import Tokenizer
from chex.model_config import ModelConfig, architecture, with_options
from chex.training_config import TrainingConfig
from chex.vocabulary import Vocabulary
from jobs.training.data_manifest import training_data
from jobs.training.stages import stage_of
from pipelines.model_folder import model_folder_on_disk

MOST_TOKENIZER_SENTENCES = 500_000  # a byte-pair vocabulary does not change beyond that


def read_model(folder: str | Path, config: TrainingConfig) -> Chex:
    """A saved model in the architecture that the configuration's `model` asks for.

    A part that no stage has trained yet starts anew where its shape changes. Raises ValueError for a trained one, and
    if its images are not those of the training data.
    """
    with model_folder_on_disk(folder) as place:
        model = Chex.load(place)
    have = model.config
    wanted = _with_vocabularies(  # the tokenizers came with the model
        with_options(have, config.model), have.prompt_encoder.vocabulary_size, have.generator.vocabulary_size
    )
    if wanted != model.config:
        model = _rebuilt(model, wanted, config.stage, where=str(folder))
    _check_images(model.config, config, where=str(folder))
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
    wanted = architecture(preset, config.model)
    _check_images(wanted, config, where=f"preset {preset}")
    read = read_parts(pretrained or PretrainedParts(), wanted)
    prompts, sentences = read.prompt_tokenizer, read.sentence_tokenizer
    texts = [] if prompts is not None and sentences is not None else list(_texts(data_uri, vocabulary))
    if prompts is None:
        prompts = Tokenizer.train(texts, wanted.prompt_encoder.vocabulary_size, lowercase=True)
    if sentences is None:
        sentences = Tokenizer.train(texts, wanted.generator.vocabulary_size, lowercase=False)
    model = Chex(
        _with_vocabularies(wanted, len(prompts), len(sentences)),
        prompt_tokenizer=prompts,
        sentence_tokenizer=sentences,
    )
    start_from(model, read)
    return model


def _with_vocabularies(config: ModelConfig, prompts: int, sentences: int) -> ModelConfig:
    return replace(
        config,
        prompt_encoder=replace(config.prompt_encoder, vocabulary_size=prompts),
        generator=replace(config.generator, vocabulary_size=sentences),
    )


def check_parts(preset: str, config: TrainingConfig, pretrained: PretrainedParts) -> None:
    """Reads the pretrained parts as a run would. Raises FileNotFoundError or ValueError with all that does not fit."""
    read_parts(pretrained, architecture(preset, config.model))


def recorded(
    model: Chex, config: TrainingConfig, *, preset: str, data_uri: str, pretrained: PretrainedParts | None
) -> None:
    """Adds the stage that begins to the model's provenance: what is trained on what, without where it lies."""
    stage = {"stage": config.stage, "preset": preset, "steps": config.optimizer.steps, "seed": config.seed,
             "software_version": chex.__version__, "data": training_data(data_uri),
             "objective": to_mapping(config.objective)}  # fmt: skip
    if pretrained is not None:
        stage["pretrained"] = pretrained.names
    if config.model:
        stage["model"] = dict(config.model)
    model.provenance["training"] = [*model.provenance.get("training", []), stage]


def _rebuilt(model: Chex, wanted: ModelConfig, stage: str, *, where: str) -> Chex:
    """The model in another architecture: with its weights, but for the parts that these no longer fit."""
    new = Chex(
        wanted,
        prompt_tokenizer=model.prompt_tokenizer,
        sentence_tokenizer=model.sentence_tokenizer,
        provenance=model.provenance,
    )
    old, parts = dict(model.named_children()), dict(new.named_children())
    anew = {name for name, part in parts.items() if _shapes(part) != _shapes(old[name])}
    if keeps := sorted(anew & (_learned_parts(model) | set(parts) - set(stage_of(stage).trained))):
        raise ValueError(
            f"model: the {', '.join(keeps)} of {where} would start anew in this shape; expected a part that this stage "
            "trains and none has trained before"
        )
    for name, part in parts.items():
        if name not in anew:
            part.load_state_dict(old[name].state_dict())
    return new.eval()


def _learned_parts(model: Chex) -> set[str]:
    """What earlier stages have trained or begun with; all parts where that is not known."""
    stages = model.provenance.get("training")
    if not stages or "imported" in model.provenance:
        return {name for name, _ in model.named_children()}
    parts = {part for stage in stages for part in stage_of(stage["stage"]).trained}
    return parts | (
        {"generator"} if any("language_model" in stage.get("pretrained", {}) for stage in stages) else set()
    )


def _shapes(part: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in part.state_dict().items()}


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


def _check_images(architecture: ModelConfig, config: TrainingConfig, *, where: str) -> None:
    """That training makes of an image what inference makes of it."""
    size, fit = architecture.image_encoder.image_size, architecture.preprocessing.fit
    if size != config.data.image_size:
        raise ValueError(f"data.image_size: {where} takes images of {size} pixels; found {config.data.image_size}")
    if fit != config.data.fit:
        raise ValueError(
            f"data.fit: {where} takes images by {fit}; found {config.data.fit} (model.preprocessing.fit changes the model)"
        )
