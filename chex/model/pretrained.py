"""Pretrained parts that a new model starts from: CLIP's two towers and a GPT-2, each with its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from torch import Tensor, nn

from chex.model.image_encoder import ImageEncoder
from chex.model.language_model import LanguageModel
from chex.model.official.architecture import Reader, generator_config, image_encoder_config, prompt_encoder_config
from chex.model.official.checkpoint import check_weights, read_weights_file
from chex.model.official.conversion import DoesNotFit, check_fit, fill
from chex.model.official.gpt2_weights import language_model_weights
from chex.model.official.importing import named
from chex.model.official.names import CLIP_IMAGE, CLIP_TEXT, GPT2, GPT2_CONSTANTS, Translated, translate, under
from chex.model.official.tokenizers import (
    CLIP_HUB_ID,
    clip_tokenizer,
    language_model_config,
    language_model_tokenizer,
)  # fmt: skip
from chex.model.prompt_encoder import PromptEncoder
from chex.model.tokenizer import Tokenizer
from chex.model.unfilled import Unfilled
from chex.model_config import ImageEncoderConfig, ModelConfig, PromptEncoderConfig

CLIP = (*under("visual.", "image_encoder.", CLIP_IMAGE), *under("", "prompt_encoder.", CLIP_TEXT))
# What CLIP's files hold beside the towers: its temperature, and sizes that the weights tell as well
CLIP_EXTRAS = ("logit_scale", "input_resolution", "context_length", "vocab_size")
Part = TypeVar("Part", bound=nn.Module)
WRAPPERS = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True, slots=True)
class PretrainedParts:
    """Where they are. clip: weights in OpenAI's layout (CheXzero's .pt); language_model: a GPT-2's folder or hub id."""

    clip: str | None = None
    language_model: str | None = None
    clip_tokenizer: str = CLIP_HUB_ID

    @property
    def names(self) -> dict[str, str]:
        """The parts by what provenance calls them, without the folders they lie in."""
        given = {"clip": self.clip, "language_model": self.language_model}
        return {part: named(source) for part, source in given.items() if source}


@dataclass(frozen=True, slots=True)
class ReadParts:
    """Parts in memory; what was not asked for is None."""

    towers: nn.ModuleDict | None = None
    prompt_tokenizer: Tokenizer | None = None
    language_model: LanguageModel | None = None
    sentence_tokenizer: Tokenizer | None = None


def read_parts(parts: PretrainedParts, architecture: ModelConfig) -> ReadParts:
    """Reads the parts and holds them against the architecture that is to start from them.

    Raises FileNotFoundError or ValueError for what cannot be read, DoesNotFit with every size that differs.
    """
    clip = _clip_weights(parts.clip) if parts.clip else None
    settings = language_model_config(parts.language_model) if parts.language_model else None
    words = language_model_weights(parts.language_model) if parts.language_model else None
    problems = []
    if clip is not None:
        problems += _clip_misfits(clip, architecture)
    if settings is not None and words is not None:
        problems += _language_model_misfits(words, settings, architecture)
    prompts = clip_tokenizer(parts.clip_tokenizer) if parts.clip else None
    sentences = language_model_tokenizer(parts.language_model) if parts.language_model else None
    for what, tokenizer, rows in (("CLIP", prompts, architecture.prompt_encoder.vocabulary_size),
                                  ("language model", sentences, architecture.generator.vocabulary_size)):  # fmt: skip
        if tokenizer is not None and len(tokenizer) != rows:
            problems.append(f"the {what}'s tokenizer has {len(tokenizer)} tokens, preset {architecture.name} {rows}")
    if problems:
        raise DoesNotFit("the pretrained parts do not fit", problems)
    return ReadParts(
        None if clip is None else _towers(clip, architecture), prompts,
        None if words is None else _language_model(words, architecture), sentences,
    )  # fmt: skip


def start_from(model: nn.Module, read: ReadParts) -> None:
    """Copies the parts that were read into a new model."""
    if read.towers is not None:
        model.image_encoder.load_state_dict(read.towers["image_encoder"].state_dict())
        model.prompt_encoder.load_state_dict(read.towers["prompt_encoder"].state_dict())
    if read.language_model is not None:
        model.generator.language_model.load_state_dict(read.language_model.state_dict())


def _clip_weights(file: str) -> Mapping[str, Tensor]:
    content: Any = read_weights_file(file)
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or "visual.conv1.weight" not in content:
        listed = ", ".join(map(repr, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(f"{file} is no CLIP in OpenAI's layout: expected weights like 'visual.conv1.weight', "
                         f"found {listed or 'nothing'}")  # fmt: skip
    weights = {name: value for name, value in content.items() if name not in CLIP_EXTRAS}
    check_weights(weights, file)
    return weights


def _clip_misfits(weights: Mapping[str, Tensor], architecture: ModelConfig) -> list[str]:
    read = Reader({}, weights)
    found: list[tuple[str, ImageEncoderConfig | PromptEncoderConfig, Any]] = [
        ("image_encoder", image_encoder_config(read, "visual."), architecture.image_encoder),
        ("prompt_encoder", replace(prompt_encoder_config(read, ""), dropout=architecture.prompt_encoder.dropout),
         architecture.prompt_encoder),
    ]  # fmt: skip
    return read.problems + [
        problem for part, ours, wanted in found for problem in _differences(f"CLIP's {part}", ours, wanted)
    ]


def _language_model_misfits(
    weights: Mapping[str, Tensor], settings: Mapping[str, Any], architecture: ModelConfig
) -> list[str]:
    read, wanted = Reader({}, weights), architecture.generator
    found = generator_config(read, "", settings, prefix_tokens=wanted.prefix_tokens, max_tokens=wanted.max_tokens)
    dropouts = ("dropout", "embedding_dropout", "attention_dropout")
    found = replace(found, **{name: getattr(wanted, name) for name in dropouts})
    return read.problems + _differences("the language model's", found, wanted)


def _differences(what: str, found: Any, wanted: Any) -> list[str]:
    return [
        f"{what} {name} is {getattr(found, name)!r}, the preset has {getattr(wanted, name)!r}"
        for name in wanted.__dataclass_fields__
        if getattr(found, name) != getattr(wanted, name)
    ]


def _towers(weights: Mapping[str, Tensor], architecture: ModelConfig) -> nn.ModuleDict:
    with Unfilled():
        towers = nn.ModuleDict({
            "image_encoder": ImageEncoder(architecture.image_encoder),
            "prompt_encoder": PromptEncoder(architecture.prompt_encoder),
        })  # fmt: skip
    translated = translate(weights, CLIP)
    return _filled(towers, translated, translated.unknown, "CLIP's weights do not fit")


def _language_model(weights: Mapping[str, Tensor], architecture: ModelConfig) -> LanguageModel:
    with Unfilled():
        model = LanguageModel(architecture.generator)
    translated = translate(weights, GPT2)
    unknown = [name for name in translated.unknown if not GPT2_CONSTANTS.fullmatch(name)]
    return _filled(model, translated, unknown, "the language model's weights do not fit")


def _filled(model: Part, translated: Translated, unknown: Sequence[str], what: str) -> Part:
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    check_fit(shapes, translated, what, [f"{name} is unknown" for name in unknown])
    fill(model, translated)
    return model
