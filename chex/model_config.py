"""The architecture as configuration: the `tiny` and `base` presets are two values of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chex.config import ConfigError, from_mapping, merged, to_mapping


@dataclass(frozen=True)
class PreprocessingConfig:
    mean: float = 0.505
    std: float = 0.248
    fit: Literal["stretch", "center_crop", "pad"] = "stretch"


@dataclass(frozen=True)
class ImageEncoderConfig:
    image_size: int = 128
    patch_size: int = 16
    channels: int = 1
    stem: Literal["patch", "convolutional"] = "convolutional"
    width: int = 128
    layers: int = 4
    heads: int = 4
    embedding: int = 128  # D, the width of the space shared by images and texts
    activation: Literal["gelu", "quick_gelu"] = "gelu"

    def problems(self) -> list[str]:
        found = [*_whole_heads(self), *_counts(self, layers=1)]
        if self.image_size % self.patch_size:
            found.append(f"image_size: must be a multiple of patch_size {self.patch_size}; found {self.image_size}")
        if self.stem == "convolutional" and self.patch_size & (self.patch_size - 1):
            found.append(f"patch_size: a convolutional stem needs a power of two; found {self.patch_size}")
        return found


@dataclass(frozen=True)
class PromptEncoderConfig:
    vocabulary_size: int = 1024
    context: int = 77
    width: int = 128
    layers: int = 2
    heads: int = 4
    embedding: int = 128
    activation: Literal["gelu", "quick_gelu"] = "gelu"
    dropout: float = 0.1  # only while the towers are trained from nothing; frozen afterwards

    def problems(self) -> list[str]:
        return [*_whole_heads(self), *_shares(self, "dropout"), *_counts(self, layers=1, context=2)]


@dataclass(frozen=True)
class DecoderConfig:
    """What the detector's and the post decoder's blocks share."""

    layers: int = 3
    heads: int = 8
    dropout: float = 0.0
    attention_dropout: float = 0.0
    stochastic_depth: float = 0.0
    layer_scale: float = 1.0
    attends_to: Literal["prompt", "image"] = "prompt"

    def problems(self) -> list[str]:
        return [*_shares(self, "dropout", "attention_dropout", "stochastic_depth"), *_counts(self, layers=1)]


@dataclass(frozen=True)
class DetectorConfig(DecoderConfig):
    boxes_per_prompt: int = 3
    pooling_beta: float = 2.0
    skip_connection: bool = True  # False: the decoder's output never joins the pooled feature, nor in inference
    skip_probability: float = 0.25
    skip_dropout: float = 0.1

    def problems(self) -> list[str]:
        found = [*super().problems(), *_shares(self, "skip_dropout"), *_counts(self, boxes_per_prompt=1)]
        if not 0 <= self.skip_probability <= 1:
            found.append(f"skip_probability: must lie in [0, 1]; found {self.skip_probability}")
        if self.pooling_beta <= 0:
            found.append(f"pooling_beta: must be more than 0; found {self.pooling_beta}")
        return found


@dataclass(frozen=True)
class PostDecoderConfig(DecoderConfig):
    layers: int = 1
    box_drop: float = 0.1

    def problems(self) -> list[str]:
        return [*super().problems(), *_shares(self, "box_drop")]


@dataclass(frozen=True)
class GeneratorConfig:
    vocabulary_size: int = 1024
    layers: int = 4
    width: int = 128
    heads: int = 4
    positions: int = 128
    prefix_tokens: int = 5
    max_tokens: int = 48
    dropout: float = 0.1
    embedding_dropout: float = 0.0
    attention_dropout: float = 0.0

    def problems(self) -> list[str]:
        counts = {"layers": 1, "positions": 2, "prefix_tokens": 1, "max_tokens": 2}
        shares = ("dropout", "embedding_dropout", "attention_dropout")
        return [*_whole_heads(self), *_shares(self, *shares), *_counts(self, **counts)]


@dataclass(frozen=True)
class InferenceConfig:
    """Thresholds a model was tuned for (MODEL.md §6, paper supplement)."""

    class_temperature: float = 0.2  # divides the difference of the similarities to positive and negative prompt
    nms_iou: float = 0.25
    box_score: float = 0.3  # boxes below it are not shown, but the best one always is
    abnormal_probability: float = 0.5  # anatomical regions below it are left out of reports
    normal_probability: float = 0.5  # below it a report does not say that nothing is wrong
    same_sentence: float = 0.95
    similar_sentence: float = 0.9
    most_sentences: int = 10


@dataclass(frozen=True)
class ModelConfig:
    name: str = "chex-tiny"
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    prompt_encoder: PromptEncoderConfig = field(default_factory=PromptEncoderConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    post_decoder: PostDecoderConfig = field(default_factory=PostDecoderConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    inference: InferenceConfig = field(default_factory=InferenceConfig)

    def problems(self) -> list[str]:
        if self.image_encoder.embedding != self.prompt_encoder.embedding:
            wanted, found = self.prompt_encoder.embedding, self.image_encoder.embedding
            return [f"image_encoder.embedding: must equal prompt_encoder.embedding {wanted}; found {found}"]
        return []


def tiny() -> ModelConfig:
    """From scratch on a CPU in minutes. Its language model drops out nothing but what its blocks add, unlike GPT-2."""
    return ModelConfig()


def base() -> ModelConfig:
    """The paper's model: CLIP ViT-B/32, 6 decoder layers, GPT-2 medium."""
    blocks = {"dropout": 0.3, "attention_dropout": 0.1, "stochastic_depth": 0.2, "layer_scale": 0.1}
    return ModelConfig(
        name="chex-base",
        image_encoder=ImageEncoderConfig(
            image_size=224, patch_size=32, channels=3, stem="patch", width=768, layers=12, heads=12, embedding=512,
            activation="quick_gelu",
        ),
        prompt_encoder=PromptEncoderConfig(
            vocabulary_size=49408, width=512, layers=12, heads=8, embedding=512, activation="quick_gelu",
            dropout=0.0,
        ),
        detector=DetectorConfig(layers=6, skip_dropout=0.3, **blocks),
        post_decoder=PostDecoderConfig(layers=3, **blocks),
        generator=GeneratorConfig(
            vocabulary_size=50257, layers=24, width=1024, heads=16, positions=1024, max_tokens=128,
            embedding_dropout=0.1, attention_dropout=0.1,
        ),
    )  # fmt: skip


