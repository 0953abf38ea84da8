"""The command in miniature: learned baselines, a detector trained for two steps, figures, table, and going on."""

from __future__ import annotations

import json

import pytest

from chex.config import ConfigError
from chex.metrics.meteor import MeteorMissing
from jobs import benchmark
from jobs.benchmarking import steps
from jobs.benchmarking.config import BASELINES, BenchmarkConfig, benchmark_config
from tests.pipelines.small_shards import write_shards

SETTINGS = """\
stages:
  contrastive: {optimizer: {steps: 1, warmup_steps: 0}}
  detector:
    optimizer: {steps: 1, warmup_steps: 0}
    data: {batch_size: 2, shuffle_buffer: 4}
    validation_batches: 1
tasks: sentence-grounding,region-explanation-mscxr,report-generation
bootstrap: 10
"""


@pytest.fixture(scope="module")
def finished(tiny_model_dir, tmp_path_factory):
    """The command's arguments and output, after it was run once."""
    folder = tmp_path_factory.mktemp("benchmark")
    counts = {("words", split): number for split, number in (("train", 8), ("validate", 2), ("test", 4))}
    data = write_shards(folder / "shards", counts)
    (folder / "settings.yaml").write_text(SETTINGS)
    arguments = [
        "--config", str(folder / "settings.yaml"), "--output", str(folder / "out"), "--data", data,
        "--model", str(tiny_model_dir), "--contrastive", str(tiny_model_dir),
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chex.metrics.meteor._java", no_java)
        assert benchmark.main(arguments) == 0
    return arguments, folder / "out"


def no_java():
    raise MeteorMissing("Java takes seconds to start")


def test_every_baseline_is_in_the_table_where_it_can_answer(finished):
    results = json.loads((finished[1] / "results.json").read_text())
    by_figure = {name: set(figure["baselines"]) for name, figure in results["figures"].items()}
    assert by_figure["grounding_miou"] == {"mean-box", "supervised-detector", "similarity-maps"}
    assert by_figure["explanation_mscxr_micro_f1"] == by_figure["report_micro_f1"] == {"retrieval", "commonest"}
    assert all(other["paired"] for figure in results["figures"].values() for other in figure["baselines"].values())
    assert results["model"]["weights_sha256"] and results["settings"]["bootstrap"] == 10
    table = (finished[1] / "table.md").read_text()
    assert f"| figure | samples | Chex-Ray | {' | '.join(BASELINES)} | best guess | ahead of all |" in table
    assert "| report_meteor | 0 | not measured |" in table and "| grounding_miou | 4 |" in table


def test_what_was_measured_is_what_the_evaluation_wrote(finished):
    results = json.loads((finished[1] / "results.json").read_text())["figures"]
    for name in ("chex-ray", "mean-box", "retrieval"):
        written = json.loads((finished[1] / "evaluation" / name / "figures.json").read_text())["figures"]
        for figure, found in written.items():
            own = results[figure] if name == "chex-ray" else results[figure]["baselines"][name]
            assert own["value"] == pytest.approx(found["value"])


def test_an_output_is_only_gone_on_with_when_asked(finished, monkeypatch, capsys):
    arguments, output = finished
    assert benchmark.main(arguments) == 2
    (output / "table.md").unlink()
    monkeypatch.setattr("chex.metrics.meteor._java", no_java)
    monkeypatch.setattr("jobs.evaluation.run.predict_parts", None)  # nothing is predicted again
    monkeypatch.setattr("jobs.benchmarking.baselines.mean_box.learn", None)
    assert benchmark.main([*arguments, "--resume"]) == 0
    assert (output / "table.md").read_text() in capsys.readouterr().out


def test_other_phantoms_are_not_taken_for_those_that_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.phantoms.write_with_bar", lambda raw, *_, **__: raw.mkdir())
    monkeypatch.setattr("jobs.demonstration.steps.convert_phantoms", lambda *_, **__: None)
    settings = tmp_path / "settings.yaml"
    command = ["--config", str(settings), "--output", str(tmp_path / "out"), "--only", "data"]
    settings.write_text("data: {train: 8, validate: 4, test: 4}")
    assert benchmark.main(command) == 0
    settings.write_text("data: {train: 8, validate: 4, test: 4}\nbootstrap: 10")
    assert benchmark.main([*command, "--resume"]) == 0
    settings.write_text("data: {train: 8, validate: 4, test: 5}")
    assert benchmark.main([*command, "--resume"]) == 2
    assert benchmark.main([*command[:-1], "evaluation", "--resume"]) == 2
    assert benchmark.main([*command, "--resume", "--data", "shards"]) == 0


def test_the_settings_that_come_along_can_be_trained():
    config = benchmark_config("phantom_benchmark")
    assert (config.data.train, config.data.validate, config.data.test) == (4000, 400, 600)
    assert config.baselines == BASELINES
    contrastive, detector, alone = config.stage("contrastive"), config.stage("detector"), config.detector()
    assert alone.optimizer.steps == contrastive.optimizer.steps + detector.optimizer.steps
    assert (alone.data, alone.augmentation, alone.objective) == (
        detector.data,
        detector.augmentation,
        detector.objective,
    )


def test_settings_that_cannot_be_are_refused(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("baselines: [chance]\nstages: {warm-up: {}}\nbootstrap: 1")
    with pytest.raises(ConfigError) as refused:
        benchmark_config(str(wrong))
    assert len(refused.value.problems) == 3
    wrong.write_text("stages: {detector: {optimizer: {lr: -1}}}")
    with pytest.raises(ConfigError, match="lr: expected a number above 0"):
        benchmark_config(str(wrong))


def test_data_and_model_are_made_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("jobs.phantoms.write_with_bar", lambda raw, plan, **_: (raw.mkdir(), made.append(len(plan))))
    monkeypatch.setattr("jobs.demonstration.steps.convert_phantoms", lambda *given, **_: made.append(given[1]))
    monkeypatch.setattr(
        "jobs.training.driver.train", lambda config, *, output, init, **_: made.append((config.stage, init))
    )
    run = steps.Benchmark(BenchmarkConfig(), tmp_path)
    (tmp_path / "raw.partial").mkdir()  # of a run that was interrupted
    for _ in range(2):
        steps.make_data(run)
    assert made == [5000, steps.SOURCES, steps.SOURCES] and not (tmp_path / "raw.partial").exists()
    made.clear()
    steps.train_model(run)
    assert [stage for stage, _ in made] == ["contrastive", "detector", "post-decoder", "sentences", "generator"]
    assert made[1][1] == run.contrastive_folder == str(tmp_path / "training" / "contrastive")
    assert run.model_folder == str(tmp_path / "training" / "generator")
    made.clear()
    given = steps.Benchmark(BenchmarkConfig(), tmp_path, data="shards", model="runs/generator")
    steps.make_data(given), steps.train_model(given)
    assert not made and given.shards == "shards" and given.contrastive_folder == "runs/contrastive"
