from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from chex.losses.alignment import alignment_loss, local_alignment
from chex.losses.boxes import BoxWeights, anatomy_box_loss, box_distance, pathology_box_loss
from chex.losses.classification import balanced_classes, pathology_class_loss, probability_loss, region_class_loss
from chex.losses.contrastive import clip_loss, sentence_loss
from chex.losses.distance import squared_distance
from chex.losses.focal import focal_loss
from chex.losses.generation import generation_loss
from chex.losses.info_nce import info_nce
from chex.losses.matching import assign, match
from chex.losses.multitask import weighted_sum


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=60)
def test_matching_is_balanced_complete_and_cheapest(predictions, targets, seed):
    costs = np.random.default_rng(seed).random((predictions, targets)) * 10
    rows, columns, first = assign(costs)
    assert sorted(rows.tolist()) == list(range(predictions))
    counts = np.bincount(columns, minlength=targets)
    assert counts.max() - counts.min() <= 1
    balanced = (c for c in itertools.product(range(targets), repeat=predictions) if _is_balanced(c, targets))
    assert costs[rows, columns].sum() == pytest.approx(min(costs[range(predictions), c].sum() for c in balanced))
    for target in set(columns.tolist()):
        taken = rows[columns == target]
        assert rows[first & (columns == target)].tolist() == [taken[costs[taken, target].argmin()]]


def _is_balanced(columns, targets: int) -> bool:
    counts = [columns.count(target) for target in range(targets)]
    return max(counts) - min(counts) <= 1


def test_matching_of_nothing():
    pairs, first = match(torch.rand(2, 3, 1), torch.zeros(2, 1, dtype=torch.bool))
    assert pairs.shape == (0, 3) and first.shape == (0,)
    assert [len(part) for part in assign(np.zeros((3, 0)))] == [0, 0, 0]


def test_infinite_costs_are_named():
    with pytest.raises(FloatingPointError, match="diverged"):
        match(torch.full((1, 3, 1), torch.nan), torch.ones(1, 1, dtype=torch.bool))


def test_box_distance_by_hand():
    a, b = torch.tensor([0.5, 0.5, 0.2, 0.2]), torch.tensor([0.5, 0.5, 0.4, 0.4])
    assert box_distance(a, a, BoxWeights()).item() == pytest.approx(0)
    assert box_distance(a, b, BoxWeights()).item() == pytest.approx(5 * 0.4 + 2 * (1 - 0.25), abs=1e-5)


def test_pathology_boxes_without_any_target_and_with_one():
    torch.manual_seed(0)
    boxes, scores = torch.rand(4, 3, 4, requires_grad=True), torch.rand(4, 3)
    nowhere = torch.zeros(4, 2, dtype=torch.bool)
    loss, focal = pathology_box_loss(boxes, scores, torch.rand(4, 3), torch.rand(4, 2, 4), nowhere)
    assert loss.item() == 0 and focal.item() > 0  # scores of what is not there go down
    present = nowhere.clone()
    present[1, 0] = True
    targets = torch.rand(4, 2, 4)
    loss, focal = pathology_box_loss(boxes, scores, torch.rand(4, 3), targets, present)
    expected = box_distance(boxes[1], targets[1, 0], BoxWeights()).mean() / 4
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and focal > 0
    loss.backward()
    assert boxes.grad[1].abs().sum() > 0 and boxes.grad[0].abs().sum() == 0


def test_anatomy_boxes_single_regions_pull_all_and_groups_are_matched():
    boxes = torch.tensor([[[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]]]).repeat(2, 1, 1)
    targets = torch.tensor([[[0.8, 0.5, 0.2, 0.2], [0.2, 0.5, 0.2, 0.2]]]).repeat(2, 1, 1)
    present = torch.tensor([[True, False], [True, True]])
    grouped = torch.tensor([False, True])
    single = box_distance(boxes[0], targets[0, 0], BoxWeights()).mean()
    loss = anatomy_box_loss(boxes, torch.full((2, 3), 0.5), targets, present, grouped)
    # in the group every prediction finds its own side, so that only the three boxes of the single region cost
    assert loss.item() == pytest.approx(single.item() * 3 / 4, rel=1e-5)
    assert anatomy_box_loss(boxes, torch.rand(2, 3), targets, torch.zeros_like(present), grouped).item() == 0


def test_focal_loss_by_hand():
    p, positive = torch.tensor([0.9, 0.2, 0.4]), torch.tensor([True, False, False])
    # one positive and two negatives, each class counted once more
    expected = (3 / 5 * 0.1**2 * -np.log(0.9) + 2 / 5 * 0.2**2 * -np.log(0.8) + 2 / 5 * 0.4**2 * -np.log(0.6)) / 3
    assert focal_loss(p, positive).item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(focal_loss(torch.tensor([0.0, 1.0]), torch.tensor([True, False])))
    assert focal_loss(torch.zeros(0), torch.zeros(0, dtype=torch.bool)).item() == 0


def test_pathology_classes_by_hand():
    positive, negative = torch.eye(4)[:2], torch.eye(4)[2:]
    tokens = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 2.0], [0, 1.0, 0, 0]])
    loss = pathology_class_loss(tokens, torch.tensor([0, 1, 1]), torch.tensor([1, 0, -1]), positive, negative)
    right = -torch.log_softmax(torch.tensor([5.0, 0, 0, 0]), 0)[0]
    assert loss.item() == pytest.approx(right.item(), rel=1e-5)
    none = pathology_class_loss(tokens, torch.tensor([0, 1, 1]), torch.full((3,), -1), positive, negative)
    assert none.item() == 0


