from __future__ import annotations

import json

import numpy as np
import pytest

from jobs.evaluation.interactive.cases import giou
from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.tasks import chosen, create
from tests.jobs.evaluation.interactive.listeners import EFFUSION, LUNGS, NODULE, TEST, TRAIN, Deaf, Listener

BETWEEN = float(giou([EFFUSION["right"]], [EFFUSION["left"]])[0])


def answered(name, session):
    task = create(name)
    for sample in TRAIN:
        task.learn(sample)
    rows = [row for start in (0, 4) for row in predict_batch({name: task}, session, TEST[start : start + 4])[name]]
    rows = json.loads(json.dumps(rows))  # plain values only
    again = create(name)
    again.recall(json.loads(json.dumps(task.row_notes())))
    return again, rows


def figures_of(name, session, draws=0):
    task, rows = answered(name, session)
    figures = task.figures(rows, SpreadOf(draws))
    assert set(figures) | set(task.left_out) == set(task.gives)
    assert set(figures) & set(task.left_out) == set()
    assert all(figure.definition and figure.samples for figure in figures.values())
    return figures


def test_a_group_names_the_tasks_of_its_folder():
    names = chosen("interactive")
    assert names == ("disambiguation", "query-kinds", "query-precision", "report-prompts", "wrong-side")
    assert not set(names) & set(chosen("all"))
    assert chosen("wrong-side,image-classification") == ("wrong-side", "image-classification")


def test_who_follows_hints_finds_the_asked_one_of_two():
    figures = figures_of("disambiguation", Listener(), draws=20)
    for hint in ("coarse", "fine"):
        assert figures[f"disambiguation_giou_{hint}"].value == pytest.approx(1.0)
        assert figures[f"disambiguation_difference_{hint}"].value == pytest.approx(1 - BETWEEN)
        assert figures[f"disambiguation_right_one_{hint}"].value == 1.0
        assert figures[f"disambiguation_difference_{hint}"].baselines["without a hint"] == pytest.approx(0.0)
    # without a hint it is the right one: right for the half of the cases
    assert figures["disambiguation_giou_none"].value == pytest.approx((1 + BETWEEN) / 2)
    assert figures["disambiguation_both_none"].value == 1.0
    assert figures["disambiguation_both_coarse"].value == 0.0
    assert figures["disambiguation_giou_none"].samples == 6
    assert figures["disambiguation_difference_fine"].spread.std == pytest.approx(0.0)


def test_who_does_not_listen_is_as_near_to_either():
    figures = figures_of("disambiguation", Deaf())
    assert figures["disambiguation_difference_coarse"].value == pytest.approx(0.0)
    assert figures["disambiguation_right_one_fine"].value == 0.5


def test_hints_are_in_the_words_of_the_vocabulary():
    _, rows = answered("disambiguation", Listener())
    asked = {answer["way"]: answer["text"] for answer in rows[0]["cases"][1]["answers"]}
    assert asked == {
        "none": "pleural effusion",
        "coarse": "pleural effusion in the left lung",
        "fine": "pleural effusion in the left lower lung zone",
    }


def test_a_hint_to_the_wrong_side_leads_away():
    figures = figures_of("wrong-side", Listener())
    [own], [opposite] = giou([NODULE], [LUNGS["left"]]), giou([LUNGS["left"]], [NODULE])
    assert figures["wrong_side_nearness_none"].value == pytest.approx(1 - own)
    assert figures["wrong_side_nearness_opposite"].value == pytest.approx(opposite - 1)
    assert figures["wrong_side_followed"].value == 1.0
    assert set(figures["wrong_side_followed"].baselines.values()) == {0.0}
    assert figures["wrong_side_probability_same"].value == pytest.approx(0.9)
    assert figures["wrong_side_probability_opposite"].value == pytest.approx(0.1)
    assert figures["wrong_side_probability_lower"].value == 1.0
    assert figures["wrong_side_followed"].samples == 3  # of the patients who have the finding


def test_who_does_not_listen_is_not_led_away():
    figures = figures_of("wrong-side", Deaf())
    assert figures["wrong_side_followed"].value == 0.0
    assert figures["wrong_side_nearness_opposite"].value == figures["wrong_side_nearness_none"].value
    assert figures["wrong_side_probability_lower"].value == 0.5


def test_precise_queries_find_more():
    figures = figures_of("query-precision", Listener())
    # three places of effusions and pneumonia in half of the patients, two in the others; only pneumonia is wider
    assert figures["query_precision_giou_zone"].value == pytest.approx(1.0)
    assert figures["query_precision_giou_name"].value == pytest.approx((6 + 6 * BETWEEN + 3) / 15)
    assert figures["query_precision_giou_synonym"].value == figures["query_precision_giou_name"].value
    assert figures["query_precision_giou_wider"].value == pytest.approx(1.0)
    assert figures["query_precision_giou_wider"].baselines["by the finding's name"] == pytest.approx(1.0)
    assert figures["query_precision_giou_wider"].samples == 3
    assert figures["query_precision_giou_name"].classes == {
        "pleural_effusion": pytest.approx((1 + BETWEEN) / 2), "pneumonia": pytest.approx(1.0),
    }  # fmt: skip


def test_sentences_by_kind_of_query():
    figures = figures_of("query-kinds", Listener())
    assert figures["query_kinds_stated_pathology_and_box"].value == 1.0
    assert figures["query_kinds_stated_pathology_in_anatomy"].value == 1.0
    assert figures["query_kinds_others_pathology"].value == 0.0
    assert figures["query_kinds_giou_pathology_in_anatomy"].value == pytest.approx(1.0)
    assert "query_kinds_giou_box" not in figures
    # what is said of another case is about the same finding for some of the cases
    assert 0.0 < figures["query_kinds_stated_box"].baselines["what is said of another case"] < 1.0
    assert "query_kinds_meteor_box" in create("query-kinds").gives


def test_prompt_sets_of_reports():
    figures = figures_of("report-prompts", Listener(), draws=20)
    for name in ("pathologies", "both"):
        assert figures[f"report_prompts_recall_{name}"].value == 1.0
    assert figures["report_prompts_sentences_anatomy"].value == 0.0  # it says nothing of regions
    assert figures["report_prompts_micro_f1_anatomy"].value == 0.0
    assert figures["report_prompts_sentences_pathologies"].value == 14.0
    assert figures["report_prompts_repeated_both"].value == 0.0


@pytest.mark.parametrize("name", chosen("interactive"))
def test_pictures_are_drawn_from_rows(name):
    task, rows = answered(name, Listener())
    drawn = task.pictures(rows)
    assert drawn
    for drawing in drawn.values():
        [axes] = drawing.axes
        shown = [*axes.collections, *axes.patches]
        assert axes.get_ylabel() and shown


def test_dots_are_the_cases():
    task, rows = answered("disambiguation", Listener())
    [axes] = task.pictures(rows)["disambiguation"].axes
    dots = [strip.get_offsets()[:, 1] for strip in axes.collections if len(strip.get_offsets()) == 12]
    assert len(dots) == 3
    np.testing.assert_allclose(dots[1], 1 - BETWEEN)


def test_an_example_shows_every_way_of_asking():
    task, rows = answered("wrong-side", Listener())
    examples = task.example(next(row for row in rows if row["cases"]))
    assert [example.asked for example in examples] == [
        "pneumonia", "pneumonia in the right lung", "pneumonia in the left lung",
    ]  # fmt: skip
    assert all(example.true == (NODULE,) for example in examples)
    assert [example.found[0].box for example in examples] == [NODULE, NODULE, LUNGS["left"]]
