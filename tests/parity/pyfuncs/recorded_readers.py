"""Rows of several readers as they are recorded, fused by image and class, and rows of boxes in one order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.consensus import fuse_boxes

EDGES = ("x_min", "y_min", "x_max", "y_max")
SET = "vindrcxr/"  # stands before a class name where ours has "vindr/"
Row = Sequence[Any]  # four numbers and the class


def our_label(name: str) -> str:
    """vindrcxr/Rib fracture → vindr/Rib fracture; ValueError for a name that is not recorded so."""
    if not name.startswith(SET):
        raise ValueError(f"expected a class name that begins with {SET!r}; found {name!r}")
    return f"vindr/{name.removeprefix(SET)}"


def drawn_boxes(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows that have a box."""
    return [row for row in rows if all(row[edge] is not None for edge in EDGES)]


def upright(row: Mapping[str, Any]) -> bool:
    """Whether the box is drawn from its top left to its bottom right."""
    return row["x_min"] <= row["x_max"] and row["y_min"] <= row["y_max"]


def fused_rows(rows: Iterable[Mapping[str, Any]], image: str) -> list[Row]:
    """Our consensus of one image in pixels, class by class: x_min, y_min, x_max, y_max, recorded class name."""
    drawn: dict[str, list[dict]] = {}
    for row in drawn_boxes(rows):
        if row["image_id"] == image:
            drawn.setdefault(row["class_name"], []).append(row)
    return [
        (*box, f"{SET}{name}")
        for name, boxes in drawn.items()
        for box, _ in fuse_boxes([tuple(row[e] for e in EDGES) for row in boxes], [row["rad_id"] for row in boxes])
    ]


def in_order_of(recorded: Sequence[Row], ours: Sequence[Row]) -> list[Row]:
    """Our rows, each beside the recorded row of its class that it is nearest to; left-over ones come last.

    The boxes of an image are a set: their order carries nothing, here or there.
    """
    left = list(ours)
    ordered = []
    for row in recorded:
        same = [one for one in left if one[4] == row[4]]
        if same:
            ordered.append(min(same, key=lambda one: math.dist(one[:4], row[:4])))
            left.remove(ordered[-1])
    return ordered + left