PRESETS = {"tiny": tiny, "base": base}


def architecture(preset: str, options: Mapping[str, Any] | None = None) -> ModelConfig:
    """A preset, changed as `with_options` does. Raises ValueError for an unknown preset."""
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    return with_options(PRESETS[preset](), options or {})


def with_options(config: ModelConfig, options: Mapping[str, Any]) -> ModelConfig:
    """The architecture with the values of nested mappings ({"detector": {"boxes_per_prompt": 1}}) in their places.

    Raises ConfigError naming every unknown key (with the valid ones), wrong type and impossible value.
    """
    try:
        return from_mapping(ModelConfig, merged(to_mapping(config), options))
    except ConfigError as error:
        raise ConfigError([f"model.{problem}" for problem in error.problems]) from error


def _whole_heads(part) -> list[str]:
    if part.heads < 1 or part.width % part.heads:
        return [f"width: must be a multiple of heads {part.heads}; found {part.width}"]
    return []


def _shares(part, *names: str) -> list[str]:
    values = {name: getattr(part, name) for name in names}
    return [f"{name}: must lie in [0, 1); found {value}" for name, value in values.items() if not 0 <= value < 1]


def _counts(part, **least: int) -> list[str]:
    values = {name: getattr(part, name) for name in least}
    return [f"{n}: expected at least {least[n]}; found {value}" for n, value in values.items() if value < least[n]]
