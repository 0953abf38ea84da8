from __future__ import annotations

import json

import pytest

from jobs import demo
from jobs.demonstration.steps import clear, stage_configuration


@pytest.fixture(scope="module")
def output(ray_local, tmp_path_factory):
    """The whole way once, with few phantoms and hardly any training."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    assert demo.main(["--output", str(folder), "--studies", "48", "--effort", "0.005", "--workers", "0"]) == 0
    return folder


def test_the_whole_way_leaves_everything_it_promises(output):
    for name in ("raw", "shards/manifest.json", "model/config.json", "reports/parquet", "index.html", "mlflow.db"):
        assert (output / name).exists(), name
    summary = json.loads((output / "summary.json").read_text())
    assert set(summary["seconds"]) == {"phantoms", "convert", "train", "evaluate", "reports"}
    assert {"anatomy_mean_iou", "pathology_map", "region_auroc", "report_micro_f1"} <= set(summary["figures"])
    for figure in summary["figures"].values():
        assert 0 <= figure["value"] <= 1 and 0 <= figure["baseline"] <= 1
    assert set(summary["stages"]) == {"contrastive", "detector", "post-decoder", "sentences", "generator"}


def test_every_held_out_dicom_file_has_a_report(output):
    import pyarrow.parquet as pq

    files = {path.name for path in (output / "raw" / "vindr-cxr" / "test").iterdir()}
    rows = [
        row for part in (output / "reports" / "parquet").rglob("*.parquet") for row in pq.read_table(part).to_pylist()
    ]
    assert {row["uri"].rsplit("/", 1)[-1] for row in rows} == files
    assert {row["status"] for row in rows} == {"reported"}
    assert len(list((output / "reports" / "overlays").rglob("*.png"))) == len(files)


def test_every_stage_was_tracked_with_its_model(output):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{output / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments)
    (demo,) = [run for run in runs if "stage" not in run.data.params]
    stages = {run.data.params["stage"]: run for run in runs if run is not demo}
    assert demo.info.run_name == "demo" and demo.info.status == "FINISHED"
    assert {run.data.tags["mlflow.parentRunId"] for run in stages.values()} == {demo.info.run_id}
    assert set(stages) == {"contrastive", "detector", "post-decoder", "sentences", "generator"}
    detector = stages["detector"]
    assert detector.info.status == "FINISHED"
    assert {"train/loss", "train/anatomy_boxes", "validate/anatomy_boxes", "learning_rate"} <= set(
        detector.data.metrics
    )
    assert client.list_artifacts(detector.info.run_id, "pictures")
    assert "tokens_per_second" in stages["generator"].data.metrics
    assert client.get_model_version_by_alias("chex-ray", "candidate").run_id == stages["generator"].info.run_id


def test_the_page_loads_nothing_from_elsewhere(output):
    page = (output / "index.html").read_text()
    assert page.count("<article") == 4  # as many as there are held-out DICOM files
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page


def test_an_earlier_demo_is_replaced_and_anything_else_refused(tmp_path, capsys):
    (tmp_path / "precious.txt").write_text("mine")
    assert demo.main(["--output", str(tmp_path)]) == 2
    assert "holds no earlier demo" in capsys.readouterr().err
    (tmp_path / ".chex-demo").touch()
    (tmp_path / "model").mkdir()
    clear(tmp_path)
    assert (tmp_path / "precious.txt").exists() and not (tmp_path / "model").exists()


def test_effort_scales_the_steps():
    full, little = stage_configuration("detector", 1.0), stage_configuration("detector", 0.01)
    assert little.optimizer.steps == round(full.optimizer.steps * 0.01)
    assert little.optimizer.warmup_steps <= little.optimizer.steps
