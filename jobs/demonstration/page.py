"""The demo's page: one self-contained HTML file with figures, and studies whose sentences light up their boxes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from chex.exports.legend import colour_of
from chex.exports.statements import shows_boxes
from chex.records import Box, Finding

LONGEST_SIDE = 512  # of an image in the page: twelve of them stay below 3 MB

# what a reader needs to know of each figure: its name, what it measures, what its baseline is
FIGURES = {
    "anatomy_mean_iou": (
        "Anatomy found",
        "How well boxes of anatomical regions cover the true ones: shared area over joined area, 1 is perfect.",
        "the training set's mean box of each region",
    ),
    "pathology_map": (
        "Findings located",
        "Mean average precision of finding boxes over overlaps from 0.1 to 0.7: right finding, right place, 1 is perfect.",
        "the training set's mean boxes of each finding",
    ),
    "region_auroc": (
        "Regions classified",
        "How often a region with a finding scores above the same region without it, averaged over regions and findings.",
        "chance",
    ),
    "image_auroc": (
        "Images classified",
        "How often an image with a finding scores above one without it, averaged over findings.",
        "chance",
    ),
    "report_micro_f1": (
        "Reports agree",
        "Findings stated in the generated reports against those in the true reports, both read by the same rules.",
        "the better of the commonest and a random training report",
    ),
}
STEPS = {
    "phantoms": "making the phantoms",
    "convert": "converting them to Parquet",
    "train": "training",
    "evaluate": "measuring",
    "reports": "writing the reports",
}


@dataclass(frozen=True, slots=True)
class DemoCase:
    """One held-out study. pixels (H, W) uint8, bone bright; every box is relative to them."""

    name: str
    pixels: np.ndarray
    findings: tuple[Finding, ...]  # what the model says, in the order of its report
    truth_boxes: tuple[tuple[str, Box], ...]  # (name of the finding, box), as the phantom was made
    truth_sentences: tuple[str, ...]


def write_page(
    path: str | Path,
    cases: Sequence[DemoCase],
    figures: Mapping[str, Mapping[str, float | None]],
    seconds: Mapping[str, float],
) -> None:
    """Writes the page: figures {NAME: {"value", "baseline"}}, seconds {STEP: s}. It loads nothing from elsewhere.

    Raises ValueError if a figure has no value or no baseline.
    """
    for name, figure in figures.items():
        if not {"value", "baseline"} <= set(figure):
            raise ValueError(f"figure {name} needs value and baseline; found {', '.join(figure) or 'nothing'}")
    here = Path(__file__).parent
    parts = {
        "STYLE": (here / "page.css").read_text(encoding="utf-8"),
        "SCRIPT": (here / "page.js").read_text(encoding="utf-8"),
        "FIGURES": "\n".join(_figure(name, figure) for name, figure in figures.items()),
        "STEPS": _steps(seconds),
        "CASES": "\n".join(_case(case, place) for place, case in enumerate(cases)),
        "COUNT": str(len(cases)),
    }
    page = (here / "page.html").read_text(encoding="utf-8")
    for name, content in parts.items():
        page = page.replace(f"<!-- {name} -->", content)
    Path(path).write_text(page, encoding="utf-8")


def _figure(name: str, figure: Mapping[str, float | None]) -> str:
    title, meaning, baseline = FIGURES.get(name, (name.replace("_", " "), "", "the trivial answer"))
    value, floor = figure["value"], figure["baseline"]
    return (
        f'<tr><th scope="row">{escape(title)}<small>{escape(meaning)}</small></th>'
        f'<td class="value">{_number(value)}</td>'
        f'<td class="bar">{_bar(value, floor)}</td>'
        f'<td class="baseline">{_number(floor)}<small>{escape(baseline)}</small></td></tr>'
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _bar(value: float | None, floor: float | None) -> str:
    """A bar from 0 to 1 with a mark at the baseline; none for a figure that few studies leave undefined."""
    if value is None or floor is None:
        return ""
    reach, mark = (100 * min(max(share, 0.0), 1.0) for share in (value, floor))
    better = "above" if value > floor else "below"
    return f'<div class="track {better}"><i style="width:{reach:.1f}%"></i><u style="left:{mark:.1f}%"></u></div>'


def _steps(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values())
    steps = "".join(f"<li><b>{_duration(s)}</b> {escape(STEPS.get(name, name))}</li>" for name, s in seconds.items())
    return f"{steps}<li><b>{_duration(total)}</b> altogether</li>"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _case(case: DemoCase, place: int) -> str:
    shown = [finding for finding in case.findings if shows_boxes(finding)]
    others = dict.fromkeys(
        finding.sentence for finding in case.findings if not shows_boxes(finding) and finding.sentence
    )
    truth = "".join(_rectangle(box, "truth", "#fff", label) for label, box in case.truth_boxes)
    boxes = "".join(
        _rectangle(scored.box, "second" if rank else "", _hex(index), f"finding-{place}-{index}")
        for index, finding in enumerate(shown)
        for rank, scored in enumerate(finding.boxes)
    )
    said = "".join(_sentence(finding, place, index) for index, finding in enumerate(shown))
    said = said or f"<li>No sentence {'states something as present' if others else 'was written'}.</li>"
    denied = "".join(f"<li>{escape(sentence)}</li>" for sentence in others)
    denied = f'<h4>Stated as absent or normal</h4><ul class="denied">{denied}</ul>' if others else ""
    names = ", ".join(sorted({label for label, _ in case.truth_boxes})) or "normal"
    true_sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in case.truth_sentences)
    height, width = case.pixels.shape
    return f"""<article>
<header><h3>{escape(case.name)}</h3><label><input type="checkbox" class="show-truth"> true boxes</label></header>
<div class="body"><figure style="aspect-ratio:{width}/{height}"><img src="{_picture(case.pixels)}" alt="Phantom {escape(case.name)}">
<svg viewBox="0 0 1 1" preserveAspectRatio="none">{truth}{boxes}</svg></figure>
<div class="words"><h4>The model's report</h4><ol>{said}</ol>{denied}
<details><summary>The truth: <b>{escape(names)}</b></summary><ul>{true_sentences}</ul></details></div></div>
</article>"""


def _sentence(finding: Finding, place: int, index: int) -> str:
    name = finding.query.name or finding.query.text or "marked box"
    score = f"{finding.boxes[0].score:.2f}" if finding.boxes else "no box"
    return (
        f'<li tabindex="0" data-boxes="finding-{place}-{index}" style="--hue:{_hex(index)}">'
        f"{escape(finding.sentence or '(no words)')}<small>{escape(name.replace('_', ' '))} · {score}</small></li>"
    )


def _rectangle(box: Box, kind: str, hue: str, name: str) -> str:
    x_min, y_min, x_max, y_max = box
    return (
        f'<rect class="{kind}" data-name="{escape(name)}" style="--hue:{hue}" x="{x_min:.4f}" y="{y_min:.4f}" '
        f'width="{x_max - x_min:.4f}" height="{y_max - y_min:.4f}"><title>{escape(name) if kind == "truth" else ""}</title></rect>'
    )


def _hex(index: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour_of(index))


def _picture(pixels: np.ndarray) -> str:
    """A data URI; JPEG, because twelve PNGs of noisy images would weigh ten times as much."""
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
