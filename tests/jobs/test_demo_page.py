"""The demo's page: complete, self-contained, and honest about its figures."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from chex.records import Finding, Query, ScoredBox
from jobs.demonstration.page import DemoCase, write_page

FIGURES = {
    "anatomy_mean_iou": {"value": 0.81, "baseline": 0.63},
    "report_micro_f1": {"value": 0.4, "baseline": 0.5},
}


def case(number: int, **changes) -> DemoCase:
    finding = Finding(
        Query(text="pleural effusion", name="pleural_effusion"),
        (ScoredBox((0.1, 0.6, 0.4, 0.9), 0.8), ScoredBox((0.6, 0.6, 0.9, 0.9), 0.4)),
        "Small <right> effusion & more.",
    )
    fields = {
        "name": f"study {number}",
        "pixels": np.full((60, 50), 100, np.uint8),
        "findings": (finding,),
        "truth_boxes": (("pleural effusion", (0.12, 0.61, 0.41, 0.88)),),
        "truth_sentences": ("There is a small right pleural effusion.",),
    }
    return DemoCase(**fields | changes)


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def page(tmp_path):
    write_page(tmp_path / "index.html", [case(n) for n in range(12)], FIGURES, {"train": 600.0, "convert": 12.0})
    return (tmp_path / "index.html").read_text()


def test_every_study_is_there_with_boxes_sentences_and_truth(page):
    tags = Tags(page).found
    assert sum(tag == "article" for tag, _ in tags) == 12
    boxes = [attributes for tag, attributes in tags if tag == "rect" and attributes["class"] != "truth"]
    linked = {attributes["data-boxes"] for _, attributes in tags if "data-boxes" in attributes}
    assert len(boxes) == 24 and {box["data-name"] for box in boxes} == linked and len(linked) == 12
    assert float(boxes[0]["x"]) == pytest.approx(0.1) and float(boxes[0]["width"]) == pytest.approx(0.3)
    assert page.count("There is a small right pleural effusion.") == 12
    assert sum(attributes.get("class") == "truth" for tag, attributes in tags if tag == "rect") == 12


def test_words_are_escaped(page):
    assert "Small &lt;right&gt; effusion &amp; more." in page and "<right>" not in page


def test_denials_are_listed_without_boxes(tmp_path):
    stated = case(0).findings[0]
    denied = replace(stated, sentence="No <large> effusion.")
    write_page(tmp_path / "index.html", [case(0, findings=(denied, stated)), case(1, findings=(denied,))], FIGURES, {})
    text = (tmp_path / "index.html").read_text()
    boxes = [a for tag, a in Tags(text).found if tag == "rect" and a["class"] != "truth"]
    assert len(boxes) == 2 and {box["data-name"] for box in boxes} == {"finding-0-0"}
    assert text.count("No &lt;large&gt; effusion.") == 2 and "No sentence states something as present." in text


def test_nothing_is_loaded_from_elsewhere(page):
    for tag, attributes in Tags(page).found:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert not re.search(r"https?://|@import|url\(|<!-- [A-Z]+ -->", page)


def test_figures_stand_beside_their_baselines(page):
    assert "0.81" in page and "0.63" in page and "10.0 min" in page and "12 s" in page
    assert page.count("track above") == 1 and page.count("track below") == 1  # a figure below its baseline says so


def test_a_study_without_findings_and_an_unknown_figure(tmp_path):
    normal = case(0, findings=(), truth_boxes=(), truth_sentences=())
    write_page(tmp_path / "index.html", [normal], {"new_figure": {"value": 2.0, "baseline": -1.0}}, {})
    text = (tmp_path / "index.html").read_text()
    assert "normal" in text and "No sentence was written." in text and "new figure" in text


def test_a_figure_that_is_undefined_says_so(tmp_path):
    write_page(tmp_path / "index.html", [], {"pathology_map": {"value": None, "baseline": 0.1}}, {})
    text = (tmp_path / "index.html").read_text()
    assert '<td class="value">–</td>' in text and "track" not in text.split("</style>")[1]


def test_a_figure_without_baseline_is_refused(tmp_path):
    with pytest.raises(ValueError, match="region_auroc needs value and baseline"):
        write_page(tmp_path / "index.html", [], {"region_auroc": {"value": 0.9}}, {})
