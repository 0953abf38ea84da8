"""Programs that judge DICOM files without us: dcmtk and dicom3tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.needed_tools import require_tool


def ran(program: str, package: str, *arguments) -> str:
    """What the program says, on both channels; a failure of it fails the test."""
    command = [require_tool(program, package), *map(str, arguments)]
    answer = subprocess.run(command, capture_output=True, timeout=60, check=False)
    said = (answer.stdout + answer.stderr).decode(errors="replace")
    assert answer.returncode == 0, said
    return said


def assert_valid(file: Path) -> None:
    """A DICOM file whose attributes are those that its class asks for."""
    assert ran("dcmftest", "dcmtk", file).startswith("yes")
    faults = [line for line in ran("dciodvfy", "dicom3tools", file).splitlines() if line.startswith("Error")]
    assert not faults
