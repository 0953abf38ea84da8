from __future__ import annotations

import pytest

from chex.records import Annotations, GroundedPhrase, PathologyBox, Region
from jobs.evaluation.interactive.instances import instances_of, on_both_sides, on_one_side, side_of
from jobs.evaluation.interactive.lungs import Lungs
from tests.jobs.evaluation.interactive.listeners import TRAIN, ZONES

RIGHT, LEFT, MIDDLE = (0.1, 0.5, 0.3, 0.8), (0.7, 0.5, 0.9, 0.8), (0.3, 0.5, 0.7, 0.8)


@pytest.mark.parametrize(
    "box, side",
    [
        (RIGHT, "right"),
        (LEFT, "left"),
        (MIDDLE, None),
        ((0.34, 0.0, 0.54, 1.0), "right"),  # four fifths of it
        ((0.36, 0.0, 0.56, 1.0), None),
        ((0.46, 0.0, 0.66, 1.0), "left"),
    ],
)
def test_the_patients_right_is_the_images_left(box, side):
    assert side_of(box) == side


def drawn(*found):
    return instances_of(Annotations(pathology_boxes=tuple(PathologyBox(f"vindr/{name}", box) for name, box in found)))


def test_pairs_and_single_findings():
    edema = ("Edema", RIGHT), ("Edema", LEFT)
    [(right, left)] = on_both_sides(drawn(*edema, ("Pneumothorax", RIGHT)))
    assert (right.box, left.box, right.finding.id) == (RIGHT, LEFT, "edema")
    [alone] = on_one_side(drawn(*edema, ("Pneumothorax", RIGHT)))
    assert (alone.finding.id, alone.side) == ("pneumothorax", "right")
    # a third box, one in the middle, and what is no finding of a lung
    assert not on_both_sides(drawn(*edema, ("Edema", MIDDLE)))
    assert not on_one_side(drawn(("Edema", MIDDLE), ("Rib fracture", RIGHT), *edema))


def test_a_box_of_several_sources_counts_once_and_keeps_its_phrase():
    said = Annotations(
        pathology_boxes=(PathologyBox("nih/Effusion", RIGHT), PathologyBox("vindr/Pleural effusion", RIGHT)),
        grounded=(GroundedPhrase("Right effusion", (RIGHT,), "ms-cxr/Pleural Effusion"), GroundedPhrase("?", (LEFT,))),
    )
    [found] = instances_of(said)
    assert (found.finding.id, found.phrase) == ("pleural_effusion", "Right effusion")


def test_the_zone_is_that_of_the_image_or_of_the_training_mean():
    lungs = Lungs()
    low, high = (0.15, 0.6, 0.4, 0.7), (0.15, 0.12, 0.4, 0.2)
    assert lungs.zone("right", high, Annotations()).name == "right lower lung zone"  # nobody knows better
    for sample in TRAIN:
        lungs.learn(sample.annotations)
    assert lungs.zone("right", high, Annotations()).name == "right upper lung zone"
    assert lungs.box("left lower lung zone", Annotations()) == pytest.approx(ZONES["left lower lung zone"])
    own = Annotations(
        anatomy=(Region("right mid lung zone", low), Region("right lower lung zone", (0.1, 0.8, 0.5, 0.9)))
    )
    assert lungs.zone("right", low, own).name == "right mid lung zone"
    again = Lungs()
    again.recall(lungs.notes())
    assert again.zone("right", low, Annotations()).name == "right lower lung zone"
