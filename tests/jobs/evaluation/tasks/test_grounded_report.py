"""RadFact's figures on made-up patients: sentences and places that are right, wrong, or the commonest ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyarrow import Table

from chex.metrics.fact_judges import EntailmentJudge
from chex.records import Annotations, Finding, ScoredBox
from jobs.evaluation.placed_sentences import placed_sentences
from jobs.evaluation.task import ALL_PARTS, SpreadOf
from jobs.evaluation.tasks import create
from tests.jobs.evaluation.tasks.truth import NOWHERE, SAMPLES, TRAIN, Guessing, Knowing, figures_of, learned, rows_of

NAME = "grounded-report"
DIRECTIONS = ("precision", "recall")


class Placing(Knowing):
    """Says every sentence of the reference, at its boxes or somewhere else."""

    def __init__(self, box=None) -> None:
        super().__init__()
        self._box = box

    def compose(self, answers, sentences):
        findings = []
        for placed in placed_sentences(SAMPLES[answers[0].number].annotations):
            boxes = placed.boxes if self._box is None else (self._box,)
            findings.append(Finding(answers[0].query, tuple(ScoredBox(b, 0.9) for b in boxes), placed.sentence))
        return tuple(findings), sentences[0]


def values(figures, what):
    return [figures[f"grounded_report_{what}_{which}"].value for which in DIRECTIONS]


def commonest(task):
    [[said]] = task._baselines(1)["the commonest training report, at mean training boxes"]
    return said


def test_whoever_says_and_shows_the_truth_is_perfect():
    figures = figures_of(NAME, Placing(), draws=5)
    assert set(figures) == set(create(NAME).gives) and create(NAME).asks_for <= ALL_PARTS
    for figure in figures.values():
        assert figure.value == pytest.approx(1.0) and figure.samples == len(SAMPLES)
        assert figure.spread.std == 0 and "entailment: judge by the rule-based label reader" in figure.definition


def test_true_sentences_at_wrong_places():
    figures = figures_of(NAME, Placing(NOWHERE))
    assert values(figures, "logical") == [1, 1]
    assert values(figures, "grounding") == values(figures, "spatial") == [0, 0]


def test_wrong_sentences_are_nowhere_right():
    figures = figures_of(NAME, Guessing())
    assert values(figures, "logical") == values(figures, "spatial") == [0, 0]
    assert np.isnan(values(figures, "grounding")).all()
    assert [figures[f"grounded_report_grounding_{which}"].samples for which in DIRECTIONS] == [0, 0]


def test_the_baseline_by_hand():
    """The four kinds of training reports are equally common: the first in the alphabet is the large heart."""
    figures = figures_of(NAME, Guessing())
    name = "the commonest training report, at mean training boxes"
    for what, expected in (("logical", 3 / 12), ("grounding", 1.0), ("spatial", 3 / 12)):
        for which in DIRECTIONS:
            assert figures[f"grounded_report_{what}_{which}"].baselines[name] == pytest.approx(expected)
    task = learned(NAME)
    heart = commonest(task)
    assert heart.phrase == "The heart is enlarged."
    hearts = [s.annotations.pathology_boxes[0].box for s in TRAIN if s.annotations.sentences == (heart.phrase,)]
    assert heart.boxes == (pytest.approx(tuple(np.mean(hearts, axis=0))),)


def test_random_training_reports_are_the_second_baseline():
    figure = figures_of(NAME, Guessing())["grounded_report_logical_recall"]
    name = "a random training report, at mean training boxes"
    task = learned(NAME)
    drawn = task._baselines(len(SAMPLES))[name]
    same = [s.annotations.sentences == (said.phrase,) for s, [said] in zip(SAMPLES, drawn, strict=True)]
    assert len({said.phrase for [said] in drawn}) > 2 and 0 < sum(same) < len(same)
    assert figure.baselines[name] == pytest.approx(np.mean(same))
    assert figure.baseline == max(figure.baselines, key=figure.baselines.get)


def test_boxes_of_regions_are_their_mean_training_boxes():
    task = create(NAME)
    clear = [sample for sample in TRAIN if sample.annotations.sentences == ("The lungs are clear.",)]
    for sample in clear:
        task.learn(sample)
    said = commonest(task)
    means = [np.mean([s.annotations.anatomy[place].box for s in clear], axis=0) for place in (0, 1)]
    assert said.boxes == tuple(pytest.approx(tuple(mean)) for mean in means)


def test_figures_follow_from_stored_rows_and_notes_and_another_judge():
    task = learned(NAME)
    rows = rows_of(task, Placing(NOWHERE))
    again = create(NAME)
    again.recall(json.loads(json.dumps(task.row_notes())))
    stored = Table.from_pylist(rows).to_pylist()
    first, second = (t.figures(r, SpreadOf(3)) for t, r in ((task, rows), (again, stored)))
    assert json.dumps({k: f.as_dict() for k, f in first.items()}) == json.dumps(
        {k: f.as_dict() for k, f in second.items()}
    )
    again.judge_facts_with(EntailmentJudge(lambda questions: [False] * len(questions), "nay-sayer"))
    figures = again.figures(stored, SpreadOf())
    assert values(figures, "logical") == [0, 0]
    assert all("entailment: nay-sayer;" in figure.definition for figure in figures.values())


def test_without_training_data_and_without_boxes():
    task = create(NAME)
    figures = task.figures(rows_of(task, Guessing()), SpreadOf())
    assert np.isnan(figures["grounded_report_logical_precision"].as_dict()["baseline"] or np.nan)
    assert not task.wants(type(SAMPLES[0])(SAMPLES[0].study, Annotations(), b"", 8, 8, 8, 8))


def test_a_report_that_two_tasks_ask_for_is_written_once():
    from jobs.evaluation.predicting import predict_batch

    class Counting(Placing):
        described = 0

        def describe(self, answers):
            Counting.described += len(answers)
            return super().describe(answers)

    tasks = {name: create(name) for name in (NAME, "report-generation")}
    rows = predict_batch(tasks, Counting(), SAMPLES[:5])
    assert Counting.described == 5
    assert [row["sentences"] for row in rows[NAME]] == [row["sentences"] for row in rows["report-generation"]]
