"""Reports in half precision: nearly the same boxes, and a result set of their own."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from chex.embedded import PHANTOM
from jobs.reporting.config import ReportRun
from jobs.reporting.run import write_reports
from tests.benchmarks.report_archive import phantoms, write_pictures
from tests.jobs.reporting.in_process import without_ray


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """By precision, the rows of three phantoms."""
    without_ray(monkeypatch)
    write_pictures(tmp_path / "in", phantoms(3, 128))
    found = {}
    for precision in ("float32", "bfloat16"):
        output = tmp_path / precision
        run = ReportRun(PHANTOM, str(tmp_path / "in"), str(output), precision=precision, device="cpu")
        write_reports(run, show_progress=False)
        found[precision] = pq.read_table(output / "parquet").to_pylist()
    return found


def test_boxes_hardly_move(rows):
    moved = []
    for exact, half in zip(rows["float32"], rows["bfloat16"], strict=True):
        boxes = {finding["query"]["name"]: finding["boxes"] for finding in half["findings"]}
        for finding in exact["findings"]:
            for one, other in zip(finding["boxes"][:1], boxes.get(finding["query"]["name"], ())):
                moved.append(np.abs(np.subtract(one["box"], other["box"])).max())
    assert len(moved) >= 10 and np.median(moved) < 0.01
    sets = {row["provenance"]["result_set"] for found in rows.values() for row in found}
    assert len(sets) == 2, "which precision it was is told by the result set"
