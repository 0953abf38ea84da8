"""What all plots share: a title, and below them the definition of what they show."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

INK, QUIET, BLUE, GREY, ORANGE = "#1c2733", "#66717f", "#2f6fb0", "#b9c2cc", "#d9822b"
_TITLE_INCHES, _LINE_INCHES = 0.45, 0.17
_LETTERS_PER_INCH = 17  # of the small type


def drawing(width: float, height: float, title: str, definition: str) -> Drawing:
    """An empty drawing, `height` inches for its axes between the title and the definition."""
    from matplotlib.figure import Figure as Drawing

    lines = textwrap.wrap(definition, int((width - 0.3) * _LETTERS_PER_INCH))
    below = _LINE_INCHES * len(lines) + 0.15
    whole = height + _TITLE_INCHES + below
    made = Drawing(figsize=(width, whole), layout="constrained")
    made.get_layout_engine().set(rect=(0, below / whole, 1, height / whole))
    made.text(0.15 / width, 1 - 0.16 / whole, title, va="top", fontsize=12.5, weight="bold", color=INK)
    made.text(0.15 / width, 0.1 / whole, "\n".join(lines), va="bottom", fontsize=7.5, color=QUIET, linespacing=1.25)
    return made


def tidy(axes) -> None:
    """Lines where they say something."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=8)
    axes.set_axisbelow(True)
