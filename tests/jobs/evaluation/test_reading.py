"""From the command line: another judge of facts, and published metrics of reports, also from stored texts."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from chex.metrics.fact_judges import rule_based_judge
from chex.metrics.report_metrics import INSTALL, METRICS, ReportMetricUnavailable
from jobs.evaluate import main
from jobs.evaluation.reading import Reading
from jobs.evaluation.recompute import recompute
from jobs.evaluation.report_metric_figures import report_metric_figures
from jobs.evaluation.run import evaluate
from jobs.evaluation.task import SpreadOf
from tests.chex.metrics.test_report_metrics import RadEval
from tests.jobs.evaluation.tasks.truth import Knowing, learned, rows_of
from tests.jobs.made_up_session import guesser
from tests.pipelines.small_shards import write_shards


@pytest.fixture
def radeval(monkeypatch):
    """The stand-in of the adapter's tests: the share of the reference's letters that are said."""
    module = ModuleType("radeval")
    module.RadEval = RadEval
    monkeypatch.setitem(sys.modules, "radeval", module)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """An evaluation of reports, without any of this."""
    shards = write_shards(tmp_path_factory.mktemp("shards"), {("words", "train"): 4, ("words", "test"): 4})
    place = tmp_path_factory.mktemp("evaluated") / "output"
    evaluate(guesser, shards, "report-generation,grounded-report", place, bootstrap=3, progress=False)
    return place


def again(evaluated, output, *arguments):
    command = ["--recompute", str(evaluated), "--output", str(output), "--no-plots", *arguments]
    assert main(command) == 0
    return json.loads((output / "figures.json").read_text())


def test_metrics_of_stored_reports(radeval, evaluated, tmp_path):
    before = json.loads((evaluated / "figures.json").read_text())["figures"]
    summary = again(evaluated, tmp_path, "--report-metrics", "radcliq, ratescore")
    assert set(summary["figures"]) - set(before) == {"report_radcliq", "report_ratescore"}
    for name in ("radcliq", "ratescore"):
        figure = summary["figures"][f"report_{name}"]
        assert figure["definition"] == METRICS[name].definition
        assert figure["samples"] == 4 and figure["draws"] == 3 and 0.9 < figure["value"] <= 1
        best = min if name == "radcliq" else max
        assert figure["baseline"] == best(figure["baselines"].values())
        assert len(set(figure["baselines"].values())) == 2


def test_they_are_counted_by_hand(radeval):
    task = learned("report-generation")
    task.measure_reports_with(["ratescore"])
    figures = task.figures(rows_of(task, Knowing()), SpreadOf(2))
    assert set(task.gives) == set(figures) | set(task.left_out) and "report_ratescore" in task.gives
    figure = figures["report_ratescore"]
    assert figure.value == 1.0 and figure.spread.std == 0
    true = [set(" ".join(row["reference"])) for row in rows_of(task, Knowing())]
    shares = [len(set("The heart is enlarged.") & letters) / len(letters) for letters in true]
    assert figure.baselines["the commonest training report"] == pytest.approx(sum(shares) / len(shares))


def test_weights_that_cannot_be_loaded_leave_the_figure_out(radeval, evaluated, tmp_path, monkeypatch):
    def fail(self, **_):
        raise OSError("offline")

    monkeypatch.setattr(RadEval, "__init__", fail)
    summary = again(evaluated, tmp_path, "--report-metrics", "green")
    assert "offline" in summary["left_out"]["report_green"] and "report_green" not in summary["figures"]


def test_without_the_extra_nothing_starts(evaluated, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "radeval", None)
    new = ["--model", "nowhere", "--data", "nowhere", "--output", str(tmp_path / "new")]
    for command in (new, ["--recompute", str(evaluated), "--output", str(tmp_path / "new")]):
        assert main([*command, "--report-metrics", "green"]) == 2
        assert INSTALL in capsys.readouterr().err
        assert not list(tmp_path.iterdir())
    assert main([*new, "--report-metrics", "rouge"]) == 2
    assert "one of radgraph_f1, radcliq, ratescore, green; found 'rouge'" in capsys.readouterr().err


def test_a_model_judges_facts(evaluated, tmp_path, monkeypatch):
    asked = []

    class Model:
        def __init__(self, folder, device):
            asked.append((folder.name, device))

        def __call__(self, questions):
            return [True] * len(questions)

    monkeypatch.setattr("chex.metrics.nli.NliModel", Model)
    folder = tmp_path / "a-judge"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    figures = again(evaluated, tmp_path, "--judge", str(folder), "--device", "cpu")["figures"]
    assert asked == [("a-judge", "cpu")]
    for name in ("logical_precision", "logical_recall"):
        figure = figures[f"grounded_report_{name}"]
        assert figure["value"] == 1.0 and "entailment: NLI model a-judge;" in figure["definition"]
    rules = json.loads((evaluated / "figures.json").read_text())["figures"]["grounded_report_logical_precision"]
    assert rules["value"] < 1.0 and "rule-based" in rules["definition"]


def test_a_judge_has_to_be_there(evaluated, tmp_path, capsys):
    assert main(["--recompute", str(evaluated), "--judge", str(tmp_path)]) == 2
    assert "there is no config.json" in capsys.readouterr().err


def test_without_texts_or_metrics_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "radeval", None)
    assert report_metric_figures("report", None, (), SpreadOf()) == ({}, {})
    with pytest.raises(ReportMetricUnavailable, match="green needs radeval"):
        from chex.metrics.report_metrics import require_report_metrics

        require_report_metrics(["green"])


def test_a_reading_that_no_task_would_do_is_refused(radeval, tmp_path, capsys):
    shards = write_shards(tmp_path / "shards", {("words", "train"): 4, ("words", "test"): 4})
    with pytest.raises(ValueError, match=r"--report-metrics is of no use to the tasks asked for \(grounded-report\)"):
        evaluate(guesser, shards, "grounded-report", reading=Reading(report_metrics=("green",)), progress=False)
    evaluate(guesser, shards, "report-generation", tmp_path / "output", progress=False)
    judged = Reading(facts=rule_based_judge())
    with pytest.raises(ValueError, match="--judge"):
        recompute(tmp_path / "output", reading=judged)
    judged.check(("report-generation", "grounded-report"))
