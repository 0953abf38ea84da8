from __future__ import annotations

import json

import numpy as np
import pytest
from pyarrow import parquet

from chex import vocabulary
from chex.metrics.detection import paired_iou
from chex.metrics.meteor import MeteorMissing
from jobs.evaluate import main
from jobs.evaluation.figure import Figure
from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.run import evaluate, learn
from jobs.evaluation.summary import as_table
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.tasks import chosen, create, task_names
from tests.jobs.oracle import TEST, TRAIN, Oracle
from tests.pipelines.small_shards import write_shards

NAMES = (
    "anatomy-localization",
    "image-classification",
    "pathology-detection",
    "region-classification",
    "report-generation",
)


@pytest.fixture(scope="module", autouse=True)
def no_meteor():
    """Java takes seconds to start."""

    def missing():
        raise MeteorMissing("no Java here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chex.metrics.meteor._java", missing)
        yield


def predict(tasks, session, samples, batch_size=5):
    rows = {name: [] for name in tasks}
    for start in range(0, len(samples), batch_size):
        for name, found in predict_batch(tasks, session, samples[start : start + batch_size]).items():
            rows[name] += found
    return rows


def figures_of(session, spread=None, batch_size=5):
    tasks = {name: create(name) for name in NAMES}
    learn(tasks, TRAIN)
    rows = predict(tasks, session, TEST, batch_size)
    figures = {}
    for name, task in tasks.items():
        figures |= task.figures(rows[name], spread or SpreadOf())
    return figures, rows


def test_whoever_knows_everything_is_perfect():
    figures, _ = figures_of(Oracle())
    for name in ("anatomy_mean_iou", "pathology_map", "region_auroc", "region_auroc_pooled", "image_auroc", "image_ap"):
        assert figures[name].value == pytest.approx(1.0), name
    assert figures["report_micro_f1"].value == figures["report_micro_f1_5_plus"].value == 1.0
    assert all(figure.samples == 12 and figure.definition for figure in figures.values())


def test_wrong_boxes_score_nothing():
    figures, _ = figures_of(Oracle(wrong_boxes=True))
    assert figures["anatomy_mean_iou"].value == 0.0
    assert figures["pathology_map"].value == 0.0
    assert figures["image_auroc"].value == 1.0


def test_baselines_are_what_their_names_say():
    figures, _ = figures_of(Oracle())

    def iou_of_mean(chosen_samples, box_of):
        mean = np.mean([box_of(s) for s in chosen_samples[0]], axis=0)
        return paired_iou([mean] * len(chosen_samples[1]), [box_of(s) for s in chosen_samples[1]])

    both = [iou_of_mean((TRAIN, TEST), lambda s, i=i: s.annotations.anatomy[i].box) for i in (0, 1)]
    anatomy = figures["anatomy_mean_iou"]
    assert anatomy.baselines[anatomy.baseline] == pytest.approx(np.mean(both))
    assert figures["region_auroc"].baselines == {"how often the region has the label": 0.5}
    assert figures["image_auroc"].baselines[figures["image_auroc"].baseline] == 0.5
    assert figures["image_ap"].baselines == {"the same score for every image": pytest.approx(4 / 12)}
    # four of twelve test images have the one box; the baseline answers on all twelve with the same score
    detection = figures["pathology_map"]
    assert 0.2 < detection.baselines[detection.baseline] < 0.7


def test_baselines_of_reports():
    figures, _ = figures_of(Oracle())
    baselines = figures["report_micro_f1"].baselines
    # the commonest states "No Finding": right on eight of twelve, so F1 = 2·8 / (12 + 12)
    assert baselines["the commonest training report"] == pytest.approx(2 * 8 / 24)
    # 7 of 20 training reports state an effusion, 4 of 12 test reports do
    expected = (7 / 20) * (4 / 12) + (13 / 20) * (8 / 12)
    assert baselines["a random training report"] == pytest.approx(expected, abs=0.1)
    assert figures["report_micro_f1"].baseline == "the commonest training report"


def test_the_batch_changes_nothing_and_every_image_is_encoded_once():
    one, many = Oracle(), Oracle()
    assert figures_of(one, batch_size=1)[1] == figures_of(many, batch_size=12)[1]
    assert one.encoded == many.encoded == 12


def test_nothing_is_asked_twice():
    session = Oracle()
    tasks = {"image-classification": create("image-classification")}
    predict(tasks, session, TEST)
    assert session.asked == 12  # both label sets mean the same finding
    tasks |= {"pathology-detection": create("pathology-detection")}
    predict(tasks, session, TEST)
    assert session.asked == 12 + 12 * len(vocabulary.load().labels_of("vindr"))


