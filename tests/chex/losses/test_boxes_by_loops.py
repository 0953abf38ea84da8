"""The losses of boxes and scores against the plain loops that their formulas are."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from chex.losses.boxes import BoxWeights, anatomy_box_loss, box_distance, pathology_box_loss
from chex.losses.focal import focal_loss
from chex.losses.matching import assign
from tests.chex.losses.loops import EXAMPLES, about, few, flags, mean, seeds


def random_boxes(generator: np.random.Generator, *shape: int) -> torch.Tensor:
    centres, sizes = generator.random((*shape, 2)), generator.uniform(0.01, 0.6, (*shape, 2))
    return torch.from_numpy(np.concatenate([centres, sizes], axis=-1).astype(np.float32))


def distance_by_hand(a: list[float], b: list[float]) -> float:
    """5 · L1 + 2 · (1 − gIoU) of two boxes (x_centre, y_centre, width, height)."""

    def ends(box: list[float], axis: int) -> tuple[float, float]:
        return box[axis] - box[axis + 2] / 2, box[axis] + box[axis + 2] / 2

    shared, hull = 1.0, 1.0
    for axis in (0, 1):
        (a_low, a_high), (b_low, b_high) = ends(a, axis), ends(b, axis)
        shared *= max(0.0, min(a_high, b_high) - max(a_low, b_low))
        hull *= max(a_high, b_high) - min(a_low, b_low)
    union = a[2] * a[3] + b[2] * b[3] - shared
    giou = shared / union - (hull - union) / hull
    return 5 * sum(abs(x - y) for x, y in zip(a, b)) + 2 * (1 - giou)


@EXAMPLES
@given(seeds)
def test_box_distance(seed):
    generator = np.random.default_rng(seed)
    a, b = random_boxes(generator, 5), random_boxes(generator, 5)
    expected = [distance_by_hand(*pair) for pair in zip(a.tolist(), b.tolist())]
    assert box_distance(a, b, BoxWeights()).tolist() == about(expected)


@EXAMPLES
@given(st.integers(0, 12), st.sampled_from([1.0, 2.0, 3.5]), seeds)
def test_focal_loss(count, gamma, seed):
    generator = np.random.default_rng(seed)
    probabilities, positive = torch.from_numpy(generator.uniform(0.01, 0.99, count)), flags(generator, count)
    there = int(positive.sum())
    losses = []
    for probability, truth in zip(probabilities.tolist(), positive.tolist()):
        right = probability if truth else 1 - probability
        others = (count - there if truth else there) + 1
        losses.append(others / (count + 2) * (1 - right) ** gamma * -math.log(right))
    assert focal_loss(probabilities, positive, gamma=gamma).item() == about(mean(losses))


@EXAMPLES
@given(few, st.integers(1, 4), seeds)
def test_pathology_boxes(prompts, most_targets, seed):
    generator = np.random.default_rng(seed)
    boxes, targets = random_boxes(generator, prompts, 3), random_boxes(generator, prompts, most_targets)
    scores, probabilities = (torch.from_numpy(generator.random((prompts, 3)).astype(np.float32)) for _ in range(2))
    present = flags(generator, prompts, most_targets)
    losses, positive = [], torch.zeros(prompts, 3, dtype=torch.bool)
    for p in range(prompts):
        there = [k for k in range(most_targets) if present[p, k]]
        distances = np.array(
            [[distance_by_hand(boxes[p, m].tolist(), targets[p, k].tolist()) for k in there] for m in range(3)]
        ).reshape(3, len(there))
        doubt = np.array([(1 - probabilities[p, m].item()) + 3 * (1 - scores[p, m].item()) for m in range(3)])
        rows, columns, first = assign(distances + doubt[:, None])
        losses.append(mean([distances[row, column] for row, column in zip(rows, columns)]))
        positive[p, rows[first]] = True
    box_loss, score_loss = pathology_box_loss(boxes, scores, probabilities, targets, present)
    assert box_loss.item() == about(mean(losses))
    assert score_loss.item() == about(focal_loss(scores, positive).item())


@EXAMPLES
@given(few, seeds)
def test_anatomy_boxes(prompts, seed):
    generator = np.random.default_rng(seed)
    boxes, targets = random_boxes(generator, prompts, 3), random_boxes(generator, prompts, 2)
    scores = torch.from_numpy(generator.random((prompts, 3)).astype(np.float32))
    grouped, known = flags(generator, prompts), flags(generator, prompts)
    present = known[:, None] & torch.stack([torch.ones_like(grouped), grouped], dim=1)
    losses = []
    for p in range(prompts):
        distances = [[distance_by_hand(box, target) for target in targets[p].tolist()] for box in boxes[p].tolist()]
        if known[p] and grouped[p]:
            rows, columns, _ = assign(np.array(distances) + 3 * (1 - scores[p].double().numpy()[:, None]))
            losses.append(mean([distances[row][column] for row, column in zip(rows, columns)]))
        elif known[p]:
            losses += [distance for distance, _ in distances]
    assert anatomy_box_loss(boxes, scores, targets, present, grouped).item() == about(mean(losses))
