"""What an evaluation leaves: the table beside the paper's, pictures, a run in MLflow."""

from __future__ import annotations

import io
import uuid

import numpy as np
import pytest
from PIL import Image

from jobs.evaluation.paper import published_figures
from jobs.evaluation.plots import write_plots
from jobs.evaluation.plots.class_bars import class_bars
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.recompute import recompute
from jobs.evaluation.run import evaluate
from jobs.evaluation.summary import as_page
from jobs.evaluation.tasks import chosen, create
from jobs.evaluation.tracking import metrics_of, tell_mlflow
from jobs.training.tracking import Tracking
from pipelines.output_folder import OutputFolder
from tests.jobs.made_up_session import guesser
from tests.pipelines.small_shards import write_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    counts = {("made-up", "train"): 4, ("made-up", "test"): 12}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def summary(shards, output):
    tasks = "detection-vindr,image-classification,region-classification"
    return evaluate(guesser, shards, tasks, output, bootstrap=5, progress=False)


def test_every_row_of_the_paper_is_a_figure_of_one_task():
    rows = published_figures()
    assert len(rows) == 19 and len({row.task for row in rows}) == 5
    given = [figure for name in chosen("all") for figure in create(name).gives]
    assert all(given.count(row.figure) == 1 for row in rows)
    assert len(chosen("paper")) == 9
    assert {row.figure: (row.chex, row.baseline) for row in rows}["detection_vindr_map"] == (14.12, 18.21)


def test_the_table_groups_figures_as_the_paper_does(summary):
    page = as_page(summary)
    [row] = [line for line in page.splitlines() if line.startswith("| VinDr-CXR, mAP |")]
    value = summary["figures"]["detection_vindr_map"]
    assert f"**{value['value']:.3f} ± {value['std']:.3f}**" in row
    assert "| 0.141 ± 0.009 | 0.182 ± 0.012 (supervised detector) |" in row and "mean box" in row
    assert page.index("### Pathology detection") < page.index("### Region classification") < page.index("of our own")
    assert "phantoms" in page and "| image_auroc |" in page
    assert "Sentence grounding" not in page
    assert "Tuned for detection-vindr on the validation split" in page


def test_pictures_show_classes_reliability_and_examples(summary, output, shards, tmp_path):
    folder = OutputFolder(str(tmp_path))
    figure = summary["figures"]["image_auroc"] | {"classes": {"a": 0.3, "b": 0.9}, "class_std": {"a": 0.1, "b": None}}
    shown = {**summary, "figures": {**summary["figures"], "image_auroc": figure}}
    names = write_plots(Predictions(OutputFolder(str(output))), shown, folder, shards)
    assert set(names) == {
        "plots/classes-image_auroc.png",
        "plots/reliability-image-classification.png",
        "plots/reliability-region-classification.png",
        "plots/examples-detection-vindr.png",
    }
    for name in names:
        pixels = np.asarray(Image.open(io.BytesIO(folder.read(name))))
        assert min(pixels.shape[:2]) > 300 and len(np.unique(pixels[..., 0])) > 20, name
    without = write_plots(Predictions(OutputFolder(str(output))), shown, folder)
    assert set(names) - set(without) == {"plots/examples-detection-vindr.png"}


def test_bars_of_negative_classes_are_seen_and_the_baseline_is_named():
    figure = {"value": -0.4, "baseline": -0.9, "baselines": {"a guess": 0.2, "the mean box": -0.9}, "samples": 9}
    figure |= {"definition": "gIoU", "classes": {"mass": -0.7, "edema": 0.1}, "class_std": {"mass": 0.3}, "draws": 9}
    [axes] = class_bars("giou", figure).axes
    assert axes.get_xlim()[0] < -1.0 and axes.get_xlim()[1] > 1.0
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["all classes: -0.400", "all classes, the mean box: -0.900"]


def test_mlflow_is_told_once_however_often(summary, output, tmp_path, caplog):
    from mlflow import MlflowClient

    uri, folder = f"sqlite:///{tmp_path / 'mlflow.db'}", OutputFolder(str(output))
    tracking = Tracking(uri, experiment="trial")
    for _ in range(2):
        tell_mlflow(folder, summary, tracking)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("chex-ray")
    runs = client.search_runs([experiment.experiment_id], "tags.stage = 'evaluation'")
    assert len(runs) == 1 and runs[0].info.status == "FINISHED"
    figure = summary["figures"]["image_auroc"]
    assert runs[0].data.metrics["image_auroc"] == pytest.approx(figure["value"])
    assert runs[0].data.metrics["image_auroc_std"] == pytest.approx(figure["std"])
    assert runs[0].data.params["model.model_name"] == "guesser"
    assert runs[0].data.tags["mlflow.parentRunId"]
    artifacts = {file.path for file in client.list_artifacts(runs[0].info.run_id)}
    assert artifacts == {"figures.json", "table.md", "evaluation.json", "predictions"}
    assert not caplog.records


def test_the_output_may_lie_in_a_store(summary, shards):
    place = f"memory://{uuid.uuid4().hex}/evaluation"
    stored = evaluate(guesser, shards, ",".join(summary["tasks"]), place, bootstrap=5, progress=False)
    assert stored["figures"] == summary["figures"]
    assert recompute(place)["figures"] == summary["figures"]
    assert {"figures.json", "table.md"} < set(OutputFolder(place).files())


def test_an_mlflow_that_is_away_costs_a_warning(summary, output, caplog, monkeypatch):
    def away(self):
        raise ConnectionError("nobody there")

    monkeypatch.setattr("jobs.evaluation.tracking.MlflowRun.open", away)
    tell_mlflow(OutputFolder(str(output)), summary, Tracking("http://user:secret@nowhere"))
    assert "nobody there" in caplog.text and "secret" not in caplog.text


def test_figures_without_a_value_are_no_metrics():
    figures = {"a": {"value": None, "baseline": 0.5, "samples": 3}, "b": {"value": 0.2, "baseline": None, "samples": 3}}
    assert metrics_of(figures) == {"b": 0.2, "b_samples": 3.0}
