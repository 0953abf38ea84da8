"""Which boxes of a prompt are kept, on boxes whose answer can be read off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from chex.inference.box_choice import BoxChoice
from chex.inference.detection import PromptReader
from chex.records import Query

# the first two overlap almost entirely, the third lies apart
BOXES = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.8]])
SCORES = torch.tensor([0.5, 0.7, 0.2])


@pytest.mark.parametrize(("kept", "indices"), [("apart", [1, 2]), ("best", [1]), ("all", [1, 0, 2])])
def test_kept_boxes_come_best_first(kept, indices):
    boxes, scores = BoxChoice(kept=kept)(BOXES, SCORES)
    assert torch.equal(boxes, BOXES[indices]) and torch.equal(scores, SCORES[indices])


def test_the_union_has_the_best_score():
    boxes, scores = BoxChoice(kept="union")(BOXES, SCORES)
    assert torch.equal(boxes, torch.tensor([[0.1, 0.1, 0.9, 0.8]])) and scores.tolist() == [pytest.approx(0.7)]


def test_a_box_below_the_least_score_counts_for_nothing():
    boxes, _ = BoxChoice(kept="union", least_score=0.5)(BOXES, SCORES)
    assert torch.equal(boxes, torch.tensor([[0.1, 0.1, 0.5, 0.5]]))


@pytest.mark.parametrize("kept", ["apart", "best", "union", "all"])
def test_nothing_good_enough_gives_no_box(kept):
    boxes, scores = BoxChoice(kept=kept, least_score=0.9)(BOXES, SCORES)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


@pytest.mark.parametrize("kept", ["apart", "best", "union", "all"])
def test_many_prompts_at_once_are_chosen_as_each_of_them(kept):
    choice = BoxChoice(kept=kept, least_score=0.3)
    boxes = torch.stack([BOXES, BOXES.flip(0), BOXES[[0, 2, 1]]])
    scores = torch.tensor([[0.5, 0.7, 0.2], [0.4, 0.9, -1.0], [0.1, 0.2, -1.0]])
    found, found_scores, counted = choice.among(boxes, scores)
    for place in range(3):
        alone, alone_scores = choice(boxes[place], scores[place])
        assert torch.equal(found[place][counted[place]], alone)
        assert torch.equal(found_scores[place][counted[place]], alone_scores)
    assert counted.any(dim=1).tolist() == [True, True, False]


@pytest.mark.parametrize(("kept", "indices"), [("apart", [1, 2]), ("best", [1]), ("all", [1, 0, 2])])
def test_boxes_of_one_score_are_told_apart_by_their_own(kept, indices):
    """Where the probability of the class is the score, all boxes of a prompt have the same."""
    choice = BoxChoice(kept=kept, score="class")
    boxes, scores, counted = choice.among(BOXES, choice.scores(SCORES, torch.tensor(0.4)), SCORES)
    assert torch.equal(boxes[counted], BOXES[indices]) and scores.tolist() == [pytest.approx(0.4)] * 3


def test_nothing_to_choose_from():
    for kept in ("apart", "best", "union", "all"):
        boxes, scores = BoxChoice(kept=kept)(torch.zeros(0, 4), torch.zeros(0))
        assert boxes.shape == (0, 4) and scores.shape == (0,)


@pytest.mark.parametrize(("score", "expected"), [("box_and_class", 0.2), ("box", 0.4), ("class", 0.5)])
def test_what_a_score_is_made_of(score, expected):
    scores = BoxChoice(score=score).scores(torch.full((2, 3), 0.4), torch.full((2, 1), 0.5))
    assert torch.allclose(scores, torch.full((2, 3), expected))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"kept": "some"}, "expected one of apart, best"), ({"score": "x"}, "box_and_class"), ({"nms_iou": 1.5}, "nms_iou"),
     ({"least_score": -1.0}, "least_score")],
)  # fmt: skip
def test_a_choice_that_there_is_not_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        BoxChoice(**wrong)


def test_answers_follow_the_choice(tiny_model):
    image = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    asked = [[Query(text="pleural effusion", name="pleural_effusion")]]

    def answer(choice: BoxChoice | None):
        reader = PromptReader(tiny_model, choice=choice)
        return reader.detect(reader.encode([image]), asked)[0][0].boxes

    every, best, union = (answer(BoxChoice(kept=kept)) for kept in ("all", "best", "union"))
    assert len(every) == tiny_model.config.detector.boxes_per_prompt and best == every[:1]
    around = np.array([found.box for found in every])
    assert np.allclose(union[0].box, [*around[:, :2].min(axis=0), *around[:, 2:].max(axis=0)], atol=1e-6)
    assert union[0].score == best[0].score
    iou = tiny_model.config.inference.nms_iou
    assert answer(None) == answer(dataclasses.replace(BoxChoice(), nms_iou=iou))


def test_answers_keep_all_boxes_with_their_own_scores(tiny_model):
    image = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    query, box = Query(text="pleural effusion", name="pleural_effusion"), Query(box=(0.1, 0.2, 0.5, 0.6))
    chosen, every = (PromptReader(tiny_model, choice=BoxChoice(**options))
                     for options in ({"kept": "best"}, {"kept": "all", "score": "box"}))  # fmt: skip
    found, of_box = chosen.detect(chosen.encode([image]), [[query, box]])[0]
    alone = every.detect(every.encode([image]), [[query]])[0][0]
    assert len(found.boxes) == 1 and set(found.candidates) == set(alone.boxes)
    best = max(found.candidates, key=lambda candidate: candidate.score)
    probability = dict(found.probabilities)["pleural_effusion"]
    assert found.boxes[0].box == best.box
    assert found.boxes[0].score == pytest.approx(best.score * probability, rel=1e-5)
    assert of_box.candidates == ()
