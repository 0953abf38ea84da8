from __future__ import annotations

import json

from chex import Chex
from chex.embedded import NOTICE
from jobs.benchmarking import publish


def test_what_is_published_is_halved_and_says_what_it_is(tiny_model_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "MOST_BYTES", 10**9)
    assert publish.main([str(tiny_model_dir), str(tmp_path / "kept")]) == 0
    before, kept = ((folder / "model.safetensors").stat().st_size for folder in (tiny_model_dir, tmp_path / "kept"))
    assert kept < 0.51 * before
    told = json.loads((tmp_path / "kept/config.json").read_text())["provenance"]
    assert (told["notice"], told["licence"]) == (NOTICE, "apache-2.0")
    assert NOTICE in (tmp_path / "kept/README.md").read_text()
    Chex.load(tmp_path / "kept")


def test_what_is_too_large_or_no_model_is_refused(tiny_model_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(publish, "MOST_BYTES", 1000)
    assert publish.main([str(tiny_model_dir), str(tmp_path / "kept")]) == 2
    assert "expected weights of at most 1,000 bytes in half precision; found" in capsys.readouterr().err
    assert publish.main([str(tmp_path), str(tmp_path / "kept")]) == 2
    assert publish.main([]) == 2
    assert not (tmp_path / "kept").exists()
