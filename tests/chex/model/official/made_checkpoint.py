"""Checkpoints in the authors' layout with made-up weights of any size; the names are written out once more, by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from chex.model.tokenizer import Tokenizer

SIZES = {"width": 96, "clip_width": 128, "text_width": 192, "patch": 8, "rows": 3, "image_layers": 2, "text_layers": 1,
         "layers": 3, "post_layers": 1, "heads": 6, "boxes": 4, "lm_width": 48, "lm_layers": 3, "lm_heads": 3,
         "positions": 40, "prefix": 2, "beta": 4.0}  # fmt: skip


def tokenizer(size: int = 300, *, lowercase: bool = True) -> Tokenizer:
    texts = ["no pleural effusion", "the heart is enlarged", "right lower lung zone", "left costophrenic angle"] * 3
    return Tokenizer.train(texts, size, lowercase=lowercase)


def checkpoint(vocabulary: int, words: int, **sizes: Any) -> dict[str, Any]:
    """What `torch.save` would write: config_dict, state_dict and what lies beside them."""
    size = SIZES | sizes
    torch.manual_seed(7)
    weights = {name: torch.randn(*shape) * 0.1 for name, shape in shapes(vocabulary, words, **size).items()}
    weights["txt_decoder.language_model.lm_head.weight"] = weights[
        "txt_decoder.language_model.transformer.wte.weight"
    ].clone()
    return {"config_dict": settings(**size), "state_dict": weights, "optimizer": {"state": {}, "param_groups": []},
            "lr_scheduler": {}, "amp": {}, "step": 12, "results": {"val_metric": 0.0}}  # fmt: skip


def language_model_config(words: int, **sizes: Any) -> dict[str, Any]:
    size = SIZES | sizes
    return {"model_type": "gpt2", "n_embd": size["lm_width"], "n_layer": size["lm_layers"], "vocab_size": words,
            "n_head": size["lm_heads"], "n_positions": size["positions"], "activation_function": "gelu_new"}  # fmt: skip


def settings(**size: Any) -> dict[str, Any]:
    return {
        "d_model": size["width"], "act": "gelu", "n_head": size["heads"], "dropout": 0.3, "attention_dropout": 0.1,
        "droppath_prob": 0.2, "layer_scale": True, "layer_scale_init": 0.1,
        "img_encoder": {"add_cls_features": False, "use_pretrained_projection": True, "normalize_projected": False,
                        "additional_projection_layers": 0},
        "txt_encoder": {"n_projection_layers": 0, "normalize_projected": False},
        "detector": {"multiregions": size["boxes"], "multiregion_sa": True, "n_decoder_layers": size["layers"],
                     "enc_dec_droppath": True, "decoder_sa": False, "decoder_ff": True, "shortcut_tokens": False,
                     "use_pos_embeddings": True, "shortcut_pos_embeddings": False, "clip_pos": False,
                     "predictor_hidden_layers": 1, "patch_project_layers": 1, "out_project_layers": 2,
                     "soft_roi_beta": size["beta"], "skip_con_roi_pool": True, "dropout_skip_roi_pool": 0.3,
                     "skip_roi_pool_prob": 0.25},
        "txt_decoder": {"prefix_length_factor": size["prefix"], "n_projection_layers": 2, "shared_projection": False,
                        "max_length": 128, "position_offset": None,
                        "generation_kwargs": {"do_sample": False, "max_length": 128, "num_beams": 1}},
        "n_post_decoder_layers": size["post_layers"], "post_decoder_patches": True, "post_decoder_cls": True,
        "post_decoder_droppath": False, "post_decoder_gate": True, "post_decoder_multibox_drop": 0.1,
        "anatomy_prompts": {"right lung": ["Right lung"]},
    }  # fmt: skip


def shapes(vocabulary: int, words: int, **size: Any) -> dict[str, tuple[int, ...]]:
    """Every weight's name and shape but the tied output of the language model."""
    d, wide, lm = size["width"], size["lm_width"] * 4, size["lm_width"]
    found = {
        f"img_encoder.backbone.{name}": shape
        for name, shape in clip_image(size["clip_width"], d, size["patch"], size["rows"], size["image_layers"]).items()
    }
    found |= {
        f"txt_encoder.{name}": shape
        for name, shape in clip_text(size["text_width"], d, vocabulary, size["text_layers"]).items()
    }
    for n in range(size["layers"]):
        found |= _decoder_block(f"detector.decoder.decoder_layers.{n}", d)
    for n in range(size["post_layers"]):
        found |= _decoder_block(f"post_decoder.post_decoder_layers.{n}", d)
    found |= {"detector.multiregion_tokens": (size["boxes"], d), "post_decoder.gate": (1,)}
    for name in ("bbox_predictor.0", "patch_projector.0", "out_projector.0"):
        found |= _norm(f"detector.{name}", d)
    found |= _norm("post_decoder.ln_gate", d)
    for name, out, into in (
        ("detector.multiregion_weight_mlp.layers.0", d, d), ("detector.multiregion_weight_mlp.layers.3", 1, d),
        ("detector.bbox_predictor.1.layers.0", d, d), ("detector.bbox_predictor.1.layers.3", 4, d),
        ("detector.patch_projector.1.layers.0", d, d), ("detector.out_projector.1.layers.0", 4 * d, d),
        ("detector.out_projector.1.layers.3", d, 4 * d), ("txt_decoder.prefix_proj.layers.0", 4 * d, d),
        ("txt_decoder.prefix_proj.layers.3", size["prefix"] * 2 * size["lm_layers"] * lm, 4 * d),
    ):  # fmt: skip
        found |= _linear(name, out, into)
    gpt = "txt_decoder.language_model.transformer"
    found |= {
        f"{gpt}.wte.weight": (words, lm),
        f"{gpt}.wpe.weight": (size["positions"], lm),
        **_norm(f"{gpt}.ln_f", lm),
    }
    for n in range(size["lm_layers"]):
        found |= {**_norm(f"{gpt}.h.{n}.ln_1", lm), **_norm(f"{gpt}.h.{n}.ln_2", lm)}
        for name, into, out in (("attn.c_attn", lm, 3 * lm), ("attn.c_proj", lm, lm), ("mlp.c_fc", lm, wide),
                                ("mlp.c_proj", wide, lm)):  # fmt: skip
            found |= {f"{gpt}.h.{n}.{name}.weight": (into, out), f"{gpt}.h.{n}.{name}.bias": (out,)}
    return found


