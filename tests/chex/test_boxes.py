from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chex import boxes

coordinate = st.floats(0, 1, width=32)


@st.composite
def boxes_xyxy(draw, most: int = 6):
    count = draw(st.integers(1, most))
    corners = [
        sorted((draw(coordinate), draw(coordinate))) + sorted((draw(coordinate), draw(coordinate)))
        for _ in range(count)
    ]
    return torch.tensor([[c[0], c[2], c[1], c[3]] for c in corners])


@given(boxes_xyxy())
def test_formats_are_inverse(found):
    assert torch.allclose(boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(found)), found, atol=1e-6)


@given(boxes_xyxy(), boxes_xyxy())
def test_overlaps_have_their_bounds(a, b):
    iou = boxes.pairwise_iou(a, b)
    giou = boxes.generalized_iou(a[:, None], b[None])
    assert ((iou >= 0) & (iou <= 1 + 1e-6)).all()
    assert ((giou >= -1 - 1e-6) & (giou <= iou + 1e-6)).all()
    assert torch.allclose(iou, boxes.pairwise_iou(b, a).T)


def test_iou_of_known_boxes():
    a = torch.tensor([0.0, 0.0, 0.5, 0.5])
    b = torch.tensor([0.25, 0.25, 0.75, 0.75])
    assert boxes.iou(a, b).item() == pytest.approx(0.0625 / 0.4375)
    apart = torch.tensor([0.75, 0.0, 1.0, 0.5])
    assert boxes.iou(a, apart).item() == 0
    assert boxes.generalized_iou(a, apart).item() == pytest.approx(-0.25)


@given(boxes_xyxy(most=8), st.floats(0, 1))
def test_suppression_keeps_a_best_set_without_overlaps(found, threshold):
    scores = torch.linspace(1, 0, len(found))
    kept = boxes.nms(found, scores, threshold).tolist()
    assert kept[0] == 0 and kept == sorted(kept)
    overlaps = boxes.pairwise_iou(found, found)
    for i, first in enumerate(kept):
        assert all(overlaps[first, other] <= threshold for other in kept[i + 1 :])
    for gone in set(range(len(found))) - set(kept):
        assert any(better < gone and overlaps[better, gone] > threshold for better in kept)


def test_suppression_of_many_prompts_at_once_is_that_of_each():
    found = torch.rand(5, 4, 6, 4, generator=torch.Generator().manual_seed(0))
    found = torch.cat([found[..., :2], found[..., :2] + found[..., 2:] / 2], dim=-1)
    together = boxes.apart(found, 0.25)
    scores = torch.linspace(1, 0, 6)
    assert not together.all()
    for kept, alone in zip(together.flatten(0, 1), found.flatten(0, 1), strict=True):
        assert kept.nonzero().squeeze(1).tolist() == boxes.nms(alone, scores, 0.25).tolist()


def test_boxes_are_scaled_about_their_centre_and_cut_at_the_edge():
    found = torch.tensor([[0.4, 0.2, 0.6, 0.6], [0.8, 0.8, 1.0, 1.0]])
    assert torch.allclose(boxes.scaled(found, 0.5), torch.tensor([[0.45, 0.3, 0.55, 0.5], [0.85, 0.85, 0.95, 0.95]]))
    each = boxes.scaled(found, torch.tensor([1.5, 2.0]))
    assert torch.allclose(each, torch.tensor([[0.35, 0.1, 0.65, 0.7], [0.7, 0.7, 1.0, 1.0]]))
    for wrong in (0, torch.tensor([1.0, -1.0])):
        with pytest.raises(ValueError, match="above 0"):
            boxes.scaled(found, wrong)


def test_suppression_of_nothing_and_of_unequal_lengths():
    assert boxes.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []
    with pytest.raises(ValueError, match="one score per box"):
        boxes.nms(torch.zeros(2, 4), torch.zeros(3), 0.5)


def test_union_box():
    found = torch.tensor([[0.1, 0.5, 0.2, 0.6], [0.4, 0.2, 0.9, 0.3]])
    assert torch.equal(boxes.union_box(found), torch.tensor([0.1, 0.2, 0.9, 0.6]))


def test_merging():
    # the third joins the first and then reaches the second
    chain = torch.tensor([[0.0, 0.0, 0.3, 0.3], [0.6, 0.0, 0.9, 0.3], [0.2, 0.1, 0.7, 0.4], [0.0, 0.6, 0.1, 0.7]])
    once = boxes.merge_overlapping(chain, until_apart=False)
    assert torch.equal(once, torch.tensor([[0.0, 0.0, 0.7, 0.4], [0.6, 0.0, 0.9, 0.3], [0.0, 0.6, 0.1, 0.7]]))
    assert torch.equal(boxes.merge_overlapping(chain), torch.tensor([[0.0, 0.0, 0.9, 0.4], [0.0, 0.6, 0.1, 0.7]]))
    corners = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]])
    assert boxes.merge_overlapping(corners).tolist() == [[0.0, 0.0, 1.0, 1.0]], "boxes that touch are one"
    assert boxes.merge_overlapping(corners[:0]).shape == (0, 4)
