"""What is exported holds the reader's words, not what the reader rejected."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect


@pytest.fixture
def reviewed(reader):
    """(what was rejected, what the model wrote where the reader edited)."""
    reader.visits().opens()
    lines = reader.writes_the_report()
    rejected, replaced = (lines.nth(place).locator(".sentence").inner_text() for place in (0, 1))
    lines.nth(0).get_by_role("button", name="Reject").click()
    lines.nth(1).get_by_role("button", name="Edit").click()
    reader.page.get_by_role("textbox", name="Sentence 2").fill("Written by <b>the reader</b>")
    reader.page.keyboard.press("Enter")
    return rejected, replaced


def test_text(reader, reviewed):
    text = reader.exports("txt").decode()
    report = text.split("REPORT\n")[1].split("\n\n")[0].splitlines()
    assert "Written by <b>the reader</b>." in report
    assert reviewed[0] not in report and reviewed[1] not in report
    assert "not a medical device" in text and "synthetic phantoms" in text and "chex-phantom" in text
    assert "1 of them edited" in text and "1 more rejected" in text


def test_json(reader, reviewed):
    record = json.loads(reader.exports("json"))
    first, second = record["report"]["sentences"][:2]
    assert (first["review"], first["sentence"]) == ("rejected", reviewed[0])
    assert second["edited"] and second["written_by_model"] == reviewed[1]
    assert "Written by <b>the reader</b>." in record["report"]["text"] and reviewed[0] not in record["report"]["text"]
    for scored in second["boxes"]:
        assert all(0 <= edge <= 1 for edge in scored["box"])
    assert record["provenance"]["model_name"] == "chex-phantom"
    assert "chest.png" not in json.dumps(record)


def test_picture(reader, reviewed):
    picture = Image.open(io.BytesIO(reader.exports("png")))
    phantom = Image.open(io.BytesIO(reader.phantom))
    assert picture.format == "PNG" and picture.width > phantom.width and picture.height >= phantom.height
    shown = np.asarray(picture.convert("RGB")).astype(int)[: phantom.height, : phantom.width]
    colourful = np.ptp(shown, axis=2) > 60
    assert 0 < colourful.mean() < 0.5  # boxes are drawn on a gray image
    gray = np.asarray(phantom.convert("L")).astype(int)
    assert np.abs(shown[..., 0] - gray)[~colourful].mean() < 12


def test_copied_text(reader, reviewed):
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.page.click("#copy")
    expect(reader.page.locator("#told")).to_have_text("Copied.")
    assert "Written by <b>the reader</b>." in reader.page.evaluate("navigator.clipboard.readText()")