def test_region_classes_prefer_the_right_prompts():
    positive, negative = torch.eye(6)[:3], torch.eye(6)[3:]
    labels = torch.tensor([[True, False, False]])
    right = torch.tensor([[1.0, 0, 0, 0, 1, 1]])
    wrong = torch.tensor([[0.0, 1, 1, 1, 0, 0]])
    every = torch.arange(3)
    assert region_class_loss(right, labels, positive, negative, every) < region_class_loss(
        wrong, labels, positive, negative, every
    )
    assert region_class_loss(right[:0], labels[:0], positive, negative, every).item() == 0


def test_probabilities_by_hand():
    positive, negative = torch.tensor([[1.0, 0], [0, 1.0]]), torch.tensor([[0, 1.0], [1.0, 0]])
    tokens, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([[1, -1]])
    loss = probability_loss(tokens, labels, positive, negative, temperature=0.5)
    assert loss.item() == pytest.approx(-np.log(1 / (1 + np.exp(-2))), rel=1e-5)
    rare = probability_loss(tokens, torch.tensor([[0, 1]]), positive, negative, temperature=0.5)
    assert rare.item() == pytest.approx(np.log(1 + np.exp(2)), rel=1e-5)  # one of each: no extra weight
    assert probability_loss(tokens, torch.tensor([[-1, -1]]), positive, negative, temperature=0.5).item() == 0


@pytest.mark.parametrize("some", [None, torch.tensor([True, True, False, True])])
def test_a_contrast_of_rounded_logits_is_not_rounded_again(some):
    rounded = torch.tensor([[9.3, 2.1, 4.7, 8.9], [0.3, 0.2, 0.1, 0.4]]).bfloat16()
    right = torch.tensor([[True, False, False, False], [True, True, False, False]])
    loss = info_nce(rounded, right, some)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, info_nce(rounded.float(), right, some))


def test_sampled_classes_hold_present_ones_first():
    labels = torch.zeros(3, 40, dtype=torch.bool)
    labels[0, [4, 30]] = True
    for seed in range(5):
        drawn = balanced_classes(labels, 10, torch.Generator().manual_seed(seed)).tolist()
        assert len(set(drawn)) == 10 and {4, 30} <= set(drawn)
    assert balanced_classes(labels[:, :5], 10, torch.Generator()).tolist() == [0, 1, 2, 3, 4]


def test_clip_loss_by_hand():
    images, reports = torch.eye(2), torch.eye(2)
    logits = torch.eye(2) / 0.2
    assert clip_loss(images, reports).item() == pytest.approx(2 * F.cross_entropy(logits, torch.arange(2)).item())


def test_the_same_sentence_elsewhere_is_no_negative():
    tokens = F.normalize(torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    sentences = tokens.clone()
    sentences[1, 0] = sentences[0, 0]
    mask = torch.tensor([[True, True], [True, False]])
    different, same = torch.eye(3, dtype=torch.bool), torch.eye(3, dtype=torch.bool)
    same[0, 2] = same[2, 0] = True
    assert sentence_loss(tokens, sentences, mask, same) < sentence_loss(tokens, sentences, mask, different)
    assert sentence_loss(tokens, sentences, torch.zeros_like(mask), same[:0, :0]).item() == 0


def test_alignment_rewards_the_fitting_image():
    patches = torch.eye(4)[None].repeat(2, 1, 1)
    patches[1] = -patches[1]
    similarity = local_alignment(patches, torch.eye(4)[:1])
    assert similarity[0, 0] > similarity[0, 1]
    fits = torch.tensor([[True, False]])
    assert alignment_loss(similarity, fits) < alignment_loss(similarity, ~fits)
    assert torch.isfinite(alignment_loss(similarity, torch.zeros_like(fits)))


def test_squared_distance_is_summed_over_the_width_and_weighs_images_the_same():
    a, b = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    b[0] *= 2
    mask = torch.tensor([[True, False, False], [True, True, False]])
    assert squared_distance(a, b, mask).item() == (16 + 4) / 2
    assert squared_distance(a, b, torch.zeros_like(mask)).item() == 0


def test_padding_is_never_counted():
    logits = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[0, 3, 4, 1, 1], [0, 5, 6, 7, 1]])
    lengths = torch.tensor([4, 5])
    words = [
        F.cross_entropy(logits[0, :3], ids[0, 1:4], reduction="sum"),
        F.cross_entropy(logits[1, :4], ids[1, 1:], reduction="sum"),
    ]
    assert generation_loss(logits, ids, lengths).item() == pytest.approx((sum(words) / 7).item(), rel=1e-6)
    assert generation_loss(logits[:0], ids[:0], lengths[:0]).item() == 0


def test_every_loss_needs_a_weight():
    parts = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert weighted_sum(parts, {"a": 1.0, "b": 0.5, "c": 9.0})["loss"].item() == 3.5
    with pytest.raises(ValueError, match=r"no weight for the losses \['b'\]"):
        weighted_sum(parts, {"a": 1.0})
