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
from tests.serve.viewer.told_report import PROVENANCE, ToldReport, finding

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


def asked_of_the_server(reader) -> dict:
    """What the page sends with an export; the test answers it."""
    asked = []

    def answer(route):
        asked.append(route.request.post_data_json)
        route.fulfill(body="{}")

    reader.page.route("**/export", answer)
    reader.exports("fhir.json")
    reader.page.unroute("**/export")
    return asked[0]


def test_the_server_is_told_whose_report_it_is_and_whether_it_was_changed(reader):
    told = ToldReport.begun(reader, "edema", "opacity")
    told.ends(finding("edema", "There is edema."), finding("opacity", "There is opacity."))
    button = told.lines.first.get_by_role

    def was_changed() -> bool:
        asked = asked_of_the_server(reader)
        assert asked["provenance"] == PROVENANCE
        return asked["edited"]

    assert not was_changed()
    button("button", name="Accept").click()
    assert not was_changed()
    button("button", name="Reject").click()
    assert was_changed()
    button("button", name="Reject").click()
    assert not was_changed()
    button("button", name="Edit").click()
    reader.page.get_by_role("textbox", name="Sentence 1").fill(WORDS)
    reader.page.keyboard.press("Enter")
    assert was_changed()
    button("button", name="Back to the model's words").click()
    assert not was_changed()
    reader.page.click("#tab-answers")
    reader.asks("cardiac silhouette")
    reader.page.get_by_role("button", name="Add to the report").click()
    assert was_changed()


def test_what_the_reader_kept_of_a_merged_sentence_is_a_change(reader):
    told = ToldReport.begun(reader, "edema", "opacity")
    told.writes("opacity", "There is opacity.")
    told.lines.nth(1).get_by_role("button", name="Accept").click()
    told.ends(finding("edema", "There is edema.", "opacity"))
    asked = asked_of_the_server(reader)
    assert asked["edited"] and [kept["parents"] for kept in asked["findings"]] == [[], []]


def test_answers_have_no_report_to_come_from(reader):
    reader.visits().opens()
    reader.asks("cardiac silhouette")
    assert set(asked_of_the_server(reader)) == {"format", "findings"}
    reader.page.get_by_role("button", name="Add to the report").click()
    assert set(asked_of_the_server(reader)) == {"format", "findings"}
