"""A store's URI never becomes the name of a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.local_folder import local_folder


@pytest.mark.parametrize("place", ["s3://bucket/model", Path("s3://bucket/model"), "gs://b", "file:///data/model"])
def test_a_uri_is_refused_as_it_was_given(place):
    with pytest.raises(ValueError, match=r"--output: expected a folder on a disk, found (s3|gs|file)://[^/]*"):
        local_folder(place)


def test_a_folder_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_folder("model") == local_folder(Path("./model")) == tmp_path / "model"
    assert local_folder("odd:name") == tmp_path / "odd:name" and local_folder("C:/model").name == "model"


def test_every_command_that_writes_to_a_disk_asks(tmp_path, monkeypatch, capsys):
    from jobs import demo, phantoms

    monkeypatch.chdir(tmp_path)
    assert demo.main(["--output", "s3://b/m"]) == 2
    with pytest.raises(SystemExit):
        phantoms.main(["--output", "s3://b/m", "--studies", "1"])
    assert not any(tmp_path.iterdir()) and capsys.readouterr().err.count("expected a folder on a disk") == 2
