"""The base preset's parts have exactly as many parameters as the paper's: counted by formula and by the libraries."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    GPT2Config,
    GPT2LMHeadModel,
)  # fmt: skip

from chex import Chex
from chex.model_config import base

D, LAYERS, POST_LAYERS, BOXES = 512, 6, 3, 3
PREFIX, LM_LAYERS, LM_WIDTH = 5, 24, 1024


@pytest.fixture(scope="module")
def model(tiny_model) -> Chex:
    with torch.device("meta"):
        return Chex(
            base(), prompt_tokenizer=tiny_model.prompt_tokenizer, sentence_tokenizer=tiny_model.sentence_tokenizer
        )


def count(part: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def linear(into: int, out: int) -> int:
    return into * out + out


def decoder_blocks(layers: int) -> int:
    attention = 4 * linear(D, D)
    feed_forward = linear(D, 4 * D) + linear(4 * D, D)
    norms_and_scales = 4 * 2 * D + 3 * D
    return layers * (2 * attention + feed_forward + norms_and_scales)


def test_clip_is_openais_vit_b_32(model):
    clip = {"projection_dim": 512}
    vision = CLIPVisionConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                              image_size=224, patch_size=32, **clip)  # fmt: skip
    text = CLIPTextConfig(vocab_size=49408, hidden_size=512, intermediate_size=2048, num_hidden_layers=12,
                          num_attention_heads=8, max_position_embeddings=77, **clip)  # fmt: skip
    with torch.device("meta"):
        towers = CLIPVisionModelWithProjection(vision), CLIPTextModelWithProjection(text)
    assert [count(model.image_encoder), count(model.prompt_encoder)] == [count(tower) for tower in towers]
    # OpenAI's whole model, without the temperature that only its training needs
    assert count(model.image_encoder) + count(model.prompt_encoder) + 1 == 151_277_313
    assert model.image_encoder.grid == (7, 7)


def test_language_model_is_gpt2_medium(model):
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(GPT2Config(n_embd=LM_WIDTH, n_layer=LM_LAYERS, n_head=16))
    assert count(model.generator.language_model) == count(theirs) == 354_823_168


def test_decoders_and_prefix_have_the_papers_sizes(model):
    heads = linear(D, D) + linear(D, 4) + linear(D, D) + linear(D, 1)  # boxes, scores
    projections = linear(D, D) + linear(D, 4 * D) + linear(4 * D, D)  # patches, output
    detector = decoder_blocks(LAYERS) + BOXES * D + heads + projections + 3 * 2 * D
    assert count(model.detector) == detector
    assert count(model.post_decoder) == decoder_blocks(POST_LAYERS) + 1 + 2 * D
    prefix = linear(D, 4 * D) + linear(4 * D, PREFIX * 2 * LM_LAYERS * LM_WIDTH)
    assert count(model.generator.prefix_head) == prefix
    assert count(model) == 1_051_468_550
