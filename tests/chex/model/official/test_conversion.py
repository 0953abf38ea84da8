"""The authors' checkpoint as a model: every weight accounted for, any size, bit-exact through save and load."""

from __future__ import annotations

import json

import pytest
import torch

from chex import Chex
from chex.model.official import DoesNotFit, convert, import_checkpoint
from tests.chex.model.official import made_checkpoint as made

OTHER_SIZES = [
    {},
    {"width": 64, "clip_width": 32, "text_width": 32, "heads": 8, "rows": 4, "layers": 1, "boxes": 1, "beta": 2.0},
    {"image_layers": 11, "lm_layers": 1, "lm_heads": 1, "post_layers": 2, "prefix": 5},
]


@pytest.fixture(scope="module")
def tokenizers():
    return made.tokenizer(), made.tokenizer(280, lowercase=False)


def converted(content, tokenizers, **options):
    prompts, sentences = tokenizers
    sizes = options.pop("sizes", {})
    options = {"language_model_config": made.language_model_config(len(sentences), **sizes)} | options
    return convert(content, prompt_tokenizer=prompts, sentence_tokenizer=sentences, **options)


def checkpoint(tokenizers, **sizes):
    return made.checkpoint(len(tokenizers[0]), len(tokenizers[1]), **sizes)


def problems(content, tokenizers, **options) -> str:
    with pytest.raises(DoesNotFit) as caught:
        converted(content, tokenizers, **options)
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) + 1
    return str(caught.value)


@pytest.mark.parametrize("sizes", OTHER_SIZES, ids=["made", "narrow", "deep"])
def test_any_size_is_converted_and_survives_saving(tokenizers, tmp_path, sizes):
    content = checkpoint(tokenizers, **sizes)
    model = converted(content, tokenizers, sizes=sizes)
    size = made.SIZES | sizes
    config = model.config
    assert config.image_encoder.image_size == size["patch"] * size["rows"]
    assert config.image_encoder.heads == max(size["clip_width"] // 64, 1)
    assert config.prompt_encoder.heads == max(size["text_width"] // 64, 1)
    assert (config.detector.heads, config.detector.layers) == (size["heads"], size["layers"])
    assert (config.detector.boxes_per_prompt, config.detector.pooling_beta) == (size["boxes"], size["beta"])
    assert (config.detector.stochastic_depth, config.post_decoder.stochastic_depth) == (0.2, 0.0)
    assert (config.generator.heads, config.generator.layers) == (size["lm_heads"], size["lm_layers"])
    assert config.generator.max_tokens == 127  # their limit of 128 counts the start token
    assert (config.detector.attends_to, config.post_decoder.attends_to) == ("prompt", "image")
    model.save(tmp_path)
    assert made.same_weights(model.state_dict(), Chex.load(tmp_path).state_dict())


def test_all_dropouts_of_the_language_model_are_read(tokenizers):
    settings = made.language_model_config(280)
    stated = {"resid_pdrop": 0.0, "embd_pdrop": 0.2, "attn_pdrop": 0.3}
    for given, expected in (({}, (0.1, 0.1, 0.1)), (stated, (0.0, 0.2, 0.3))):
        model = converted(checkpoint(tokenizers), tokenizers, language_model_config=settings | given)
        generator = model.config.generator
        assert (generator.dropout, generator.embedding_dropout, generator.attention_dropout) == expected


def test_every_value_of_the_checkpoint_is_in_the_model_once(tokenizers):
    content = checkpoint(tokenizers)
    weights = content["state_dict"]
    given = torch.cat([w.flatten() for n, w in weights.items() if "lm_head" not in n]).sort().values
    kept = torch.cat([w.flatten() for w in converted(content, tokenizers).state_dict().values()]).sort().values
    assert torch.equal(given, kept)


def test_the_model_is_a_copy_that_answers(tokenizers):
    content = checkpoint(tokenizers)
    model = converted(content, tokenizers)
    for weight in content["state_dict"].values():
        weight.fill_(torch.nan)
    pixels = torch.randint(0, 256, (1, 24, 24), dtype=torch.uint8)
    with torch.no_grad():
        images = model.encode_images(pixels)
        found = model.detect(images, model.text_features(["right lung", "heart"])[None])
        refined = model.refine(images, found)
    assert found.boxes_cxcywh.shape == (1, 2, 4, 4) and torch.isfinite(refined).all()
    assert len(model.write(refined[0], max_tokens=5)) == 2
    assert not model.training


def test_all_that_does_not_fit_is_told_at_once(tokenizers):
    content = checkpoint(tokenizers)
    weights, settings = content["state_dict"], content["config_dict"]
    del weights["detector.bbox_predictor.0.bias"], weights["img_encoder.backbone.transformer.resblocks.1.ln_1.weight"]
    weights["post_decoder.gate"] = torch.zeros(2)
    weights["txt_encoder.ln_final.weight"] = torch.full((192,), torch.nan)
    weights["detector.patch_projector.0.weight"] = torch.ones(96, dtype=torch.long)
    weights["txt_decoder.language_model.transformer.h.0.attn.c_attn.weight"] = torch.zeros(144, 48)
    told = problems(content, tokenizers)
    for expected in (
        "nothing for detector.box_norm.bias", "nothing for image_encoder.blocks.1.norm_attention.weight",
        "post_decoder.gate (for post_decoder.gate) has shape (2,), expected (1,)",
        "txt_encoder.ln_final.weight holds values that are not finite",
        "detector.patch_projector.0.weight holds torch.int64, expected floating-point numbers",
        "h.0.attn.c_attn.weight (for generator.language_model.blocks.0.to_query_key_value.weight) has shape (48, 144)",
    ):  # fmt: skip
        assert expected in told
    assert "6 problem(s)" in told

    weights["detector.colour"] = torch.zeros(1)
    settings["detector"]["clip_pos"] = True
    settings["n_post_decoder_layers"] = 3
    del settings["dropout"]
    told = problems(content, tokenizers)
    for expected in ("detector.colour is unknown", "config_dict.detector.clip_pos is True, expected False",
                     "config_dict.n_post_decoder_layers is 3, expected 1", "config_dict.dropout is missing",
                     "txt_encoder.ln_final.weight holds values that are not finite"):  # fmt: skip
        assert expected in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("txt_decoder.language_model.lm_head.weight", torch.zeros(280, 48), "lm_head.weight differs"),
        ("detector.decoder.decoder_layers.9.norm_sa.weight", torch.zeros(96), "numbered [0, 1, 2, 9]"),
        ("img_encoder.backbone.positional_embedding", torch.zeros(12, 128), "has 12 rows, expected a square number"),
        ("img_encoder.backbone.conv1.weight", torch.zeros(128, 3), "conv1.weight has shape (128, 3), expected 4"),
        ("detector.decoder.decoder_layers.0.sa_block.sa.in_proj_weight", torch.zeros(()), "has shape (), expected"),
        ("detector.decoder.decoder_layers.99999.norm_sa.weight", torch.zeros(1), "is unknown"),
        ("txt_encoder.token_embedding.weight", torch.zeros(299, 192), "tokenizer has"),
    ],
)
def test_a_single_wrong_weight_is_named(tokenizers, name, value, told):
    content = checkpoint(tokenizers)
    content["state_dict"][name] = value
    assert told in problems(content, tokenizers)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("n_head", 7, "config_dict.n_head is 7, expected a divisor of the width 96"),
        ("n_head", 10**12, "expected a divisor"),
        ("n_head", 0, "expected a divisor"),
        ("d_model", True, "config_dict.d_model is True"),
        ("droppath_prob", 1.5, "stochastic_depth: must lie in [0, 1)"),
        ("dropout", "much", "config_dict.dropout is 'much'"),
        ("act", "relu", "config_dict.act is 'relu', expected 'gelu'"),
        ("detector", None, "config_dict.detector.multiregion_sa is missing"),
    ],
)
def test_a_single_wrong_setting_is_named(tokenizers, key, value, told):
    content = checkpoint(tokenizers)
    content["config_dict"][key] = value
    assert told in problems(content, tokenizers)


