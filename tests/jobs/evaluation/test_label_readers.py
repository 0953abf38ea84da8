"""Stored texts are read again by another reader, as those who have CheXbert's weights will do."""

from __future__ import annotations

import pytest

from jobs.evaluate import main, parse
from jobs.evaluation.reading import Reading
from jobs.evaluation.recompute import recompute
from jobs.evaluation.run import evaluate
from tests.jobs.made_up_session import guesser
from tests.pipelines.small_shards import write_shards


class EverythingIsAnEdema:
    name = "EverythingIsAnEdema"

    def read_reports(self, reports):
        return [{"Edema": 1} for _ in reports]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), {("words", "train"): 4, ("words", "test"): 4})


def test_figures_name_whoever_read_the_labels(shards, tmp_path):
    tasks = "report-generation,region-explanation-mscxr"
    by_rules = evaluate(guesser, shards, tasks, tmp_path / "rules", progress=False)["figures"]
    again = recompute(tmp_path / "rules", tmp_path / "again", reading=Reading(EverythingIsAnEdema()))["figures"]
    at_once = evaluate(guesser, shards, tasks, progress=False, reading=Reading(EverythingIsAnEdema()))["figures"]
    for figure in ("report_micro_f1", "explanation_mscxr_micro_f1"):
        assert "rule-based label reader" in by_rules[figure]["definition"]
        assert "read by EverythingIsAnEdema" in again[figure]["definition"]
        assert again[figure] == at_once[figure] and again[figure]["value"] == 1.0
    assert again["report_bleu_1"] == by_rules["report_bleu_1"]


@pytest.mark.parametrize("reading", [None, Reading(EverythingIsAnEdema())])
def test_pictures_are_of_whoever_read_the_labels(reading, shards, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda drawing, *_, **__: saved.append(drawing))
    summary = evaluate(guesser, shards, "report-prompts", tmp_path, progress=False, reading=reading, plots=True)
    [axes] = saved[0].axes
    name = "EverythingIsAnEdema" if reading else "the rule-based label reader"
    assert axes.get_ylabel().endswith(f"read by {name}")
    highest = max(bar.get_height() for bar in axes.patches)
    figures = [value["value"] for name, value in summary["figures"].items() if "micro_f1" in name or "recall" in name]
    assert highest == pytest.approx(max(figures))


def test_weights_and_vocabulary_belong_together_and_have_to_be_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse(["--recompute", str(tmp_path), "--chexbert", "chexbert.pth"])
    assert "--bert" in capsys.readouterr().err
    assert main(["--recompute", str(tmp_path), "--chexbert", str(tmp_path / "chexbert.pth"), "--bert", "bert"]) == 2
    assert "chexbert.pth" in capsys.readouterr().err
