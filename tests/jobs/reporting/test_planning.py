"""A plan and its results go together: what is left of one without the other is refused, and changes nothing."""

from __future__ import annotations

import os
import shutil

import pytest

from chex.embedded import PHANTOM
from chex.exports.deidentification import KEY
from jobs.reporting import planning
from jobs.reporting.config import ReportRun
from jobs.reporting.counts import Counts
from jobs.reporting.part import ModelInput
from jobs.reporting.plan import planned_uris
from jobs.reporting.planning import Maker, planned_run
from jobs.reporting.results import RESULT_SET, Results
from pipelines.output_folder import OutputFolder
from tests.chex.exports.reports import provenance


@pytest.fixture(autouse=True)
def without_model(monkeypatch):
    monkeypatch.setenv(KEY, "the key of the tests")
    maker = Maker({"precision": "float32"}, (), provenance(), ModelInput(64, "pad"))
    monkeypatch.setattr(planning, "_maker", lambda _: maker)


@pytest.fixture(params=["beside the plan", "in one folder"])
def run(request, tmp_path):
    """Plans a run over the images of that name, and gives what is planned then."""

    def plan(*images: str, resume: bool = False) -> list[str]:
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name in images:
            (folder / name).touch()
        asked = ReportRun(
            PHANTOM, str(folder), str(tmp_path / "out"), resume=resume, rows_per_part=2,
            deidentify=request.param == "beside the plan",
        )  # fmt: skip
        plan, _, _ = planned_run(asked)
        return [os.path.basename(uri) for uri in planned_uris(OutputFolder(asked.plan_folder), plan)]

    return plan


@pytest.fixture
def plan_folder(run, tmp_path, request):
    apart = request.node.callspec.params["run"] == "beside the plan"
    return tmp_path / ("out.plan" if apart else "out") / "plan"


def report(tmp_path, *parts: int) -> None:
    for number in parts:
        Results(str(tmp_path / "out")).write_part(number, [], [], Counts())


def test_later_images_follow_and_the_plan_stays_the_same_ones(run, tmp_path):
    assert run("b.png", "c.png") == ["b.png", "c.png"]
    id = Results(str(tmp_path / "out")).plan_id()
    report(tmp_path, 0)
    assert run("a.png", resume=True) == ["b.png", "c.png", "a.png"]
    assert len(id) == 32 and Results(str(tmp_path / "out")).plan_id() == id


def test_a_plan_whose_results_were_thrown_away(run, plan_folder, tmp_path):
    run("a.png")
    plan = shutil.copytree(plan_folder, tmp_path / "kept")
    shutil.rmtree(tmp_path / "out")
    shutil.copytree(plan, plan_folder, dirs_exist_ok=True)
    for resume in (False, True):
        with pytest.raises(ValueError, match="is the plan of reports that are no longer in .*/out: remove it"):
            run("b.png", resume=resume)
    shutil.rmtree(plan_folder)
    assert run("b.png") == ["a.png", "b.png"]


def test_a_plan_of_other_results(run, plan_folder, tmp_path):
    run("a.png")
    shutil.move(tmp_path / "out" / RESULT_SET, tmp_path / "kept.json")
    shutil.rmtree(plan_folder)
    run("b.png")
    shutil.move(tmp_path / "kept.json", tmp_path / "out" / RESULT_SET)
    with pytest.raises(ValueError, match="plan is not the plan of the reports in .*/out: restore"):
        run(resume=True)


def test_results_whose_plan_is_gone(run, plan_folder, tmp_path):
    run("b.png", "c.png", "d.png")
    report(tmp_path, 0)
    shutil.move(plan_folder, tmp_path / "kept")
    with pytest.raises(ValueError, match="or a part of it, is not in .*plan: restore it"):
        run("a.png", resume=True)
    (tmp_path / "out" / RESULT_SET).rename(tmp_path / "kept.json")
    with pytest.raises(ValueError, match="or a part of it, is not in"):
        run("a.png")
    (tmp_path / "kept.json").rename(tmp_path / "out" / RESULT_SET)
    shutil.move(tmp_path / "kept", plan_folder)
    assert run(resume=True) == ["b.png", "c.png", "d.png", "a.png"]


def test_a_plan_that_lost_a_file(run, plan_folder, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        run(name, resume=True)
    report(tmp_path, 0, 1, 2)
    for lost, fault in (("00000001", "lacks a file"), ("00000002", "or a part of it, is not in")):
        shutil.move(plan_folder / f"{lost}.arrow", tmp_path / "lost.arrow")
        with pytest.raises(ValueError, match=fault):
            run(resume=True)
        shutil.move(tmp_path / "lost.arrow", plan_folder / f"{lost}.arrow")
    assert len(run(resume=True)) == 3


def test_a_kill_between_the_result_set_and_the_plan(run, plan_folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(planning, "add_to_plan", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run("b.png")
    assert (tmp_path / "out" / RESULT_SET).exists() and not plan_folder.exists()
    assert run("a.png", resume=True) == ["a.png", "b.png"]


def test_results_from_before_plans_had_an_id_go_on(run, tmp_path, monkeypatch):
    monkeypatch.setattr(planning.uuid, "uuid4", lambda: type("none", (), {"hex": ""}))
    run("a.png")
    report(tmp_path, 0)
    monkeypatch.undo()
    monkeypatch.setenv(KEY, "the key of the tests")
    monkeypatch.setattr(planning, "_maker", lambda _: Maker({"precision": "float32"}, (), provenance(), None))
    file = tmp_path / "out" / RESULT_SET
    file.write_text(file.read_text().replace('"plan": "",', ""))
    assert run("b.png", resume=True) == ["a.png", "b.png"]
    assert run("c.png", resume=True) == ["a.png", "b.png", "c.png"]
