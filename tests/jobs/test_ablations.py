"""The ablations: which stages run, what is never done twice, and the table that comes of them."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from chex.config import ConfigError
from chex.model.chex import Chex
from jobs import ablations
from jobs.comparison import runs
from jobs.comparison.runs import Comparison, compare
from jobs.comparison.table import as_table, summarised
from jobs.evaluation import run as evaluation
from jobs.evaluation.tasks import chosen
from jobs.training import driver
from tests.pipelines.small_shards import write_shards


class Interrupted(Exception):
    pass


@pytest.fixture
def trained(monkeypatch):
    """Stands in for training and evaluation, and tells what was asked of them; `stop_at` interrupts an evaluation."""
    asked: list[tuple] = []

    def train(config, *, output, init, resume, experiment, **_):
        assert resume
        trained.experiments += [experiment] if experiment else []
        parent, stage = output.parts[-2:]
        asked.append((config.seed, parent, stage, None if init is None else init.rsplit("/", 2)[-2:]))
        assert config.stage == stage

    def evaluate(model, data, tasks, output, **_):
        name = output.parts[-2]
        asked.append((name, tasks))
        if (output.parts[-3], name) == getattr(trained, "stop_at", None):
            raise Interrupted
        output.mkdir(parents=True)
        value = {"full": 0.5}.get(name, 0.25) + int(output.parts[-3].removeprefix("seed-")) / 10
        summary = {"figures": {"detection_vindr_map": {"value": value, "baseline": 0.1}}, "model": {"training": []}}
        (output / "figures.json").write_text(json.dumps(summary))
        return summary

    monkeypatch.setattr(driver, "train", train)
    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    trained.asked, trained.experiments = asked, []
    return trained


def comparison(tmp_path, **changes) -> Comparison:
    usual = {"data": "shards", "output": tmp_path / "out", "names": ("full", "without-boxes"), "seeds": (0, 1)}
    return Comparison(**{**usual, **changes})


def test_shared_stages_run_once_per_seed_and_own_ones_for_each_experiment(trained, tmp_path):
    compare(comparison(tmp_path, seeds=(4,)))
    assert trained.asked[:5] == [
        (4, "start", "contrastive", None),
        (4, "start", "sentences", ["start", "contrastive"]),
        (4, "full", "detector", ["start", "sentences"]),
        (4, "full", "post-decoder", ["full", "detector"]),
        (4, "full", "generator", ["full", "post-decoder"]),
    ]
    assert trained.asked[5] == ("full", "all")
    assert trained.asked[6] == (4, "without-boxes", "detector", ["start", "sentences"])


def test_a_given_start_and_an_early_end_leave_stages_out(trained, tmp_path):
    compare(comparison(tmp_path, seeds=(0,), names=("one-box",), last_stage="detector", init="runs/contrastive"))
    (*_, stage, start), (name, tasks) = trained.asked
    assert (stage, start, name) == ("detector", ["runs", "contrastive"], "one-box")
    assert tasks == "without-text"
    assert {"pathology-detection", "region-classification"} < set(chosen(tasks)) < set(chosen("all"))
    assert not {"report-generation", "grounded-report", "region-explanation-cig"} & set(chosen(tasks))


def test_what_is_finished_is_not_done_again(trained, tmp_path):
    asked_for = comparison(tmp_path, last_stage="detector", init="runs/contrastive")
    trained.stop_at = ("seed-1", "full")
    with pytest.raises(Interrupted):
        compare(asked_for)
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| full | 1 | 0.500 |" in table and "| without-boxes | 1 | 0.250 (−0.250) |" in table
    with pytest.raises(FileExistsError, match="go on with it"):
        compare(asked_for)
    del trained.stop_at
    trained.asked.clear()
    results = compare(asked_for, resume=True)
    assert [asked[:2] for asked in trained.asked if len(asked) == 4] == [(1, "full"), (1, "without-boxes")]
    assert [(r["seed"], r["name"]) for r in results["runs"]] == [
        (0, "full"), (0, "without-boxes"), (1, "full"), (1, "without-boxes"),
    ]  # fmt: skip
    trained.asked.clear()
    assert compare(asked_for, resume=True) == results == json.loads((tmp_path / "out" / "results.json").read_text())
    assert not trained.asked


def test_seeds_and_experiments_may_be_added_to_what_is_finished(trained, tmp_path):
    compare(comparison(tmp_path, seeds=(0,), names=("full",)))
    trained.asked.clear()
    results = compare(comparison(tmp_path), resume=True)
    assert [asked[0] for asked in trained.asked if len(asked) == 2] == ["without-boxes", "full", "without-boxes"]
    assert len(results["runs"]) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effort": 0.5}, "effort: the interrupted run has 1.0, found 0.5"),
        ({"data": "others"}, "data: the interrupted run has '.*shards', found 'others'"),
        ({"init": "runs/contrastive"}, "init: the interrupted run has None, found 'runs/contrastive'"),
        ({"last_stage": "detector"}, "last_stage: the interrupted run has 'generator', found 'detector'"),
        ({"overrides": ("data.batch_size=16",)}, r"overrides: the interrupted run has \[\], found \['data"),
    ],
)
def test_a_table_is_of_one_kind_of_runs(changes, message, trained, tmp_path):
    usual = {"data": str(tmp_path / "shards"), "seeds": (0,)}
    compare(comparison(tmp_path, **usual))
    trained.asked.clear()
    with pytest.raises(ConfigError, match=message):
        compare(comparison(tmp_path, **{**usual, "seeds": (0, 1), **changes}), resume=True)
    assert not trained.asked


def test_data_that_were_converted_anew_are_other_data(trained, tmp_path):
    manifest = tmp_path / "shards" / "manifest.json"
    manifest.parent.mkdir()
    asked_for = comparison(tmp_path, data=str(manifest.parent))
    manifest.write_text(json.dumps({"rows": {"words": {"train": 1}}, "data_sha256": "a"}))
    compare(asked_for)
    manifest.write_text(json.dumps({"rows": {"words": {"train": 1}}, "data_sha256": "b"}))
    with pytest.raises(ConfigError, match="data_sha256: the interrupted run has 'a', found 'b'"):
        compare(asked_for, resume=True)


def test_the_command_refuses_to_go_on_with_other_settings(trained, tmp_path):
    common = ["--data", "shards", "--output", str(tmp_path / "out"), "--only", "full", "--tracking-uri", "none"]
    assert ablations.main([*common, "--seeds", "0"]) == 0
    assert ablations.main([*common, "--seeds", "0,1", "--resume"]) == 0
    assert ablations.main([*common, "--seeds", "0,1", "--effort", "0.5", "--resume"]) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("without-wings",)}, "no ablation without-wings; there are full, one-box, without-anatomy-tokens"),
        ({"effort": 0.0}, "effort"),
        ({"seeds": ()}, "at least one"),
        ({"overrides": ("objective.weights.boxes=0",)}, "objective.weights.boxes: no such key"),
        ({"preset": "huge"}, "no experiment huge-"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(changes, message, trained, tmp_path):
    with pytest.raises(ValueError, match=message):
        compare(comparison(tmp_path, **changes))
    assert not trained.asked and not (tmp_path / "out").exists()


def test_the_table_pairs_seeds_and_names_what_was_not_run():
    def run(name, seed, value):
        return {"name": name, "seed": seed, "figures": {"detection_vindr_map": {"value": value, "baseline": 0.05}}}

    found = [
        run("full", 0, 0.5),
        run("full", 1, 0.7),
        run("full", 2, 0.9),
        run("one-box", 0, 0.35),
        run("one-box", 1, 0.45),
    ]
    summary = summarised(found, "full")
    assert summary["full"]["detection_vindr_map"] == {
        "mean": pytest.approx(0.7),
        "std": pytest.approx(0.2),
        "seeds": [0, 1, 2],
    }
    difference = summary["one-box"]["detection_vindr_map"]["difference"]
    assert difference == {
        "mean": pytest.approx(-0.2), "std": pytest.approx(0.0707, abs=1e-4), "seeds": [0, 1], "clear": True,
    }  # fmt: skip
    assert as_table(summary, ("full", "one-box", "without-skip"), "full") == (
        "| boxes | seeds | detection_vindr_map |\n|---|---|---|\n"
        "| full | 3 | 0.700 |\n"
        "| one-box | 2 | 0.400 (**−0.200**) |\n"
        "| without-skip | 0 | not run |\n"
        "| baseline | – | 0.050 |\n"
        "| ± of a seed's difference | – | 0.071 |\n"
    )


def test_what_seeds_tell_of_each_other_is_pooled_over_the_experiments():
    differences = {"one-box": [-0.1, -0.2], "without-boxes": [-0.3, -0.6], "without-skip": [-0.5]}
    found = [
        {"name": name, "seed": seed, "figures": {"region_auroc": {"value": 0.9 + value, "baseline": 0.5}}}
        for name, values in {"full": [0.0, 0.0], **differences}.items()
        for seed, value in enumerate(values)
    ]
    summary = summarised(found, "full")
    pooled = math.sqrt((0.1**2 / 2 + 0.3**2 / 2) / 2)
    assert summary["spread"]["region_auroc"]["mean"] == pytest.approx(pooled)
    clear = {name: summary[name]["region_auroc"]["difference"]["clear"] for name in differences}
    # 0.15 of ± 0.112, 0.45 of ± 0.112, and 0.5 of ± 0.158 from one seed: clear is what is beyond 3 of them
    assert clear == {"one-box": False, "without-boxes": True, "without-skip": True}
    once = summarised([run for run in found if run["seed"] == 0], "full")
    assert "spread" not in once and once["one-box"]["region_auroc"]["difference"]["clear"] is None
    assert "| one-box | 1 | 0.800 (−0.100) |" in as_table(once, tuple(differences), "full")


def test_one_in_thirty_differences_between_what_is_alike_is_clear():
    generator = np.random.default_rng(0)
    clear = []
    for _ in range(500):
        values = generator.normal(size=(9, 2))  # all differences of a seed share the reference's run
        found = [
            {"name": str(name), "seed": seed, "figures": {"region_auroc": {"value": value, "baseline": 0.5}}}
            for name, of_seeds in enumerate(values)
            for seed, value in enumerate(of_seeds)
        ]
        summary = summarised(found, "0")
        clear += [summary[str(name)]["region_auroc"]["difference"]["clear"] for name in range(1, 9)]
    assert 1 / 37 < np.mean(clear) < 1 / 25


def test_figures_that_nothing_can_be_measured_on_are_left_open():
    found = [{"name": "full", "seed": 0, "figures": {"detection_vindr_map": {"value": None, "baseline": None}}}]
    assert summarised(found, "full") == {}


def test_each_experiment_is_a_run_of_its_own_above_its_stages(trained, tmp_path, monkeypatch):
    told = []

    class Tracker:
        def metrics(self, step, values):
            told.append(values)

    @contextmanager
    def tracked_experiment(uri, name, parameters, *, folder):
        told.append((uri, name, parameters["ablation"], parameters["seed"], folder.name))
        yield Tracker()

    monkeypatch.setattr(runs, "tracked_experiment", tracked_experiment)
    compare(comparison(tmp_path, names=("one-box",), tracking_uri="http://tracking"))
    assert told == [
        ("http://tracking", "one-box seed 0 of out", "one-box", 0, "record"), {"detection_vindr_map": 0.25},
        ("http://tracking", "one-box seed 1 of out", "one-box", 1, "record"), {"detection_vindr_map": 0.35},
    ]  # fmt: skip
    assert trained.experiments == ["one-box seed 0 of out"] * 3 + ["one-box seed 1 of out"] * 3


def test_the_command_trains_all_stages_as_the_file_says(tmp_path, capsys):
    counts = {("words", split): 2 for split in ("train", "validate", "test")} | {("vindr-cxr", "train"): 2}
    uri, output = write_shards(tmp_path / "shards", counts), tmp_path / "out"
    common = ["--data", uri, "--output", str(output), "--tracking-uri", "none", "--set", "data.batch_size=2"]
    common += ["--effort", "0.001", "--seeds", "7"]
    assert ablations.main([*common, "--only", "one-box"]) == 0
    assert capsys.readouterr().out.startswith("| boxes | seeds | anatomy_mean_iou |")
    model = Chex.load(output / "seed-7" / "one-box" / "generator")
    assert model.config.detector.boxes_per_prompt == 1
    stages = model.provenance["training"]
    assert [stage["stage"] for stage in stages] == ["contrastive", "sentences", "detector", "post-decoder", "generator"]
    assert {stage["seed"] for stage in stages} == {7}
    shared = Chex.load(output / "seed-7" / "start" / "sentences")
    assert shared.config.detector.boxes_per_prompt == 3, "what all share is the preset's"
    before, after = shared.prompt_encoder.state_dict(), model.prompt_encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    "wrong",
    [["--only", "nothing"], ["--output", "s3://b/out"], ["--seeds", "one"], ["--effort", "0"], ["--set", "a=1"]],
)
def test_the_command_refuses_with_a_status(wrong, tmp_path):
    assert ablations.main(["--data", str(tmp_path), "--output", str(tmp_path / "out"), *wrong]) == 2
    assert not (tmp_path / "out").exists()
