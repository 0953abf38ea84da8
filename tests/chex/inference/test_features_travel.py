"""What travels between processes carries its own numbers and no more."""

from __future__ import annotations

import pickle

import numpy as np
import torch

from chex.inference.detection import PromptReader
from chex.records import Query


def test_one_image_of_a_batch_is_pickled_without_the_others(tiny_model):
    reader = PromptReader(tiny_model)
    images = [np.random.default_rng(seed).integers(0, 255, (50, 60), dtype=np.uint8) for seed in range(8)]
    features = reader.encode(images)
    answers = reader.detect(features, [[Query(text="nodule")]] * 8)
    alone = reader.encode(images[:1])
    one, many = len(pickle.dumps(alone[0])), len(pickle.dumps(features[0]))
    assert many < 1.1 * one
    for sent in (features[3], answers[3][0]):
        back = pickle.loads(pickle.dumps(sent))
        for name in sent.__slots__:
            before, after = getattr(sent, name), getattr(back, name)
            same = torch.equal(before, after) if isinstance(before, torch.Tensor) else before == after
            assert same, name
