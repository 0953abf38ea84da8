"""The model against the plain eager implementation that the benchmark times it with."""

from __future__ import annotations

import copy

import pytest
import torch

from chex import Chex
from tests.benchmarks.eager.model import EagerModel
from tests.benchmarks.forced_words import ForcedWords, natural_lengths

PROMPTS = ["pleural effusion", "no pneumothorax", "right lung", "heart"]


@pytest.fixture(scope="module")
def both(tiny_model) -> tuple[Chex, EagerModel, ForcedWords]:
    model = copy.deepcopy(tiny_model)
    words = ForcedWords(len(model.sentence_tokenizer), model.sentence_tokenizer.end_id)
    model.generator.next_words = words
    return model, EagerModel(model, words).eval(), words


def test_images_and_texts_are_encoded_alike(both):
    pixels = torch.randint(0, 256, (2, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        (images, texts), (eager_images, eager_texts) = (
            (m.encode_images(pixels), m.text_features(PROMPTS)) for m in both[:2]
        )
    for name in ("patches", "positions", "pooled"):
        assert (getattr(images, name) - getattr(eager_images, name)).abs().max() < 2e-5
    assert (texts - eager_texts).abs().max() < 2e-5


def test_detections_and_refined_tokens_are_the_same(both):
    model, eager, _ = both
    pixels = torch.randint(0, 256, (3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        images, features = model.encode_images(pixels), model.text_features(PROMPTS)[None]
        # asked alike, and each image for itself
        for prompts in (features, torch.cat([features, features.flip(1), features * 0.5])):
            found, expected = model.detect(images, prompts), eager.detect(images, prompts)
            for name in found.__slots__:
                assert (getattr(found, name) - getattr(expected, name)).abs().max() < 2e-5, name
            assert (model.refine(images, found) - eager.refine(images, expected)).abs().max() < 2e-5


@pytest.mark.parametrize("sentences", [1, 40])
def test_sentences_are_those_of_the_librarys_loop(both, sentences):
    model, eager, words = both
    words.lengths = natural_lengths(sentences, mean=5, longest=11)
    tokens = torch.randn(sentences, 128, generator=torch.Generator().manual_seed(3))
    t = model.sentence_tokenizer
    ours, expected = (m.generator.generate(tokens, t.start_id, t.end_id) for m in (model, eager))
    assert ours == expected
    assert [len(sentence) for sentence in ours] == words.lengths.tolist()


def test_lengths_are_as_asked():
    lengths = natural_lengths(256)
    assert lengths.float().mean() == 15 and lengths.max() == 60 and lengths.min() >= 1
    assert lengths.float().median() < 15
