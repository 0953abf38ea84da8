"""The parity program on every recorded set beside the checkout."""

from __future__ import annotations

import pytest

from chex.metrics.meteor import MeteorMissing
from tests.parity.__main__ import main
from tests.parity.cases import FILES


def sets_of(shared) -> list:
    folders = sorted(path.parent for path in (shared / "parity").glob("*/components.json"))
    if not folders:
        pytest.skip("no recorded set lies in the reference material")
    return folders


@pytest.fixture
def without_meteor(monkeypatch):
    """Its program takes seconds to start; tests/chex/metrics/test_meteor.py asks it for the recorded texts, too."""

    def missing(texts, references):
        raise MeteorMissing("not asked here")

    monkeypatch.setattr("tests.parity.metrics.texts.meteor_counts", missing)


@pytest.mark.parametrize("file", FILES)
def test_every_case_is_met(shared, file, without_meteor, capsys):
    for folder in sets_of(shared):
        code = main([str(folder), "--only", file])
        lines = capsys.readouterr().out.splitlines()
        failures = [line for line in lines if " NO " in line or line.endswith(" NO")]
        assert code == 0, "\n".join([lines[0], *failures, lines[-1]])
