"""Which reader reads, and what happens where METEOR's program is missing."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.evaluation.task import SpreadOf
from tests.jobs.evaluation.tasks.truth import Guessing, Knowing, figures_of, learned, rows_of

TASKS = {
    "report-generation": "report",
    "region-explanation-cig": "explanation_cig",
    "region-explanation-mscxr": "explanation_mscxr",
}


class LoudReader:
    """Finds an edema where anything is said in capitals, and nothing else."""

    name = "LoudReader"

    def __init__(self) -> None:
        self.asked = []

    def read_reports(self, reports):
        self.asked += reports
        return [{"Edema": 1} if " ".join(report).isupper() else {} for report in reports]


@pytest.mark.parametrize("name", TASKS)
def test_labels_are_read_by_whom_one_says(name):
    task, reader = learned(name), LoudReader()
    rows = rows_of(task, Knowing())
    figure = f"{TASKS[name]}_micro_f1"
    assert "read by the rule-based label reader" in task.figures(rows, SpreadOf())[figure].definition
    task.read_labels_with(reader)
    found = task.figures(rows, SpreadOf())[figure]
    assert "read by LoudReader" in found.definition
    assert found.value == 0.0 and len(reader.asked) == len(set(reader.asked))


@pytest.mark.parametrize("name", TASKS)
def test_without_its_program_there_is_no_meteor_but_a_reason(name):
    task = learned(name)
    figures = task.figures(rows_of(task, Knowing()), SpreadOf())
    assert task.left_out == {f"{TASKS[name]}_meteor": "no Java here"}
    assert not any("meteor" in figure for figure in figures)


def test_no_other_program_is_started_where_none_should_be():
    task = learned("report-generation")
    task.starts_programs = False
    assert "report_bleu_1" in task.figures(rows_of(task, Knowing()), SpreadOf()) and task.left_out == {}


def test_meteor_of_the_texts_and_of_every_baseline_is_asked_for_at_once(monkeypatch):
    asked = []

    def counts(texts, references):
        """As the program counts them, but equal words only, all in one piece, none of them a function word."""
        asked.append(len(texts))
        rows = np.zeros((len(texts), 23))
        for row, said, true in zip(rows, texts, references, strict=True):
            words = [set(text.rstrip(".").split()) for text in (said, true)]
            both = len(words[0] & words[1])
            row[[0, 1]] = len(words[0]), len(words[1])
            row[[4, 5]] = row[[21, 22]] = both
            row[20] = min(both, 1)
        return rows

    monkeypatch.setattr("jobs.evaluation.language_figures.meteor_counts", counts)
    figure = figures_of("region-explanation-mscxr", Knowing())["explanation_mscxr_meteor"]
    assert asked == [9 * 3]  # 9 boxes: what is generated, and two baselines
    assert figure.value == pytest.approx(1)
    assert figure.baselines == {
        "the commonest training sentence of the region": pytest.approx(0.26, abs=0.01),
        "the commonest training sentence of the region that states a finding": pytest.approx(1),
    }
    guessed = figures_of("region-explanation-mscxr", Guessing())["explanation_mscxr_meteor"]
    assert guessed.value < 0.1 and guessed.baselines == figure.baselines
