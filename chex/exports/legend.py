"""The legend beside a picture: numbered sentences in the colours of their boxes, and what is denied below them in grey."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from chex.records import Finding

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
    """The colour of the finding at this place among those that are shown."""
    return COLOURS[index % len(COLOURS)]


class Legend:
    """Laid out once to learn its height, with smaller type where many findings share it.

    shown: the findings with a number and a colour, in the order of their numbers. others: those with neither.
    """

    def __init__(
        self, shown: Sequence[Finding], others: Sequence[Finding], *, title: str, note: str, least_height: int
    ) -> None:
        self.shown, self.title, self.note = shown, title, note
        self.others = list(dict.fromkeys(text for finding in others if (text := (finding.sentence or "").strip())))
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
        small = ImageFont.load_default(max(12, self.size - 5))
        y = MARGIN
        if self.title:
            write((MARGIN, y), self.title, font=ImageFont.load_default(self.size + 9), fill=INK)
            y += self.size + 9 + 20
        if not self.shown:
            # not "no findings": that would be a statement about the patient
            said = "states something as present" if self.others else "was written"
            write((MARGIN, y), f"No sentence {said}.", font=small, fill=QUIET)
            y += 2 * self.size
        y = self._list_shown(pen, write, y, measure_only)
        y = self._list_others(pen, write, y)
        foot = [NOTICE, *_wrapped(pen, self.note, small, PANEL_WIDTH - 2 * MARGIN)] if self.note else [NOTICE]
        foot_height = 14 + len(foot) * (self.size + 2) + MARGIN // 2
        if not measure_only:
            top = self.height - foot_height
            pen.line((MARGIN, top, PANEL_WIDTH - MARGIN, top), fill=RULE)
            for place, line in enumerate(foot):
                write((MARGIN, top + 14 + place * (self.size + 2)), line, font=small, fill=QUIET)
        return y + foot_height

    def _list_shown(self, pen, write, y: int, measure_only: bool) -> int:
        body, small = ImageFont.load_default(self.size), ImageFont.load_default(max(12, self.size - 5))
        indent = MARGIN + self.size + 26
        for index, finding in enumerate(self.shown):
            if not measure_only:
                self._chip(pen, y, index, filled=bool(finding.boxes))
            score = f"{finding.boxes[0].score:.2f}" if finding.boxes else "no box"
            write((PANEL_WIDTH - MARGIN, y), score, font=small, fill=QUIET, anchor="ra")
            for line in _wrapped(pen, _name_of(finding), small, PANEL_WIDTH - MARGIN - indent - 60):
                write((indent, y), line, font=small, fill=colour_of(index))
                y += self.size + 3
            for line in _wrapped(pen, finding.sentence or "", body, PANEL_WIDTH - MARGIN - indent):
                write((indent, y), line, font=body, fill=INK)
                y += round(self.size * 1.32)
            y += round(self.size * 0.7)
        return y

    def _list_others(self, pen, write, y: int) -> int:
        if not self.others:
            return y
        quiet = ImageFont.load_default(max(12, self.size - 3))
        y += round(self.size * 0.4)
        write(
            (MARGIN, y), "Stated as absent or normal", font=ImageFont.load_default(max(12, self.size - 5)), fill=QUIET
        )
        y += round(self.size * 1.4)
        for sentence in self.others:
            for line in _wrapped(pen, sentence, quiet, PANEL_WIDTH - 2 * MARGIN):
                write((MARGIN, y), line, font=quiet, fill=QUIET)
                y += round(self.size * 1.15)
            y += round(self.size * 0.15)
        return y + round(self.size * 0.7)

    def _chip(self, pen: ImageDraw.ImageDraw, y: int, index: int, *, filled: bool) -> None:
        box = (MARGIN, y, MARGIN + self.size + 12, y + self.size + 6)
        pen.rounded_rectangle(box, radius=5, fill=colour_of(index) if filled else None, outline=colour_of(index))
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        ink = GROUND if filled else colour_of(index)
        pen.text(centre, str(index + 1), font=ImageFont.load_default(self.size - 4), fill=ink, anchor="mm")


def _name_of(finding: Finding) -> str:
    name = finding.query.name or finding.query.text or "marked box"
    return ", ".join((name, *finding.parents)).replace("_", " ")


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font=font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
