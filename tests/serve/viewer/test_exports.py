"""What is exported holds the reader's words, not what the reader rejected."""

from __future__ import annotations

import io
import json

import numpy as np
import pydicom
from PIL import Image
from playwright.sync_api import expect

from pipelines.phantoms.dicom import write_dicom
from pipelines.phantoms.image import render
from pipelines.phantoms.planned import plan_studies

WORDS = "Written by <b>the reader</b>"


def test_the_page_writes_text_json_and_a_picture(reader):
    reader.visits().opens()
    lines = reader.writes_the_report()
    rejected, replaced = (lines.nth(place).locator(".sentence").inner_text() for place in (0, 1))
    lines.nth(0).get_by_role("button", name="Reject").click()
    lines.nth(1).get_by_role("button", name="Edit").click()
    reader.page.get_by_role("textbox", name="Sentence 2").fill(WORDS)
    reader.page.keyboard.press("Enter")

    is_text(reader.exports("txt").decode(), rejected, replaced)
    is_record(json.loads(reader.exports("json")), rejected, replaced)
    is_picture(Image.open(io.BytesIO(reader.exports("png"))), Image.open(io.BytesIO(reader.phantom)))

    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.page.click("#copy")
    expect(reader.page.locator("#told")).to_have_text("Copied.")
    assert f"{WORDS}." in reader.page.evaluate("navigator.clipboard.readText()")


def is_text(text, rejected, replaced):
    report = text.split("REPORT\n")[1].split("\n\n")[0].splitlines()
    assert f"{WORDS}." in report and rejected not in report and replaced not in report
    assert "not a medical device" in text and "synthetic phantoms" in text and "chex-phantom" in text
    assert "1 of them edited" in text and "1 more rejected" in text


def is_record(record, rejected, replaced):
    first, second = record["report"]["sentences"][:2]
    assert (first["review"], first["sentence"]) == ("rejected", rejected)
    assert second["edited"] and second["written_by_model"] == replaced
    assert f"{WORDS}." in record["report"]["text"] and rejected not in record["report"]["text"]
    for scored in second["boxes"]:
        assert all(0 <= edge <= 1 for edge in scored["box"])
    assert record["provenance"]["model_name"] == "chex-phantom"
    assert "chest.png" not in json.dumps(record)  # names of files may hold those of patients


def is_picture(picture, phantom):
    assert picture.format == "PNG" and picture.width > phantom.width and picture.height >= phantom.height
    shown = np.asarray(picture.convert("RGB")).astype(int)[: phantom.height, : phantom.width]
    colourful = np.ptp(shown, axis=2) > 60
    assert 0 < colourful.mean() < 0.5  # boxes are drawn on a gray image
    gray = np.asarray(phantom.convert("L")).astype(int)
    assert np.abs(shown[..., 0] - gray)[~colourful].mean() < 12


def test_the_server_writes_dicom_and_fhir(reader, tmp_path):
    planned = plan_studies(1, seed=4)[0]
    write_dicom(tmp_path / "chest.dcm", planned, render(planned.seed, size=192))
    reader.visits().opens((tmp_path / "chest.dcm").read_bytes(), name="chest.dcm")
    sentence = reader.asks("cardiac silhouette").locator(".sentence").inner_text()
    structured = pydicom.dcmread(io.BytesIO(reader.exports("dcm")))
    assert structured.Modality == "SR" and sentence.rstrip(".") in structured.to_json()
    bundle = json.loads(reader.exports("fhir.json"))
    assert bundle["resourceType"] == "Bundle" and sentence.rstrip(".") in json.dumps(bundle)


def test_what_an_image_cannot_have_is_told(reader):
    reader.visits().opens()
    reader.asks("cardiac silhouette")
    reader.page.click("#export summary")
    reader.page.click('#export [data-ending="dcm"]')
    expect(reader.page.locator("#faults .fault")).to_contain_text("The server refused this. Dicom-sr:")