def test_the_language_models_configuration_must_be_its_own(tokenizers):
    config = made.language_model_config(280) | {"n_head": 5, "n_positions": 41, "activation_function": "relu"}
    told = problems(checkpoint(tokenizers), tokenizers, language_model_config=config)
    for expected in ("n_head in the language model's configuration is 5, expected a divisor of the width 48",
                     "n_positions in the language model's configuration is 41, expected 40",
                     "activation_function in the language model's configuration is 'relu'"):  # fmt: skip
        assert expected in told


def test_constants_of_older_libraries_need_no_place(tokenizers):
    content = checkpoint(tokenizers)
    block = "txt_decoder.language_model.transformer.h.0.attn"
    content["state_dict"] |= {
        f"{block}.bias": torch.ones(1, 1, 40, 40).tril().bool(),
        f"{block}.masked_bias": torch.tensor(-1e4),
    }
    assert made.same_weights(
        converted(content, tokenizers).state_dict(), converted(checkpoint(tokenizers), tokenizers).state_dict()
    )


def test_half_precision_becomes_full(tokenizers):
    content = checkpoint(tokenizers)
    content["state_dict"] = {name: weight.half() for name, weight in content["state_dict"].items()}
    model = converted(content, tokenizers)
    assert {weight.dtype for weight in model.state_dict().values()} == {torch.float32}


def test_the_detector_may_attend_to_the_image_as_in_their_measurements(tokenizers):
    model = converted(checkpoint(tokenizers), tokenizers, detector_attends_to="image")
    assert model.config.detector.attends_to == "image"


def test_the_recorded_checkpoint_is_imported_bit_for_bit(shared, tmp_path):
    recorded = shared / "parity" / "dev"
    model = import_checkpoint(
        recorded / "chex_stage3_like.pt", clip_tokenizer=shared / "data" / "clip_bpe",
        language_model=recorded / "gpt2_tiny",
    )  # fmt: skip
    model.save(tmp_path / "model")
    loaded = Chex.load(tmp_path / "model")
    assert made.same_weights(model.state_dict(), loaded.state_dict())
    assert loaded.config == model.config
    prompts = ["Pleural effusion", "caf\u00e9 &amp; na\u00efve\u2019s"]
    for before, after in ((model.prompt_tokenizer, loaded.prompt_tokenizer),
                          (model.sentence_tokenizer, loaded.sentence_tokenizer)):  # fmt: skip
        assert before.config == after.config
        assert torch.equal(before.encode(prompts, context=77)[0], after.encode(prompts, context=77)[0])
    cases = {case["name"]: case for case in json.loads((recorded / "full_model.json").read_text())["cases"]}
    from safetensors import safe_open

    texts = cases["text_encoder"]["inputs"]["prompts"]["value"]
    with safe_open(recorded / "full_model.safetensors", "pt") as tensors:
        expected = tensors.get_tensor("text_encoder/outputs/embeddings")
    assert torch.allclose(loaded.text_features(texts), expected, atol=1e-5)
    imported = loaded.provenance["imported"]
    assert imported["file"] == "chex_stage3_like.pt" and imported["language_model"] == "gpt2_tiny"
    assert str(shared) not in (tmp_path / "model" / "config.json").read_text()
