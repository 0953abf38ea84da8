"""Boxes read as detections, on numbers that can be worked out by hand."""

from __future__ import annotations

import pytest

from chex.inference.box_choice import BoxChoice
from chex.records import ScoredBox
from jobs.evaluation.post_processing import (
    FEWEST_TARGETS,
    SCALES,
    Candidates,
    PostProcessing,
    box_and_score_ways,
    box_ways,
    tuned,
)

CLASSES = ("effusion", "mass")
# one question: two boxes of an effusion that overlap by IoU 0.6, one of a mass
FOUND = [[
    {"label": "mass", "box": [0.4, 0.4, 0.6, 0.6], "score": 0.9},
    {"label": "effusion", "box": [0.0, 0.0, 0.4, 0.5], "score": 0.5},
    {"label": "effusion", "box": [0.0, 0.0, 0.4, 0.3], "score": 0.8},
]]  # fmt: skip


def candidates() -> Candidates:
    return Candidates.of(CLASSES, FOUND, [[0.5, 0.2]])


def approximately(found: dict[str, list[ScoredBox]]) -> dict:
    return {label: [(pytest.approx(b.box), pytest.approx(b.score)) for b in boxes] for label, boxes in found.items()}


def test_boxes_that_overlap_go_and_scores_are_products():
    [found] = PostProcessing()(candidates())
    assert approximately(found) == {
        "effusion": [((0.0, 0.0, 0.4, 0.3), 0.4)], "mass": [((0.4, 0.4, 0.6, 0.6), 0.18)],
    }  # fmt: skip


def test_a_class_is_drawn_larger_about_its_centre_after_the_choice():
    [found] = PostProcessing(BoxChoice(kept="all", score="box"), scales={"mass": 1.5})(candidates())
    assert approximately(found) == {
        "effusion": [((0.0, 0.0, 0.4, 0.3), 0.8), ((0.0, 0.0, 0.4, 0.5), 0.5)],
        "mass": [((0.35, 0.35, 0.65, 0.65), 0.9)],
    }


def test_a_higher_temperature_moves_probabilities_to_one_half():
    """0.2 has the odds 1 : 4, half of that logit the odds 1 : 2."""
    [found] = PostProcessing(BoxChoice(kept="union", score="class"), class_temperature=2.0)(candidates())
    assert approximately(found) == {
        "effusion": [((0.0, 0.0, 0.4, 0.5), 0.5)], "mass": [((0.4, 0.4, 0.6, 0.6), 1 / 3)],
    }  # fmt: skip


def test_nothing_is_found_where_nothing_is_asked_or_answered():
    assert PostProcessing()(Candidates.of(CLASSES, [], [])) == []
    assert PostProcessing(BoxChoice(kept="union"))(Candidates.of(CLASSES, [[], []], [[0.5, 0.5]] * 2)) == [{}, {}]


def test_options_travel_as_plain_values():
    way = PostProcessing(BoxChoice(kept="best", score="class"), 2.0, {"mass": 0.8})
    assert PostProcessing().from_options(way.as_options()) == way
    assert way.from_options(None) == way.from_options({"tuned_on": 3}) == way
    assert "scaled" in way.in_words() and "scaled" not in PostProcessing().in_words()


def test_tuning_takes_the_best_way_and_the_best_scale_of_every_class_that_has_enough_boxes():
    def measure(way: PostProcessing) -> tuple[float, dict[str, float]]:
        """Best: one box, scored by its class alone; an effusion drawn at 1.25, a mass at 0.8."""
        right = (way.choice.kept == "best") + (way.choice.score == "class")
        each = {"effusion": -abs(way.scales.get("effusion", 1) - 1.25), "mass": -abs(way.scales.get("mass", 1) - 0.8)}
        return right + sum(each.values()), each

    targets = {"effusion": FEWEST_TARGETS, "mass": FEWEST_TARGETS - 1}
    options = tuned(PostProcessing(), box_and_score_ways(PostProcessing()), measure, targets, 7)
    assert (options["kept"], options["score"], options["tuned_on"]) == ("best", "class", 7)
    assert options["scales"] == {"effusion": 1.25} and 1.25 in SCALES
    assert (options["before"], options["after"]) == (pytest.approx(-0.45), pytest.approx(1.8))


def test_without_enough_validation_boxes_the_defaults_stay():
    def measure(way):
        raise AssertionError("nothing to measure on")

    options = tuned(PostProcessing(), box_ways(PostProcessing()), measure, {"mass": FEWEST_TARGETS - 1}, 4)
    assert options["tuned_on"] == 0 and f"defaults: {FEWEST_TARGETS - 1} boxes" in options["reason"]
    assert PostProcessing().from_options(options) == PostProcessing()


def test_of_equal_ways_the_first_stays():
    options = tuned(
        PostProcessing(), box_and_score_ways(PostProcessing()), lambda way: (0.5, {"mass": 0.5}), {"mass": 20}, 5
    )
    assert PostProcessing().from_options({**options, "scales": {}}) == PostProcessing()
    assert options["scales"] == {"mass": 1.0}
