"""The report: streamed in, linked with its boxes both ways, accepted, edited and rejected."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.serve.asking import upload


@pytest.fixture
def written(reader):
    reader.visits().opens()
    lines = reader.writes_the_report()
    assert lines.count() >= 3, "the tests below need some sentences"
    return lines


def test_it_says_what_the_api_says(reader, written, api):
    image_id = upload(api, reader.phantom).json()["image_id"]
    report = api.post(f"v1/images/{image_id}/report").json()
    assert written.locator(".sentence").all_inner_texts() == [finding["sentence"] for finding in report["findings"]]
    made = report["provenance"]
    for known in (made["model_name"], made["model_version"], made["prompt_set"], made["input_sha256"][:12]):
        expect(reader.page.locator("#provenance")).to_contain_text(known)


def test_a_sentence_lights_its_boxes_and_a_box_its_sentence(reader, written):
    stating = reader.page.locator("#report .item:not([data-absent=true])")
    line = stating.first
    line.locator(".pick").click()
    expect(line.locator(".pick")).to_have_attribute("aria-pressed", "true")
    reader.page.mouse.move(1, 1)
    lit = reader.page.locator("#boxes .lit")
    expect(lit).to_have_attribute("data-line", line.get_attribute("data-line"))
    reader.page.keyboard.press("Escape")
    expect(lit).to_have_count(0)

    # a click on the image chooses a line that has a box there
    left, top, right, bottom = reader.relative(reader.boxes(line).first)
    reader.page.mouse.click(*reader.place((left + right) / 2, (top + bottom) / 2))
    chosen = reader.page.locator("#report .item.lit")
    expect(chosen).to_have_count(1)
    expect(chosen).to_be_in_viewport()
    boxes = reader.boxes(chosen)
    inside = [reader.relative(boxes.nth(place)) for place in range(boxes.count())]
    x, y = (left + right) / 2, (top + bottom) / 2
    assert any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in inside)

    # boxes of a sentence that denies show only when it is lit
    denying = reader.page.locator("#report .item[data-absent=true]").first
    expect(denying).to_be_attached()
    expect(reader.boxes(denying)).to_have_count(0)
    denying.locator(".pick").click()
    expect(reader.boxes(denying).first).to_be_attached()


def test_accept_edit_reject_by_pointer(reader, written):
    model_words = written.nth(1).locator(".sentence").inner_text()
    written.nth(0).get_by_role("button", name="Accept").click()
    expect(written.nth(0)).to_have_attribute("data-review", "accepted")
    written.nth(1).get_by_role("button", name="Edit").click()
    reader.page.get_by_role("textbox", name="Sentence 2").fill("The heart is of normal size.")
    reader.page.get_by_role("button", name="Save").click()
    expect(written.nth(1).locator(".sentence")).to_have_text("The heart is of normal size.")
    expect(written.nth(1).locator(".mark")).to_have_text("accepted, edited")
    written.nth(2).get_by_role("button", name="Reject").click()
    expect(written.nth(2)).to_have_attribute("data-review", "rejected")
    expect(reader.page.locator("#reviewed")).to_have_text(f"3 of {written.count()} reviewed")
    written.nth(1).get_by_role("button", name="Back to the model's words").click()
    expect(written.nth(1).locator(".sentence")).to_have_text(model_words)
    reader.page.click("#accept-all")
    expect(reader.page.locator("#reviewed")).to_have_text("All reviewed")
    expect(written.nth(2)).to_have_attribute("data-review", "rejected")


def test_accept_edit_reject_by_keys(reader, written):
    before = written.nth(1).locator(".sentence").inner_text()
    reader.page.locator("#stage").focus()
    reader.page.keyboard.press("j")
    reader.page.keyboard.press("a")  # accepts the first, goes to the second
    expect(written.nth(0)).to_have_attribute("data-review", "accepted")
    reader.page.keyboard.press("e")
    field = reader.page.get_by_role("textbox", name="Sentence 2")
    expect(field).to_be_focused()
    field.press_sequentially(" Axr?")  # letters, not commands
    reader.page.keyboard.press("Escape")
    expect(written.nth(1).locator(".sentence")).to_have_text(before)
    reader.page.keyboard.press("e")
    field.fill("Clear lungs.")
    reader.page.keyboard.press("Enter")
    expect(written.nth(1).locator(".sentence")).to_have_text("Clear lungs.")
    reader.page.keyboard.press("x")
    expect(written.nth(1)).to_have_attribute("data-review", "rejected")


def test_another_prompt_set(reader):
    reader.visits().opens()
    reader.page.click("#tab-report")
    reader.page.get_by_label("What the report asks for").select_option("anatomy")
    reader.writes_the_report()
    expect(reader.page.locator("#provenance")).to_contain_text("prompt set anatomy")


def test_an_answer_becomes_a_sentence_of_the_report(reader, written):
    count = written.count()
    reader.page.click("#tab-answers")
    sentence = reader.asks("cardiac silhouette").locator(".sentence").inner_text()
    reader.page.get_by_role("button", name="Add to the report").click()
    reader.page.click("#tab-report")
    expect(written).to_have_count(count + 1)
    expect(written.last.locator(".sentence")).to_have_text(sentence)
