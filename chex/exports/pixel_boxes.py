"""Relative boxes in pixels of the original image, as DICOM and COCO count them.

(column, row); 0, 0 is the top left corner of the top left pixel, (columns, rows) the bottom right corner of the last one
(PS3.3 C.10.5.1.2, C.18.6.1.1).
"""

from __future__ import annotations

from chex.records import Box, SourceImage


def corners(box: Box, source: SourceImage) -> Box:
    """(x_min, y_min, x_max, y_max) in pixels, to a thousandth."""
    x_min, y_min, x_max, y_max = (min(max(value, 0.0), 1.0) for value in box)
    width, height = source.width, source.height
    return round(x_min * width, 3), round(y_min * height, 3), round(x_max * width, 3), round(y_max * height, 3)


def outline(box: Box, source: SourceImage) -> list[tuple[float, float]]:
    """A closed polyline: five points, the first again at the end."""
    x_min, y_min, x_max, y_max = corners(box, source)
    return [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]
