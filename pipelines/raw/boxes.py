"""Boxes as annotation files give them, in pixels and as text or numbers, to boxes relative to the image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from chex.records import Box
from pipelines.adapters import UnusableInput

OVERHANG = 0.02  # of a side; readers draw over the edge, but a box far outside was drawn in another frame


def box_numbers(values: Sequence[str | float]) -> tuple[float, float, float, float]:
    """The four numbers of a box.

    Raises:
        UnusableInput: not four of them, or one that is no finite number.
    """
    try:
        first, second, third, fourth = map(_number, values)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnusableInput("annotate", f"a box needs four numbers; found {_listed(values)}") from error
    if not all(map(math.isfinite, (first, second, third, fourth))):
        raise UnusableInput("annotate", f"a box needs four finite numbers; found {_listed(values)}")
    return first, second, third, fourth


def relative_box(corners: Sequence[float], height: float, width: float) -> Box | None:
    """x_min, y_min, x_max, y_max in pixels, clipped to an image of this size; None if nothing is left of it."""
    x_min, x_max = (min(max(x / width, 0.0), 1.0) for x in corners[::2])
    y_min, y_max = (min(max(y / height, 0.0), 1.0) for y in corners[1::2])
    return (x_min, y_min, x_max, y_max) if x_min < x_max and y_min < y_max else None


def checked_box(corners: Sequence[float], height: float, width: float) -> Box:
    """The same for boxes that readers drew, all of which have to be there: clipped by no more than OVERHANG.

    Raises:
        UnusableInput: no area, or outside the image; says in which frame.
    """
    x_min, y_min, x_max, y_max = corners
    written = ", ".join(f"{value:g}" for value in corners)
    if not (x_min < x_max and y_min < y_max):
        raise UnusableInput("annotate", f"a box needs x_min < x_max and y_min < y_max; found {written}")
    box = relative_box(corners, height, width)
    beyond = max(-x_min / width, -y_min / height, x_max / width - 1, y_max / height - 1)
    if box is None or beyond > OVERHANG:
        raise UnusableInput(
            "annotate", f"a box lies outside the image of {width:g} x {height:g} pixels; found x and y {written}"
        )
    return box


def _number(value: str | float) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):  # Python would read both
        raise ValueError("not a number")
    return float(value)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(repr(value)[:20] for value in values) if isinstance(values, Iterable) else repr(values)[:20]
