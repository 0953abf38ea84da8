"""Overlay pictures: a radiograph with numbered, coloured boxes and the sentences beside it, on a dark ground.

Boxes are drawn for what a sentence states; what it denies or finds normal is listed beside the image only.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from chex.exports import NotExportable
from chex.exports.legend import GROUND, PANEL_WIDTH, Legend, colour_of
from chex.exports.statements import shows_boxes
from chex.records import Box, Finding, Report, SourceImage

FORMAT = "overlays"
SUFFIX = ".png"
MEDIA_TYPE = "image/png"
NEEDS = frozenset({"pixels"})


def draw(
    pixels: np.ndarray, findings: Sequence[Finding], *, title: str = "", note: str = "", height: int = 1024
) -> Image.Image:
    """An RGB picture: the image on the left, the sentences on the right, numbered where they have boxes to show.

    pixels: (H, W) uint8, bone bright. Finding boxes are relative to these pixels. `height`: that of the drawn image in
    picture pixels; the picture grows where the sentences need more room than that.
    Raises ValueError if the pixels are not a two-dimensional uint8 array with content.
    """
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"expected (H, W) uint8 pixels with content, found {pixels.shape} {pixels.dtype}")
    width = max(1, min(round(pixels.shape[1] * height / pixels.shape[0]), 2 * height))
    image_height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    radiograph = Image.fromarray(pixels).resize((width, image_height), Image.Resampling.LANCZOS).convert("RGB")
    shown = [finding for finding in findings if shows_boxes(finding)]
    others = [finding for finding in findings if not shows_boxes(finding)]
    _draw_boxes(radiograph, shown)

    panel = Legend(shown, others, title=title, note=note, least_height=image_height)
    picture = Image.new("RGB", (width + PANEL_WIDTH, panel.height), GROUND)
    picture.paste(radiograph, (0, (panel.height - image_height) // 2))
    picture.paste(panel.picture(), (width, 0))
    return picture


def encode(report: Report, source: SourceImage) -> bytes:
    """The report's picture as PNG bytes. Raises NotExportable if the source comes without pixels."""
    if source.pixels is None:
        raise NotExportable("the image's pixels are not there to be shown")
    provenance = report.provenance
    note = f"{provenance.model_name} {provenance.model_version} · prompts: {provenance.prompt_set}"
    file = io.BytesIO()
    draw(source.pixels, report.findings, title="Findings", note=note).save(file, "PNG", compress_level=4)
    return file.getvalue()


def _draw_boxes(radiograph: Image.Image, findings: Sequence[Finding]) -> None:
    pen = ImageDraw.Draw(radiograph)
    line = max(2, radiograph.height // 340)
    # the numbers come last, so that no later box runs through an earlier number
    for index, finding in enumerate(findings):
        for place, scored in enumerate(finding.boxes):
            corners = _corners(scored.box, radiograph.size)
            width = line if place == 0 else 1
            halo = (corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1)
            pen.rounded_rectangle(halo, radius=3 * line + 1, outline=GROUND, width=width + 2)
            pen.rounded_rectangle(corners, radius=3 * line, outline=colour_of(index), width=width)
    taken: list[tuple[float, float, float, float]] = []
    for index, finding in enumerate(findings):
        if finding.boxes:
            corners = _corners(finding.boxes[0].box, radiograph.size)
            _draw_number(pen, radiograph.size, corners, index, taken)


def _corners(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    width, height = size
    return box[0] * (width - 1), box[1] * (height - 1), box[2] * (width - 1), box[3] * (height - 1)


def _draw_number(pen, size, corners, index, taken) -> None:
    """The number at the first place along the box's edges where no other number is yet."""
    font = ImageFont.load_default(max(12, size[1] // 52))
    text = str(index + 1)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 12, bottom - top + 10
    x_min, y_min, x_max, y_max = corners
    steps = [fraction / 8 for fraction in range(9)]
    places = [(x_min + (x_max - width - x_min) * step, y_min) for step in steps]
    places += [(x_min + (x_max - width - x_min) * step, y_max - height) for step in steps]
    places += [(x_min, y_min + (y_max - height - y_min) * step) for step in steps]
    places = [(min(max(x, 0), size[0] - width), min(max(y, 0), size[1] - height)) for x, y in places]
    free = (
        place for place in places if not any(_overlap((*place, place[0] + width, place[1] + height), t) for t in taken)
    )
    x, y = next(free, places[0])
    taken.append((x, y, x + width, y + height))
    pen.rounded_rectangle((x, y, x + width, y + height), radius=4, fill=colour_of(index))
    pen.text((x + 6 - left, y + 5 - top), text, font=font, fill=GROUND)


def _overlap(first, second) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
