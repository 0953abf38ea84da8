"""Boxes as this file records them: (x_centre, y_centre, width, height, …) in single precision."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.boxes import cxcywh_to_xyxy
from chex.records import Box, ScoredBox

Rows = Sequence[Sequence[float]]


def corners(rows: Rows) -> list[Box]:
    boxes = torch.tensor([row[:4] for row in rows], dtype=torch.float32).view(-1, 4)
    return [tuple(box) for box in cxcywh_to_xyxy(boxes).tolist()]


def scored(rows: Rows) -> list[ScoredBox]:
    """The last column is the score."""
    return [ScoredBox(box, row[-1]) for box, row in zip(corners(rows), rows, strict=True)]


def of_classes(rows: Rows, names: Sequence[str]) -> dict[str, Rows]:
    """The rows of each class, whose number is the fifth column."""
    return {name: [row for row in rows if int(row[4]) == number] for number, name in enumerate(names)}
