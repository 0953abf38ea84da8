"""What the paper's table 2 says, row by row (paper_table2.json), and which of our figures measures the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Published:
    """One row: percent, with the paper's bootstrap deviation where it gives one. `figure` is the name of ours."""

    task: str
    dataset: str
    metric: str
    figure: str
    chex: float
    chex_std: float | None
    baseline: float
    baseline_std: float | None
    baseline_kind: str


@cache
def published_figures() -> tuple[Published, ...]:
    """The rows in the order of the table."""
    text = resources.files("jobs.evaluation").joinpath("paper_table2.json").read_text(encoding="utf-8")
    return tuple(Published(**row) for row in json.loads(text)["rows"])
