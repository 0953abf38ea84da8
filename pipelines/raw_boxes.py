"""Boxes as annotation files give them, in pixels and as text or numbers, to boxes relative to the image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from chex.records import Box
from pipelines.adapters import UnusableInput


def box_numbers(values: Sequence[str | float]) -> tuple[float, float, float, float]:
    """The four numbers of a box.

    Raises:
        UnusableInput: not four of them, or one that is no finite number.
    """
    try:
        first, second, third, fourth = (float(value) for value in values)
    except (ValueError, TypeError) as error:
        raise UnusableInput("annotate", f"a box needs four numbers; found {_listed(values)}") from error
    if not all(map(math.isfinite, (first, second, third, fourth))):
        raise UnusableInput("annotate", f"a box needs four finite numbers; found {_listed(values)}")
    return first, second, third, fourth


def relative_box(corners: Sequence[float], height: float, width: float) -> Box | None:
    """x_min, y_min, x_max, y_max in pixels, clipped to an image of this size; None if nothing is left of it."""
    x_min, x_max = (min(max(x / width, 0.0), 1.0) for x in corners[::2])
    y_min, y_max = (min(max(y / height, 0.0), 1.0) for y in corners[1::2])
    return (x_min, y_min, x_max, y_max) if x_min < x_max and y_min < y_max else None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(repr, values))
