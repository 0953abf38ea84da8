"""Which sentence goes when two say the same."""

from __future__ import annotations

import torch

from chex.inference.repeats import repeats, sentence_similarity

LIMITS = {"same": 0.95, "similar": 0.9, "most": 10}


def symmetric(size: int, pairs: dict[tuple[int, int], float]) -> torch.Tensor:
    similarity = torch.eye(size)
    for (a, b), value in pairs.items():
        similarity[a, b] = similarity[b, a] = value
    return similarity


def test_the_less_preferred_one_of_a_pair_goes():
    similarity = symmetric(3, {(0, 2): 0.96})
    assert repeats(similarity, [0.2, 0.5, 0.9], **LIMITS) == [(0, 2)]
    assert repeats(similarity, [0.9, 0.5, 0.2], **LIMITS) == [(2, 0)]


def test_of_equally_preferred_ones_the_later_goes():
    assert repeats(symmetric(2, {(0, 1): 1.0}), [0.5, 0.5], **LIMITS) == [(1, 0)]


def test_the_closest_pair_goes_first():
    similarity = symmetric(3, {(0, 1): 0.96, (1, 2): 0.99})
    # without 1 the others are no repeats of each other
    assert repeats(similarity, [0.9, 0.1, 0.5], **LIMITS) == [(1, 2)]


def test_similar_ones_go_only_while_there_are_too_many():
    similarity = symmetric(3, {(0, 1): 0.92, (1, 2): 0.91, (0, 2): 0.91})
    assert repeats(similarity, [0.3, 0.2, 0.1], same=0.95, similar=0.9, most=3) == []
    assert repeats(similarity, [0.3, 0.2, 0.1], same=0.95, similar=0.9, most=2) == [(1, 0)]
    assert len(repeats(similarity, [0.3, 0.2, 0.1], same=0.95, similar=0.9, most=1)) == 2


def test_nothing_to_compare():
    assert repeats(torch.zeros(0, 0), [], **LIMITS) == [] and repeats(torch.ones(1, 1), [0.5], **LIMITS) == []


def test_the_diagonal_does_not_count_and_the_argument_stays_as_it_was():
    similarity = torch.eye(3)
    assert repeats(similarity, [0.1, 0.2, 0.3], **LIMITS) == []
    assert torch.equal(similarity, torch.eye(3))


def test_similarity_of_sentences(tiny_model):
    found = sentence_similarity(tiny_model, ["no edema", "No edema", "cardiomegaly"])
    assert found.shape == (3, 3) and found[0, 1] == 1 and torch.allclose(found, found.T)
    assert 0 <= found.min() and found.max() <= 1 and found[0, 2] < 1
    assert sentence_similarity(tiny_model, []).shape == (0, 0)
