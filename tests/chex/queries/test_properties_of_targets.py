"""Targets hold what the annotations say, each in its place, for any mixture of images."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chex import vocabulary
from chex.boxes import cxcywh_to_xyxy
from chex.queries.anatomy import anatomy_targets, region_findings
from chex.queries.box import boxed_regions
from chex.queries.drawing import draw_one, draw_some, draw_weighted
from chex.queries.pathology import pathology_targets
from chex.queries.sentence import same_sentences, sentence_targets
from chex.queries.targets import padded_boxes
from chex.records import Annotations, PathologyBox, PathologyLabel, Region

EXAMPLES = settings(max_examples=20, deadline=None, derandomize=True)
TERMS = vocabulary.load()
SAID = ("No effusion.", "no effusion.", "Clear lungs.", "The heart is large.", "A nodule.")
side = st.integers(0, 16).map(lambda step: step / 16)
corners = st.tuples(side, side, side, side).filter(lambda c: c[0] < c[2] and c[1] < c[3])
seeds = st.integers(0, 1000)


@st.composite
def annotated(draw) -> Annotations:
    places = draw(st.lists(st.sampled_from(["right lung", "left lung", "spine", "trachea"]), unique=True))
    present = st.lists(st.sampled_from(TERMS.labels_of("cig")[:6]), unique=True, max_size=3).map(tuple)
    some = st.lists(st.sampled_from(SAID), max_size=3).map(tuple)
    anatomy = []
    for place in places:
        labelled = draw(st.booleans())
        anatomy.append(Region(place, draw(corners), draw(some), draw(present) if labelled else (), labelled))
    names = st.lists(st.sampled_from(TERMS.labels_of("vindr")[:6]), unique=True, max_size=4)
    labels = [PathologyLabel(name, draw(st.sampled_from([-1, 0, 1]))) for name in draw(names)]
    stated = [label.label for label in labels if label.value == 1]
    boxes = [PathologyBox(name, draw(corners)) for name in stated for _ in range(draw(st.integers(0, 3)))]
    return Annotations(draw(some), None, tuple(anatomy), tuple(boxes), tuple(labels))


batches = st.lists(annotated(), max_size=4)


def boxes_of(found: torch.Tensor, present: torch.Tensor) -> list[tuple[float, ...]]:
    """The real boxes (K, 4) of one prompt, as the annotations write them; exact for sixteenths."""
    return [tuple(box) for box in cxcywh_to_xyxy(found[present]).tolist()]


@EXAMPLES
@given(batches, st.integers(1, 60), seeds)
def test_anatomy_targets_say_what_the_annotations_say(batch, most_regions, seed):
    targets = anatomy_targets(batch, TERMS, torch.Generator().manual_seed(seed), most_regions=most_regions)
    with_anatomy = [i for i, annotations in enumerate(batch) if annotations.anatomy]
    if not with_anatomy:
        assert targets is None
        return
    assert targets.images.tolist() == with_anatomy
    assert len(targets.regions) == len(set(targets.regions)) <= most_regions
    columns = region_findings(TERMS)
    for b, i in enumerate(with_anatomy):
        known = {region.region: region for region in batch[i].anatomy}
        for q, name in enumerate(targets.regions):
            parts = TERMS.grouped[name].parts if targets.grouped[q] else (name,)
            found = [known[part] for part in parts] if set(parts) <= set(known) else []
            assert boxes_of(targets.boxes_cxcywh[b, q], targets.present[b, q]) == [region.box for region in found]
            labels = {TERMS.finding_of(label).id for region in found for label in region.labels_present}
            assert {columns[c] for c in targets.labels[b, q].nonzero().flatten().tolist()} == labels
            assert bool(targets.labelled[b, q]) == (bool(found) and all(region.labelled for region in found))
            said = dict.fromkeys(sentence for region in found for sentence in region.sentences)
            assert targets.sentences[b][q] == " ".join(said)


@EXAMPLES
@given(batches, st.integers(1, 60), seeds)
def test_regions_asked_by_box_are_the_single_ones(batch, most_regions, seed):
    targets = anatomy_targets(batch, TERMS, torch.Generator().manual_seed(seed), most_regions=most_regions)
    narrowed = boxed_regions(targets) if targets else None
    if narrowed is None:
        assert targets is None or targets.grouped.all()
        return
    kept, boxes = narrowed
    assert kept.regions == tuple(name for name in targets.regions if name in TERMS.regions)
    assert not kept.grouped.any() and not kept.present[:, :, 1:].any()
    there = kept.present[:, :, 0]
    assert torch.equal(boxes[there], kept.boxes_cxcywh[:, :, 0][there])
    assert (boxes[~there] == torch.tensor([0.5, 0.5, 1.0, 1.0])).all()


@EXAMPLES
@given(batches, st.integers(0, 4), st.integers(0, 4), seeds)
def test_pathology_targets_say_what_the_annotations_say(batch, most_with_boxes, most_with_labels, seed):
    targets = pathology_targets(
        batch, TERMS, torch.Generator().manual_seed(seed),
        most_with_boxes=most_with_boxes, most_with_labels=most_with_labels,
    )  # fmt: skip
    values = [{TERMS.finding_of(n.label).id: n.value for n in a.pathology_labels if n.value >= 0} for a in batch]
    if targets is None:
        assert not any(values) or not most_with_labels
        return
    assert targets.images.tolist() == [i for i, known in enumerate(values) if known]
    assert 0 < len(targets.findings) == len(set(targets.findings)) <= most_with_boxes + most_with_labels
    assert targets.boxed.all()  # all labels are of the set that comes with boxes
    for b, i in enumerate(targets.images.tolist()):
        for q, finding in enumerate(targets.findings):
            assert targets.values[b, q] == values[i].get(finding, -1)
            found = [box.box for box in batch[i].pathology_boxes if TERMS.finding_of(box.label).id == finding]
            assert boxes_of(targets.boxes_cxcywh[b, q], targets.present[b, q]) == found


def test_where_no_finding_is_drawn_there_are_no_targets():
    healthy = Annotations(pathology_labels=(PathologyLabel("vindr/Cardiomegaly", 0),))
    assert pathology_targets([healthy], TERMS, torch.Generator(), most_with_labels=0) is None


@EXAMPLES
@given(batches, st.integers(1, 4), seeds)
def test_sentence_targets_are_different_sentences_of_their_own_image(batch, most, seed):
    targets = sentence_targets(batch, torch.Generator().manual_seed(seed), most_sentences=most)
    if targets is None:
        assert not any(annotations.sentences for annotations in batch)
        return
    assert targets.images.tolist() == [i for i, annotations in enumerate(batch) if annotations.sentences]
    assert targets.mask.sum(dim=1).tolist() == [len(row) for row in targets.sentences]
    assert targets.mask.shape[1] == max(map(len, targets.sentences)) <= most
    for i, row, mask in zip(targets.images.tolist(), targets.sentences, targets.mask.tolist()):
        assert mask == sorted(mask, reverse=True)  # the real ones come first
        assert len(set(row)) == len(row) == min(most, len(set(batch[i].sentences))) and set(row) <= set(
            batch[i].sentences
        )


@EXAMPLES
@given(st.lists(st.sampled_from(SAID), max_size=6))
def test_the_same_sentences_are_an_equivalence(sentences):
    same = same_sentences(sentences)
    assert same.shape == (len(sentences), len(sentences)) and same.diagonal().all() and torch.equal(same, same.T)
    assert same.tolist() == [[a.lower() == b.lower() for b in sentences] for a in sentences]


@EXAMPLES
@given(st.lists(st.lists(corners, max_size=4), max_size=3), st.integers(0, 3))
def test_padded_boxes_keep_every_box(row, images):
    found, present = padded_boxes([row] * images)
    most = max(map(len, row), default=0) or 1
    if images:
        assert found.shape == (images, len(row), most, 4) and present.shape == (images, len(row), most)
    for b in range(images):
        for q, boxes in enumerate(row):
            assert boxes_of(found[b, q], present[b, q]) == boxes


@EXAMPLES
@given(st.lists(st.integers(), unique=True, max_size=8), st.integers(0, 9), seeds)
def test_draws_are_different_items_in_order_and_repeatable(items, wanted, seed):
    weights = [1.0 + i for i in range(len(items))]

    def drawn() -> tuple[list[int], list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return draw_some(items, wanted, generator), draw_weighted(items, weights, wanted, generator) if wanted else []

    for some in drawn()[: 2 if wanted else 1]:
        assert len(some) == min(wanted, len(items))
        assert some == [item for item in items if item in some]
    assert drawn() == drawn()
    if items:
        assert draw_one(items, torch.Generator().manual_seed(seed)) in items


def test_draws_follow_their_weights():
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_weighted("ab", [3.0, 1.0], 1, generator)[0] for _ in range(400)]
    assert drawn.count("a") == pytest.approx(300, abs=40)
