"""Every task of the paper: who knows the truth reaches the most, who does not see the image reaches no baseline."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pyarrow import Table

from jobs.evaluation.task import ALL_PARTS, SpreadOf
from jobs.evaluation.tasks import create
from tests.jobs.evaluation.tasks.truth import SAMPLES, Guessing, Knowing, figures_of, learned, rows_of

BOX_TASKS = {
    "sentence-grounding": ("grounding_miou", "grounding_map"),
    "detection-vindr": ("detection_vindr_map",),
    "detection-nih8": ("detection_nih8_map",),
    "detection-mscxr": ("detection_mscxr_map",),
}
RANK_TASKS = {"region-classification-mscxr": ("region_mscxr_auroc",), "region-classification": ("region_auroc",)}
TEXT_TASKS = {
    "region-explanation-mscxr": ("explanation_mscxr_micro_f1",),
    "region-explanation-cig": ("explanation_cig_micro_f1", "explanation_cig_bleu_4", "explanation_cig_rouge_l"),
    "report-generation": ("report_micro_f1", "report_example_f1", "report_bleu_1", "report_rouge_l"),
}
ALL = BOX_TASKS | RANK_TASKS | TEXT_TASKS
WITH_BOXES, ALL_SAMPLES = 9, 12  # three of four patients have a finding
OF_BOXES = {"sentence-grounding", "detection-nih8", "detection-mscxr", "region-classification-mscxr",
           "region-explanation-mscxr"}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_whoever_knows_the_truth_is_perfect(name):
    figures = figures_of(name, Knowing())
    for figure in ALL[name]:
        assert figures[figure].value == pytest.approx(1.0), figure
        assert figures[figure].samples == (WITH_BOXES if name in OF_BOXES else ALL_SAMPLES)


@pytest.mark.parametrize("name", ALL)
def test_whoever_guesses_is_no_better_than_a_baseline(name):
    figures = figures_of(name, Guessing())
    for figure in ALL[name]:
        found = figures[figure]
        assert found.value <= found.baselines[found.baseline] and found.value < 1, figure
        assert found.baselines[found.baseline] == max(found.baselines.values())


@pytest.mark.parametrize("name", ALL)
def test_a_task_says_what_it_gives_and_needs(name):
    task = learned(name)
    figures = task.figures(rows_of(task, Knowing()), SpreadOf(5))
    assert set(task.gives) == set(figures) | set(task.left_out)
    assert task.asks_for and task.asks_for <= ALL_PARTS and task.needs
    for figure in figures.values():
        assert figure.spread is not None and figure.spread.draws > 0
        assert "more is better" in figure.definition


@pytest.mark.parametrize("name", ALL)
def test_figures_follow_from_stored_rows_and_notes(name):
    task = learned(name)
    rows = rows_of(task, Knowing())
    again, notes = create(name), json.loads(json.dumps(task.row_notes()))
    again.recall(notes)
    stored = Table.from_pylist(rows).to_pylist()
    options = {**json.loads(json.dumps(task.tune(rows)))}
    first, second = (t.figures(r, SpreadOf(3), options) for t, r in ((task, rows), (again, stored)))
    assert {k: f.as_dict() for k, f in first.items()} == {k: f.as_dict() for k, f in second.items()}


@pytest.mark.parametrize("name", ["sentence-grounding", "region-explanation-mscxr", "detection-vindr"])
def test_the_batch_changes_nothing(name):
    task = learned(name)
    assert rows_of(task, Knowing(), batch_size=1) == rows_of(task, Knowing(), batch_size=12)


@pytest.mark.parametrize(("name", "chance"), [("region-classification-mscxr", 0.5), ("region-classification", 0.5)])
def test_the_same_answer_for_everything_is_chance(name, chance):
    figures = figures_of(name, Guessing())
    assert figures[RANK_TASKS[name][0]].value == pytest.approx(chance)


@pytest.mark.parametrize("name", sorted(RANK_TASKS) + ["image-classification"])
def test_probabilities_and_what_was_true_for_a_reliability_curve(name):
    task = learned(name)
    scores, true = task.reliability(rows_of(task, Knowing()))
    assert scores.shape == true.shape and set(np.unique(true)) <= {0, 1}
    assert scores[true == 1].min() > scores[true == 0].max()


@pytest.mark.parametrize("name", sorted(BOX_TASKS))
def test_pictures_show_true_boxes_beside_the_found_ones(name):
    task = learned(name)
    shown = [example for row in rows_of(task, Knowing()) for example in task.example(row)]
    assert len(shown) == WITH_BOXES
    assert all(example.true == tuple(scored.box for scored in example.found if scored.score > 0.3) for example in shown)


@pytest.mark.parametrize("name", ["detection-vindr", "detection-nih8", "detection-mscxr"])
def test_rows_keep_all_boxes_with_their_own_scores_and_the_probabilities_of_classes(name):
    task = learned(name)
    [row] = rows_of(task, Knowing(), SAMPLES[:1])  # an effusion on the right
    place = next(i for i, label in enumerate(task.classes) if label.lower().endswith("effusion"))
    assert row["probabilities"][place] == 0.9 and row["probabilities"][place - 1] == 0.1
    assert [box["score"] for box in row["candidates"] if box["label"] == task.classes[place]] == [0.8, 0.6, 0.01]
    assert {target["label"] for target in row["targets"]} == {task.classes[place]}


def test_a_box_that_two_phrases_share_counts_once():
    said = SAMPLES[0].annotations
    [phrase] = said.grounded
    twice = replace(said, grounded=(phrase, replace(phrase, phrase="Effusion"), replace(phrase, label=None)))
    for name in ("detection-mscxr", "region-classification-mscxr"):
        [row] = rows_of(create(name), Knowing(), [replace(SAMPLES[0], annotations=twice)])
        assert len(row["targets" if "targets" in row else "boxes"]) == 1
    [row] = rows_of(create("sentence-grounding"), Knowing(), [replace(SAMPLES[0], annotations=twice)])
    assert len(row["phrases"]) == 3
