"""Overlay pictures: a radiograph with numbered, coloured boxes and the sentences beside it, on a dark ground."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from chex.records import Box, Finding, Report

FORMAT = "overlays"
SUFFIX = ".png"
NOTICE = "Research use only. Not a medical device."

GROUND = (11, 14, 19)
PANEL = (17, 22, 29)
RULE = (38, 47, 59)
INK = (226, 232, 240)
QUIET = (140, 152, 168)
# neighbours in the list lie far apart on the colour circle; all are legible on black and on white bone
COLOURS = (
    (255, 196, 61),
    (64, 196, 255),
    (255, 110, 132),
    (120, 230, 140),
    (198, 146, 255),
    (255, 150, 72),
    (72, 224, 208),
    (240, 128, 224),
    (206, 230, 84),
    (120, 160, 255),
    (255, 176, 168),
    (168, 236, 255),
)
PANEL_WIDTH = 560
MARGIN = 28


def colour_of(index: int) -> tuple[int, int, int]:
    """The colour of the finding at this place of the report; the same in every picture of it."""
    return COLOURS[index % len(COLOURS)]


def draw(
    pixels: np.ndarray, findings: Sequence[Finding], *, title: str = "", note: str = "", height: int = 1024
) -> Image.Image:
    """An RGB picture: the image on the left, the numbered findings on the right.

    pixels: (H, W) uint8, bone bright. Finding boxes are relative to these pixels. `height`: that of the
    drawn image in picture pixels; the picture grows where the findings need more room than that.
    Raises ValueError if the pixels are not a two-dimensional uint8 array with content.
    """
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"expected (H, W) uint8 pixels with content, found {pixels.shape} {pixels.dtype}")
    width = max(1, min(round(pixels.shape[1] * height / pixels.shape[0]), 2 * height))
    image_height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    radiograph = Image.fromarray(pixels).resize((width, image_height), Image.Resampling.LANCZOS).convert("RGB")
    _draw_boxes(radiograph, findings)

    panel = _Panel(findings, title=title, note=note, least_height=image_height)
    picture = Image.new("RGB", (width + PANEL_WIDTH, panel.height), GROUND)
    picture.paste(radiograph, (0, (panel.height - image_height) // 2))
    picture.paste(panel.picture(), (width, 0))
    return picture


def encode(report: Report, pixels: np.ndarray) -> bytes:
    """The report's picture as PNG bytes; pixels (H, W) uint8 are the original image's."""
    provenance = report.provenance
    note = f"{provenance.model_name} {provenance.model_version} · prompts: {provenance.prompt_set}"
    file = io.BytesIO()
    draw(pixels, report.findings, title="Findings", note=note).save(file, "PNG", compress_level=4)
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


class _Panel:
    """The legend: laid out once to learn its height, with smaller type where many findings share it."""

    def __init__(self, findings: Sequence[Finding], *, title: str, note: str, least_height: int):
        self.findings, self.title, self.note = findings, title, note
        for self.size in (21, 19, 17, 15):
            needed = self._lay_out(ImageDraw.Draw(Image.new("RGB", (1, 1))), measure_only=True)
            if needed <= least_height:
                break
        self.height = max(needed, least_height)

    def picture(self) -> Image.Image:
        picture = Image.new("RGB", (PANEL_WIDTH, self.height), PANEL)
        self._lay_out(ImageDraw.Draw(picture), measure_only=False)
        return picture

    def _lay_out(self, pen: ImageDraw.ImageDraw, *, measure_only: bool) -> int:
        """Draws (or only measures) from top to bottom; returns the height needed."""
        write = (lambda *_, **__: None) if measure_only else pen.text
        body, small = ImageFont.load_default(self.size), ImageFont.load_default(max(12, self.size - 5))
        y = MARGIN
        if self.title:
            write((MARGIN, y), self.title, font=ImageFont.load_default(self.size + 9), fill=INK)
            y += self.size + 9 + 20
        if not self.findings:
            # not "no findings": that would be a statement about the patient
            write((MARGIN, y), "The model wrote no sentence about this image.", font=small, fill=QUIET)
            y += 2 * self.size
        indent = MARGIN + self.size + 26
        for index, finding in enumerate(self.findings):
            self._chip(pen, y, index, filled=bool(finding.boxes), measure_only=measure_only)
            write((indent, y), _name_of(finding), font=small, fill=colour_of(index))
            score = f"{finding.boxes[0].score:.2f}" if finding.boxes else "no box"
            write((PANEL_WIDTH - MARGIN, y), score, font=small, fill=QUIET, anchor="ra")
            y += self.size + 3
            for line in _wrapped(pen, finding.sentence or "", body, PANEL_WIDTH - MARGIN - indent):
                write((indent, y), line, font=body, fill=INK)
                y += round(self.size * 1.32)
            y += round(self.size * 0.7)
        foot = [NOTICE, *_wrapped(pen, self.note, small, PANEL_WIDTH - 2 * MARGIN)] if self.note else [NOTICE]
        foot_height = 14 + len(foot) * (self.size + 2) + MARGIN // 2
        if not measure_only:
            top = self.height - foot_height
            pen.line((MARGIN, top, PANEL_WIDTH - MARGIN, top), fill=RULE)
            for place, line in enumerate(foot):
                write((MARGIN, top + 14 + place * (self.size + 2)), line, font=small, fill=QUIET)
        return y + foot_height

    def _chip(self, pen, y: int, index: int, *, filled: bool, measure_only: bool) -> None:
        if measure_only:
            return
        box = (MARGIN, y, MARGIN + self.size + 12, y + self.size + 6)
        pen.rounded_rectangle(box, radius=5, fill=colour_of(index) if filled else None, outline=colour_of(index))
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        ink = GROUND if filled else colour_of(index)
        pen.text(centre, str(index + 1), font=ImageFont.load_default(self.size - 4), fill=ink, anchor="mm")


def _name_of(finding: Finding) -> str:
    name = finding.query.name or finding.query.text or "marked box"
    return ", ".join((name, *finding.parents))


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font=font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
