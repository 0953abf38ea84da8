"""The architecture of a checkpoint: sizes from the shapes of its weights, everything else from its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

from torch import Tensor

from chex.model_config import (
    DetectorConfig,
    GeneratorConfig,
    ImageEncoderConfig,
    InferenceConfig,
    ModelConfig,
    PostDecoderConfig,
    PreprocessingConfig,
    PromptEncoderConfig,
)  # fmt: skip

CLIP_HEAD_WIDTH = 64  # OpenAI's towers have a head per 64 channels

# What this model is; a checkpoint that was trained otherwise would load and answer wrongly
_ONLY: dict[str, Any] = {
    "act": "gelu", "layer_scale": True, "post_decoder_patches": True, "post_decoder_cls": True,
    "post_decoder_gate": True,
    "img_encoder.add_cls_features": False, "img_encoder.use_pretrained_projection": True,
    "img_encoder.additional_projection_layers": 0, "img_encoder.normalize_projected": False,
    "txt_encoder.n_projection_layers": 0, "txt_encoder.normalize_projected": False,
    "detector.multiregion_sa": True, "detector.decoder_sa": False, "detector.decoder_ff": True,
    "detector.shortcut_tokens": False, "detector.use_pos_embeddings": True,
    "detector.shortcut_pos_embeddings": False, "detector.clip_pos": False, "detector.predictor_hidden_layers": 1,
    "detector.patch_project_layers": 1, "detector.out_project_layers": 2, "detector.skip_con_roi_pool": True,
    "txt_decoder.n_projection_layers": 2, "txt_decoder.shared_projection": False, "txt_decoder.position_offset": None,
    "txt_decoder.generation_kwargs.do_sample": False, "txt_decoder.generation_kwargs.num_beams": 1,
}  # fmt: skip
_GPT2_ONLY = {
    "activation_function": "gelu_new", "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False,
    "layer_norm_epsilon": 1e-5, "add_cross_attention": False,
}  # fmt: skip


class Reader:
    """Looks up settings and sizes and collects what is missing, so that all of it can be told at once."""

    def __init__(self, settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        self.settings = settings
        self.weights = weights
        self.problems: list[str] = []

    def setting(self, key: str, kind: type | tuple[type, ...]) -> Any:
        """A value by its dotted key; 1 of `kind` where it is missing or of another kind."""
        value: Any = self.settings
        for name in key.split("."):
            if not isinstance(value, Mapping) or name not in value:
                self.problems.append(f"config_dict.{key} is missing")
                return 1
            value = value[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.problems.append(f"config_dict.{key} is {value!r}, expected a value of another kind")
            return 1
        return value

    def size(self, name: str, dimension: int, of: int) -> int:
        """One size of a weight that has `of` dimensions; 1 where there is no such weight."""
        weight = self.weights.get(name)
        if weight is None or weight.ndim != of:
            if weight is not None:
                self.problems.append(f"{name} has shape {tuple(weight.shape)}, expected {of} dimensions")
            return 1
        return weight.shape[dimension]

    def layers(self, prefix: str) -> int:
        """How many layers stand under a prefix; they must be numbered from 0 without a gap."""
        numbers = {
            int(match[1]) for name in self.weights if (match := re.match(re.escape(prefix) + r"\.(\d{1,4})\.", name))
        }
        if numbers != set(range(len(numbers))):
            self.problems.append(f"{prefix}: layers are numbered {sorted(numbers)[:20]}, expected 0, 1, 2, …")
        return len(numbers)

    def same(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.problems.append(f"{what} is {found!r}, expected {expected!r}")


def image_encoder_config(read: Reader, prefix: str) -> ImageEncoderConfig:
    """From the weights of a CLIP vision transformer."""
    width, patch = read.size(f"{prefix}conv1.weight", 0, 4), read.size(f"{prefix}conv1.weight", 3, 4)
    places = read.size(f"{prefix}positional_embedding", 0, 2)
    rows = max(isqrt(max(places - 1, 0)), 1)
    if rows * rows + 1 != places:
        read.problems.append(f"{prefix}positional_embedding has {places} rows, expected a square number and one more")
    return ImageEncoderConfig(
        image_size=rows * patch, patch_size=patch, channels=read.size(f"{prefix}conv1.weight", 1, 4), stem="patch",
        width=width, layers=read.layers(f"{prefix}transformer.resblocks"), heads=max(width // CLIP_HEAD_WIDTH, 1),
        embedding=read.size(f"{prefix}proj", 1, 2), activation="quick_gelu",
    )  # fmt: skip


def prompt_encoder_config(read: Reader, prefix: str) -> PromptEncoderConfig:
    """From the weights of a CLIP text transformer."""
    width = read.size(f"{prefix}positional_embedding", 1, 2)
    return PromptEncoderConfig(
        vocabulary_size=read.size(f"{prefix}token_embedding.weight", 0, 2),
        context=read.size(f"{prefix}positional_embedding", 0, 2), width=width,
        layers=read.layers(f"{prefix}transformer.resblocks"), heads=max(width // CLIP_HEAD_WIDTH, 1),
        embedding=read.size(f"{prefix}text_projection", 1, 2), activation="quick_gelu", dropout=0.0,
    )  # fmt: skip


def _gpt2_dropouts(language_model: Mapping[str, Any]) -> dict[str, Any]:
    names = {"dropout": "resid_pdrop", "embedding_dropout": "embd_pdrop", "attention_dropout": "attn_pdrop"}
    return {ours: language_model.get(theirs, 0.1) for ours, theirs in names.items()}


def generator_config(
    read: Reader, prefix: str, language_model: Mapping[str, Any], *, prefix_tokens: int, max_tokens: int
) -> GeneratorConfig:
    """From the weights of a GPT-2 and its own configuration, which alone knows the number of heads."""
    width = read.size(f"{prefix}wte.weight", 1, 2)
    config = GeneratorConfig(
        vocabulary_size=read.size(f"{prefix}wte.weight", 0, 2), layers=read.layers(f"{prefix}h"), width=width,
        heads=language_model.get("n_head", 0), positions=read.size(f"{prefix}wpe.weight", 0, 2),
        prefix_tokens=prefix_tokens, max_tokens=max_tokens, **_gpt2_dropouts(language_model),
    )  # fmt: skip
    of = "the language model's configuration"
    for key, found in (("n_embd", width), ("n_layer", config.layers), ("vocab_size", config.vocabulary_size),
                       ("n_positions", config.positions)):  # fmt: skip
        read.same(f"{key} in {of}", language_model.get(key), found)
    for key, wanted in _GPT2_ONLY.items():
        read.same(f"{key} in {of}", language_model.get(key, wanted), wanted)
    if not isinstance(config.heads, int) or config.heads < 1 or width % config.heads:
        read.problems.append(f"n_head in {of} is {config.heads!r}, expected a divisor of the width {width}")
    return config


def read_architecture(read: Reader, language_model: Mapping[str, Any], *, detector_attends_to: str) -> ModelConfig:
    """The whole model. What does not fit is added to `read.problems`, and the result is then of no use."""
    for key, wanted in _ONLY.items():
        read.same(f"config_dict.{key}", read.setting(key, type(wanted)), wanted) if wanted is not None else None
    # their limit counts the start token, ours the tokens that are written
    limit = read.setting("txt_decoder.generation_kwargs.max_length", int) - 1
    detector, post_decoder = _decoders(read, detector_attends_to)
    config = ModelConfig(
        name="chex-official",
        preprocessing=PreprocessingConfig(mean=0.505, std=0.248, fit="center_crop"),
        image_encoder=image_encoder_config(read, "img_encoder.backbone."),
        prompt_encoder=prompt_encoder_config(read, "txt_encoder."),
        detector=detector,
        post_decoder=post_decoder,
        generator=generator_config(
            read, "txt_decoder.language_model.transformer.", language_model,
            prefix_tokens=read.setting("txt_decoder.prefix_length_factor", int), max_tokens=limit,
        ),
        inference=InferenceConfig(class_temperature=1.0),
    )  # fmt: skip
    width = config.image_encoder.embedding
    read.same("config_dict.d_model", read.setting("d_model", int), width)
    if detector.heads < 1 or width % detector.heads:
        read.problems.append(f"config_dict.n_head is {detector.heads}, expected a divisor of the width {width}")
    read.same("config_dict.detector.n_decoder_layers", read.setting("detector.n_decoder_layers", int), detector.layers)
    read.same("config_dict.n_post_decoder_layers", read.setting("n_post_decoder_layers", int), post_decoder.layers)
    read.same(
        "config_dict.detector.multiregions", read.setting("detector.multiregions", int), detector.boxes_per_prompt
    )
    return config


def _decoders(read: Reader, detector_attends_to: str) -> tuple[DetectorConfig, PostDecoderConfig]:
    number = (int, float)
    shared = {
        "heads": read.setting("n_head", int), "dropout": float(read.setting("dropout", number)),
        "attention_dropout": float(read.setting("attention_dropout", number)),
        "layer_scale": float(read.setting("layer_scale_init", number)),
    }  # fmt: skip
    depth = float(read.setting("droppath_prob", number))
    detector = DetectorConfig(
        layers=read.layers("detector.decoder.decoder_layers"),
        stochastic_depth=depth if read.setting("detector.enc_dec_droppath", bool) else 0.0,
        boxes_per_prompt=read.size("detector.multiregion_tokens", 0, 2),
        pooling_beta=float(read.setting("detector.soft_roi_beta", number)),
        skip_probability=float(read.setting("detector.skip_roi_pool_prob", number)),
        skip_dropout=float(read.setting("detector.dropout_skip_roi_pool", number)),
        attends_to=detector_attends_to, **shared,
    )  # fmt: skip
    post_decoder = PostDecoderConfig(
        layers=read.layers("post_decoder.post_decoder_layers"),
        stochastic_depth=depth if read.setting("post_decoder_droppath", bool) else 0.0,
        box_drop=float(read.setting("post_decoder_multibox_drop", number)),
        attends_to="image", **shared,
    )  # fmt: skip
    return detector, post_decoder
