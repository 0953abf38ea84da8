"""What holds for all boxes, also those without size, inverted ones and ones outside the image."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chex import boxes

EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True)
# a coarse grid makes touching, equal and empty boxes frequent; sizes and places of any kind come beside it
coordinate = st.one_of(st.integers(-2, 10).map(lambda step: step / 8), st.floats(-1, 2, width=32))


def any_boxes(most: int = 6, least: int = 1):
    rows = st.lists(st.tuples(*[coordinate] * 4), min_size=least, max_size=most)
    return rows.map(lambda found: torch.tensor(found, dtype=torch.float64).view(-1, 4))


def proper_boxes(most: int = 6, least: int = 1):
    """Boxes whose minima are below, or at, their maxima."""

    def ordered(found: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.minimum(found[:, :2], found[:, 2:]), torch.maximum(found[:, :2], found[:, 2:])], dim=1)

    return any_boxes(most, least).map(ordered)


@EXAMPLES
@given(any_boxes())
def test_both_conversions_invert_each_other(found):
    assert torch.allclose(boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(found)), found, atol=1e-12)
    assert torch.allclose(boxes.xyxy_to_cxcywh(boxes.cxcywh_to_xyxy(found)), found, atol=1e-12)


@EXAMPLES
@given(any_boxes(), any_boxes())
def test_overlaps_of_any_boxes_are_finite_symmetric_and_bounded(a, b):
    iou, giou = boxes.pairwise_iou(a, b), boxes.generalized_iou(a[:, None], b[None])
    assert iou.isfinite().all() and giou.isfinite().all()
    assert ((iou >= 0) & (iou <= 1 + 1e-12)).all()
    assert ((giou >= -1 - 1e-12) & (giou <= iou + 1e-12)).all()
    assert torch.equal(iou, boxes.pairwise_iou(b, a).T)
    assert torch.equal(giou, boxes.generalized_iou(b[:, None], a[None]).T)


@EXAMPLES
@given(proper_boxes())
def test_a_box_overlaps_itself_wholly_unless_it_is_empty(found):
    visible = found[boxes.area(found) > 1e-9]
    assert torch.allclose(boxes.iou(visible, visible), torch.ones(len(visible), dtype=torch.float64))
    assert torch.allclose(boxes.generalized_iou(visible, visible), torch.ones(len(visible), dtype=torch.float64))
    empty = found[boxes.area(found) == 0]
    assert (boxes.pairwise_iou(empty, found) == 0).all()


@EXAMPLES
@given(proper_boxes(most=3), proper_boxes(most=3))
def test_overlap_is_the_share_of_cells_in_both(a, b):
    """Measured on a raster of 24 × 24 cells to which the corners are rounded."""
    a, b = ((found * 8).round() / 8 for found in (a, b))
    middle = (torch.arange(24, dtype=torch.float64) + 0.5) / 8 - 1

    def cells(found: torch.Tensor) -> torch.Tensor:
        columns = (middle > found[:, 0:1]) & (middle < found[:, 2:3])
        rows = (middle > found[:, 1:2]) & (middle < found[:, 3:4])
        return (rows[:, :, None] & columns[:, None]).flatten(1)

    both = (cells(a)[:, None] & cells(b)[None]).sum(-1)
    either = (cells(a)[:, None] | cells(b)[None]).sum(-1)
    assert torch.allclose(boxes.pairwise_iou(a, b), both / either.clamp(min=1).double(), atol=1e-9)


@EXAMPLES
@given(proper_boxes(), proper_boxes(), st.floats(0.25, 4), st.floats(-1, 1))
def test_overlaps_stay_when_both_boxes_move_and_grow(a, b, factor, shift):
    a, b = (found[boxes.area(found) > 1e-6] for found in (a, b))
    moved = boxes.pairwise_iou(a * factor + shift, b * factor + shift)
    assert torch.allclose(moved, boxes.pairwise_iou(a, b), atol=1e-6)


@EXAMPLES
@given(proper_boxes())
def test_what_is_clipped_lies_in_the_image_and_clipping_again_changes_nothing(found):
    inside = boxes.clip(found)
    assert ((inside >= 0) & (inside <= 1)).all() and torch.equal(boxes.clip(inside), inside)
    assert (boxes.area(inside) <= boxes.area(found) + 1e-12).all()


@EXAMPLES
@given(proper_boxes())
def test_the_box_around_all_holds_each_of_them_and_no_more(found):
    around = boxes.union_box(found)
    assert (around[:2] <= found[:, :2]).all() and (around[2:] >= found[:, 2:]).all()
    assert torch.equal(around[:2], found[:, :2].min(0).values) and torch.equal(around[2:], found[:, 2:].max(0).values)


def suppressed_by_hand(found: torch.Tensor, scores: list[float], threshold: float) -> list[int]:
    """Greedy suppression as it is defined: take the best box left, drop what overlaps it by more."""
    left, kept = list(range(len(found))), []
    while left:
        best = max(left, key=lambda i: (scores[i], -i))
        kept.append(best)
        left = [i for i in left if i != best and boxes.iou(found[best], found[i]).item() <= threshold]
    return kept


score = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=32))  # ties are frequent


@EXAMPLES
@given(any_boxes(most=8, least=0), st.data(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_suppression_equals_its_definition(found, data, threshold):
    scores = data.draw(st.lists(score, min_size=len(found), max_size=len(found)))
    kept = boxes.nms(found, torch.tensor(scores), threshold)
    assert kept.dtype == torch.long and kept.tolist() == suppressed_by_hand(found, scores, threshold)


@EXAMPLES
@given(any_boxes(most=8), st.sampled_from([0.0, 0.25, 0.7]), st.integers(0, 10_000))
def test_suppression_of_what_is_left_keeps_it_and_the_order_of_the_boxes_does_not_matter(found, threshold, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randperm(len(found), generator=generator).double()
    kept = boxes.nms(found, scores, threshold)
    assert boxes.nms(found[kept], scores[kept], threshold).tolist() == list(range(len(kept)))
    order = torch.randperm(len(found), generator=generator)
    assert order[boxes.nms(found[order], scores[order], threshold)].tolist() == kept.tolist()


@pytest.mark.parametrize(
    "predicted", [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.5, 0.0, 1.0], [0.5, 0.5, 1.0, 1.0]]
)
@pytest.mark.parametrize("target", [[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.5, 0.5]])
def test_gradients_of_overlaps_are_finite_at_the_corners_and_without_size(predicted, target):
    predicted = torch.tensor(predicted, requires_grad=True)
    giou = boxes.generalized_iou(boxes.cxcywh_to_xyxy(predicted), boxes.cxcywh_to_xyxy(torch.tensor(target)))
    giou.backward()
    assert giou.isfinite() and predicted.grad.isfinite().all()


@EXAMPLES
@given(proper_boxes(most=8), st.randoms())
def test_merged_boxes_lie_apart_whatever_the_order(found, random):
    merged = boxes.merge_overlapping(found)
    order = list(range(len(found)))
    random.shuffle(order)
    again = boxes.merge_overlapping(found[order])
    assert sorted(map(tuple, merged.tolist())) == sorted(map(tuple, again.tolist()))
    assert torch.equal(boxes.merge_overlapping(merged), merged)
    for box in found:
        assert any((box[:2] >= one[:2]).all() and (box[2:] <= one[2:]).all() for one in merged)
