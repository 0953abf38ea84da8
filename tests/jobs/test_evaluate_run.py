"""An evaluation that stops and goes on, whoever predicts: the same figures, and again from the predictions alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import parquet

from jobs.evaluate import main
from jobs.evaluation.parts import batches_of, parts_of
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.run import evaluate
from jobs.evaluation.tasks import create
from pipelines.output_folder import OutputFolder
from tests.jobs.made_up_session import Guesser, guesser
from tests.pipelines.small_shards import write_shards

TASKS = "anatomy-localization,image-classification,detection-vindr"


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    counts = {("made-up", "train"): 12, ("made-up", "validate"): 30, ("made-up", "test"): 12, ("words", "test"): 6}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


@pytest.fixture(scope="module")
def whole(shards, tmp_path_factory):
    """The output of an undisturbed evaluation."""
    output = tmp_path_factory.mktemp("whole")
    run(shards, output)
    return output


def run(shards, output, model=guesser, **options):
    return evaluate(model, shards, TASKS, output, bootstrap=5, progress=False, **{"batch_size": 4, **options})


def figures_in(output):
    return json.loads((Path(output) / "figures.json").read_text())["figures"]


def rows_in(output):
    files = sorted(Path(output).glob("predictions/**/*.parquet"))
    return {file.relative_to(output).as_posix(): parquet.read_table(file).to_pylist() for file in files}


def small_parts(monkeypatch):
    monkeypatch.setattr("jobs.evaluation.parts._ROWS", 8)


def test_every_row_of_a_split_is_in_one_part(shards, monkeypatch):
    small_parts(monkeypatch)
    parts = parts_of(shards, "test", batch_size=4)
    tasks = (create("report-generation"),)  # which wants only those with sentences
    batches = [(part, batch) for part in parts for batch in batches_of(part, tasks, 4)]
    found = [sample.study.sample_id for _, batch in batches for sample in batch.samples]
    assert sorted(found) == [f"words/{number:05d}" for number in range(6)]
    assert all(len(batch.samples) == len(batch.images) <= 4 for _, batch in batches)
    assert len(parts) > 1 and {part.name for part, _ in batches} == {part.name for part in parts}


def test_the_output_holds_what_figures_are_made_of(whole):
    assert {path.name for path in whole.iterdir()} >= {"figures.json", "table.md", "evaluation.json", "predictions"}
    names = set(rows_in(whole))
    assert names == {f"predictions/{task}.parquet" for task in TASKS.split(",")} | {
        "predictions/validate/detection-vindr.parquet"
    }
    summary = json.loads((whole / "figures.json").read_text())
    assert summary["model"] == {"model_name": "guesser"} and summary["bootstrap"] == 5
    assert summary["tuned"]["detection-vindr"]["tuned_on"] == 30
    assert summary["figures"]["detection_vindr_map"]["task"] == "detection-vindr"
    assert "| VinDr-CXR, mAP | **" in (whole / "table.md").read_text()


def test_figures_come_again_from_the_predictions_alone(whole, shards, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pipelines.shards.list_shards", None)  # nobody looks at the data
    assert main(["--recompute", str(whole), "--output", str(tmp_path / "again"), "--no-plots"]) == 0
    assert figures_in(tmp_path / "again") == figures_in(whole)
    assert (tmp_path / "again" / "table.md").read_text() == (whole / "table.md").read_text() == capsys.readouterr().out
    rows = parquet.read_table(whole / "predictions" / "anatomy-localization.parquet")
    assert len(rows) == 18
    assert main(["--recompute", str(tmp_path)]) == 2
    assert "holds no evaluation" in capsys.readouterr().err


def test_an_interrupted_evaluation_goes_on(whole, shards, tmp_path, monkeypatch):
    small_parts(monkeypatch)
    calls = []

    def stopping(self, images):
        calls.append(len(images))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return encode(self, images)

    encode = Guesser.encode
    monkeypatch.setattr(Guesser, "encode", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(shards, tmp_path)
    assert not (tmp_path / "figures.json").exists()
    assert list(tmp_path.glob("predictions/parts/*/*.parquet"))
    assert not list(tmp_path.rglob("*.unfinished"))
    before = sum(calls[:5])
    run(shards, tmp_path, resume=True)
    assert figures_in(tmp_path) == figures_in(whole)
    assert by_id(rows_in(tmp_path)) == by_id(rows_in(whole))
    again = before + sum(calls[6:]) - (30 + 18)
    assert 0 <= again < 8  # what the unfinished part had
    assert not list(tmp_path.glob("predictions/parts/*/*.parquet"))
    calls.clear()
    run(shards, tmp_path, resume=True)
    assert not calls


def by_id(files):
    """Parts of another size bring the rows in another order."""
    return {name: sorted(rows, key=lambda row: row["sample_id"]) for name, rows in files.items()}


def test_an_evaluation_goes_on_only_with_the_same(whole, shards, tmp_path):
    other = write_shards(tmp_path / "other", {("made-up", "train"): 12, ("made-up", "test"): 9})
    with pytest.raises(ValueError, match="already.*--resume"):
        run(shards, whole)
    with pytest.raises(ValueError, match="another data"):
        run(other, whole, resume=True)
    with pytest.raises(ValueError, match="another model"):
        run(shards, whole, model=other_guesser, resume=True)
    with pytest.raises(ValueError, match="another batch_size"):
        run(shards, whole, batch_size=3, resume=True)


def other_guesser(device):
    session = guesser(device)
    session.provenance = {"model_name": "another"}
    return session


def test_a_model_is_asked_only_for_what_it_gives(shards, tmp_path):
    def boxes_only(device):
        session = guesser(device)
        session.parts = {"boxes"}
        return session

    summary = evaluate(boxes_only, shards, "all", tmp_path, progress=False)
    assert "anatomy_mean_iou" in summary["figures"] and "image_auroc" not in summary["figures"]
    assert summary["left_out"]["image-classification"] == "the model gives no classes"
    with pytest.raises(ValueError, match="gives no classes"):
        evaluate(boxes_only, shards, "image-classification", tmp_path / "one", progress=False)
    with pytest.raises(TypeError, match="expected a model folder"):
        evaluate(3, shards)


def test_actors_give_the_same(ray_local, whole, shards, tmp_path, monkeypatch):
    small_parts(monkeypatch)
    predictions = Predictions(OutputFolder(str(tmp_path)))
    run(shards, tmp_path, actors=1)
    assert figures_in(tmp_path) == figures_in(whole)
    assert by_id(rows_in(tmp_path)) == by_id(rows_in(whole))
    assert not predictions.parts_done("test")