def test_the_bootstrap_gives_every_figure_a_spread():
    figures, _ = figures_of(Oracle(), SpreadOf(draws=20))
    assert all(figure.spread and figure.spread.draws > 0 for figure in figures.values())
    assert figures["report_micro_f1"].as_dict()["std"] == 0.0


def test_tasks_are_found_by_their_file():
    assert task_names() == chosen("all")
    assert set(NAMES) <= set(task_names())
    assert {"region-classification", "report-generation"} < set(chosen("paper")) < set(task_names())
    assert chosen("report-generation, anatomy-localization") == ("report-generation", "anatomy-localization")
    for wrong in ("segmentation", "", "all,"):
        with pytest.raises(ValueError, match="anatomy-localization"):
            chosen(wrong)


def test_figures_without_a_value_are_null():
    written = Figure(float("nan"), {"nothing": 0.5}, "nothing", "of nothing", 0).as_dict()
    assert written["value"] is None and "std" not in written
    assert "| empty | – | 0.500 (nothing) | 0 | of nothing |" in as_table({"empty": written})
    with pytest.raises(ValueError, match="no baseline"):
        Figure(1.0, {}, "nothing", "of nothing", 0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    counts = {("made-up", "train"): 12, ("words", "train"): 6, ("made-up", "test"): 6, ("words", "test"): 4}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


@pytest.fixture(scope="module")
def evaluated(shards, tiny_model_dir, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated")
    arguments = ["--model", str(tiny_model_dir), "--data", shards, "--output", str(output), "--bootstrap", "10"]
    arguments += ["--tracking-uri", "none", "--no-plots"]
    assert main([*arguments, "--device", "cpu", "--batch-size", "4"]) == 0
    return output


def test_the_command_writes_figures_predictions_and_a_table(evaluated, tiny_model):
    summary = json.loads((evaluated / "figures.json").read_text())
    for name in ("anatomy_mean_iou", "pathology_map", "region_auroc", "report_micro_f1", "image_auroc"):
        figure = summary["figures"][name]
        assert {"value", "baseline", "baselines", "definition", "samples"} <= set(figure)
        assert name in (evaluated / "table.md").read_text()
    assert summary["figures"]["anatomy_mean_iou"]["samples"] == 10
    assert summary["figures"]["report_micro_f1"]["samples"] == 4  # only one of the two datasets has sentences
    assert summary["model"]["model_name"] == tiny_model.config.name and summary["model"]["weights_sha256"]
    assert not set(summary["left_out"]) & set(NAMES)


def test_the_figures_can_be_computed_again_from_the_predictions(evaluated):
    written = json.loads((evaluated / "figures.json").read_text())["figures"]
    rows = parquet.read_table(evaluated / "predictions" / "anatomy-localization.parquet").to_pylist()
    overlaps = [paired_iou(row["boxes"], row["targets"]) for row in rows]
    assert np.concatenate(overlaps).mean() == pytest.approx(written["anatomy_mean_iou"]["value"], abs=1e-9)
    table = parquet.read_table(evaluated / "predictions" / "region-classification.parquet")
    labels = json.loads(table.schema.metadata[b"labels"])
    assert all(len(values) == len(labels) for row in table.to_pylist() for values in row["probabilities"])


def test_what_a_split_cannot_measure_is_said(shards, tiny_model, tmp_path):
    only_words = write_shards(tmp_path, {("made-up", "train"): 2, ("made-up", "test"): 2})
    summary = evaluate(tiny_model, only_words, progress=False)
    assert summary["left_out"]["report-generation"] == "no sample of split test has report sentences"
    assert "report_micro_f1" not in summary["figures"]
    with pytest.raises(ValueError, match="report sentences"):
        evaluate(tiny_model, only_words, "report-generation", progress=False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--tasks": "segmentation"}, "anatomy-localization"),
        ({"--bootstrap": "-1"}, "bootstrap"),
        ({"--batch-size": "0"}, "batch size"),
        ({"--split": "validate"}, "validate"),
        ({"--model": "nowhere"}, "nowhere"),
        ({"--data": "nowhere"}, "nowhere"),
    ],
)
def test_bad_arguments_end_with_a_message(changed, message, shards, tiny_model_dir, tmp_path, capsys):
    arguments = {"--model": str(tiny_model_dir), "--data": shards, "--output": str(tmp_path), "--tracking-uri": "none"}
    arguments |= changed
    assert main([word for pair in arguments.items() for word in pair]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
