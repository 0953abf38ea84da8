"""The parity program itself: what it lets pass and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.parity.__main__ import main
from tests.parity.made_up import box_conversions, write_set


def answer(folder: Path, capsys, only: str = "components") -> tuple[int, str]:
    return main([str(folder), "--only", only]), capsys.readouterr().out


def test_a_set_that_is_met(tmp_path, capsys):
    code, text = answer(write_set(tmp_path, [box_conversions()]), capsys)
    assert code == 0, text
    assert text.splitlines()[0].split() == ["case", "quantity", "max", "abs", "max", "rel", "tolerance", "ok"]
    assert text.splitlines()[-1] == "1 cases, 3 quantities compared, 0 not compared, 0 failed"


def test_a_number_that_is_off(tmp_path, capsys):
    code, text = answer(write_set(tmp_path, [box_conversions(wrong=1e-3)]), capsys)
    assert code == 1
    [line] = [line for line in text.splitlines() if " NO" in line]
    assert line.split()[:3] == ["box_conversions", "back", "1.0e-03"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "box_conversions_of_another_kind"}, "unknown case"),
        ({"outputs": {**box_conversions()["outputs"], "areas": torch.zeros(2)}}, "KeyError|did not compare"),
        ({"grads": {"boxes": torch.zeros(2, 4)}}, "recorded, but the check did not compare it"),
        ({"extra": {"names": ["a"]}}, "recorded, but the check did not compare it"),
        ({"inputs": {}}, "KeyError: 'boxes'"),
        ({"inputs": {"boxes": torch.zeros(2, 3)}}, "Error"),
        ({"outputs": {**box_conversions()["outputs"], "back": torch.zeros(2, 2)}}, "shapes differ"),
        ({"outputs": {**box_conversions()["outputs"], "back": None}}, "types differ"),
    ],
)
def test_what_is_not_compared_fails(tmp_path, capsys, change, expected):
    code, text = answer(write_set(tmp_path, [box_conversions() | change]), capsys)
    assert code == 1
    assert any(part in text for part in expected.split("|")), text


def test_other_cases_go_on_after_a_failure(tmp_path, capsys):
    cases = [{"name": "mystery", "kwargs": {}}, box_conversions() | {"name": "box_conversions"}]
    _, text = answer(write_set(tmp_path, cases), capsys)
    assert text.splitlines()[-1] == "2 cases, 3 quantities compared, 0 not compared, 1 failed"


def test_missing_and_broken_files(tmp_path, capsys):
    code, text = answer(tmp_path, capsys, "components,metrics")
    assert code == 1 and "components.json is missing" in text and "metrics.json is missing" in text
    write_set(tmp_path, [box_conversions()])
    (tmp_path / "components.safetensors").unlink()
    assert "components.safetensors is missing" in answer(tmp_path, capsys)[1]
    (tmp_path / "components.safetensors").write_bytes(b"no tensors")
    assert answer(tmp_path, capsys)[0] == 1
    (tmp_path / "components.json").write_text("{")
    assert "components.json is no JSON" in answer(tmp_path, capsys)[1]
    (tmp_path / "components.json").write_text('{"cases": [{"inputs": {}}]}')
    write_set(tmp_path, [])
    code, text = answer(tmp_path, capsys)
    assert code == 1 and "components.json holds no case" in text


def test_all_four_files_are_asked_for(tmp_path, capsys):
    write_set(tmp_path, [box_conversions()])
    assert main([str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert [f"{file}.json is missing" in text for file in ("full_model", "pyfuncs", "metrics")] == [True] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/no/such/folder"], "expected a folder of recorded cases"),
        ([".", "--only", "component"], "expected some of components, full_model, pyfuncs, metrics; found 'component'"),
        ([], "CASE_DIR"),
    ],
)
def test_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2 and message in capsys.readouterr().err