def clip_image(width: int, out: int, patch: int, rows: int, layers: int) -> dict[str, tuple[int, ...]]:
    found = {"class_embedding": (width,), "positional_embedding": (rows * rows + 1, width), "proj": (width, out),
             "conv1.weight": (width, 3, patch, patch), **_norm("ln_pre", width), **_norm("ln_post", width)}  # fmt: skip
    return found | _clip_blocks(width, layers)


def clip_text(width: int, out: int, vocabulary: int, layers: int) -> dict[str, tuple[int, ...]]:
    found = {"positional_embedding": (77, width), "text_projection": (width, out),
             "token_embedding.weight": (vocabulary, width), **_norm("ln_final", width)}  # fmt: skip
    return found | _clip_blocks(width, layers)


def _clip_blocks(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for n in range(layers):
        block = f"transformer.resblocks.{n}"
        found |= {
            **_attention(f"{block}.attn", width),
            **_norm(f"{block}.ln_1", width),
            **_norm(f"{block}.ln_2", width),
        }
        found |= _linear(f"{block}.mlp.c_fc", 4 * width, width) | _linear(f"{block}.mlp.c_proj", width, 4 * width)
    return found


def _decoder_block(name: str, width: int) -> dict[str, tuple[int, ...]]:
    found = _attention(f"{name}.sa_block.sa", width) | _attention(f"{name}.mha_block.mha", width)
    for norm in ("norm_sa", "norm_mha", "norm_encoder", "norm_ff"):
        found |= _norm(f"{name}.{norm}", width)
    found |= {f"{name}.{scale}.gamma": (width,) for scale in ("ls_sa", "ls_mha", "ls_ff")}
    ff = f"{name}.ff_block.layers"
    return found | _linear(f"{ff}.0", 4 * width, width) | _linear(f"{ff}.3", width, 4 * width)


def _attention(name: str, width: int) -> dict[str, tuple[int, ...]]:
    stacked = {f"{name}.in_proj_weight": (3 * width, width), f"{name}.in_proj_bias": (3 * width,)}
    return stacked | _linear(f"{name}.out_proj", width, width)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def same_weights(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Bit for bit, with the same names, shapes and kinds."""
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype and torch.equal(first[name], second[name]) for name in first
    )
