"""The parity program on every recorded set beside the checkout."""

from __future__ import annotations

import pytest

from tests.parity.__main__ import main


def sets_of(shared) -> list:
    folders = sorted(path.parent for path in (shared / "parity").glob("*/components.json"))
    if not folders:
        pytest.skip("no recorded set lies in the reference material")
    return folders


@pytest.mark.parametrize("file", ["components", "full_model", "pyfuncs"])
def test_every_case_is_met(shared, file, capsys):
    for folder in sets_of(shared):
        code = main([str(folder), "--only", file])
        lines = capsys.readouterr().out.splitlines()
        failures = [line for line in lines if " NO " in line or line.endswith(" NO")]
        assert code == 0, "\n".join([lines[0], *failures, lines[-1]])
