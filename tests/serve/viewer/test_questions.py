"""Questions by words, by box and by both, with hints and suggestions."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect


def asked_and_answered(reader, *how):
    """What went over the wire for one question: the query that was sent, the finding that came back."""
    with reader.page.expect_response("**/queries") as answer:
        reader.asks(*how)
    (query,) = json.loads(answer.value.request.post_data)["queries"]
    return query, answer.value.json()["findings"][0]


def test_words_are_answered_by_boxes_and_a_sentence(reader):
    reader.visits().opens()
    query, finding = asked_and_answered(reader, "pleural effusion")
    assert query == {"text": "pleural effusion"}
    line = reader.answer()
    expect(line.locator(".sentence")).to_have_text(finding["sentence"])
    expect(line.locator(".name")).to_have_text("pleural effusion")
    shown = reader.boxes(line)  # the line is lit, so its boxes are there whatever the sentence says
    assert finding["boxes"] and shown.count() == len(finding["boxes"])
    for place, scored in enumerate(finding["boxes"]):
        assert reader.relative(shown.nth(place)) == pytest.approx(scored["box"], abs=0.005)


def test_a_drawn_box_alone_and_with_words(reader):
    reader.visits().opens()
    drawn = [0.55, 0.5, 0.9, 0.85]
    reader.draws(*drawn)
    expect(reader.page.locator("#asked")).to_contain_text("drawn box")
    query, finding = asked_and_answered(reader)
    assert set(query) == {"box"} and query["box"] == pytest.approx(drawn, abs=0.005)
    assert finding["boxes"][0]["box"] == pytest.approx(query["box"], abs=1e-6)
    expect(reader.box).to_have_count(0)

    reader.draws(*drawn)
    query, _ = asked_and_answered(reader, "opacity")
    assert query["text"] == "opacity" and query["box"] == pytest.approx(drawn, abs=0.005)
    expect(reader.answer().locator(".name")).to_have_text("opacity, in the drawn box")


def test_a_drawn_box_is_moved_sized_and_removed(reader):
    reader.visits().opens()
    reader.draws(0.2, 0.2, 0.5, 0.5)
    reader.draws(0.35, 0.35, 0.45, 0.4)  # from its inside: moves it
    assert reader.relative(reader.box) == pytest.approx([0.3, 0.25, 0.6, 0.55], abs=0.01)
    reader.draws(0.6, 0.55, 0.7, 0.8)  # from its corner: the opposite one stays
    assert reader.relative(reader.box) == pytest.approx([0.3, 0.25, 0.7, 0.8], abs=0.01)
    reader.page.get_by_role("button", name="Remove the drawn box").click()
    expect(reader.box).to_have_count(0)


def test_hints_are_added_to_the_words(reader):
    reader.visits().opens()
    for words, chips, asked in (
        ("nodule", ["left", "upper lung zone"], "nodule in the left upper lung zone"),
        ("pleural effusion", ["right"], "pleural effusion in the right lung"),
        ("", ["lower lung zone"], "lower lung zones"),
        ("opacity", ["right", "left"], "opacity in the left lung"),
    ):
        reader.page.fill("#text", words)
        for chip in chips:
            reader.page.click(f'#hints [data-value="{chip}"]')
        assert asked_and_answered(reader)[0] == {"text": asked}
        expect(reader.page.locator("#hints [aria-pressed=true]")).to_have_count(0)

    # rarer places, and those without a side
    mediastinum = reader.page.locator('#hints [data-value="mediastinum"]')
    expect(mediastinum).to_be_hidden()
    reader.page.get_by_role("button", name="more", exact=True).click()
    reader.page.click('#hints [data-value="right"]')
    mediastinum.click()
    expect(reader.page.locator('#hints [data-value="right"]')).to_have_attribute("aria-pressed", "false")
    assert asked_and_answered(reader, "widening")[0] == {"text": "widening in the mediastinum"}


def test_suggestions_by_keys(reader):
    reader.visits().opens()
    reader.page.focus("#text")
    reader.page.keyboard.type("cardiom")
    expect(reader.page.get_by_role("option").first).to_have_text("cardiomegaly")
    reader.page.keyboard.press("ArrowDown")
    expect(reader.page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    reader.page.keyboard.press("Enter")
    expect(reader.page.locator("#text")).to_have_value("cardiomegaly")
    reader.page.keyboard.press("Enter")
    expect(reader.answer().locator(".name")).to_have_text("cardiomegaly")


def test_what_was_asked_before_is_asked_again(reader):
    reader.visits().opens()
    reader.asks("edema")
    reader.draws(0.1, 0.5, 0.4, 0.9)
    reader.asks()
    with reader.page.expect_response("**/queries") as answer:
        reader.page.locator("#recent-list").get_by_role("button", name="edema").click()
    assert json.loads(answer.value.request.post_data) == {"queries": [{"text": "edema"}]}
    expect(reader.page.locator("#answers .item")).to_have_count(3)
    reader.page.get_by_role("button", name="Remove this answer").first.click()
    expect(reader.page.locator("#answers .item")).to_have_count(2)


def test_without_image_or_question_the_page_says_what_is_missing(reader):
    reader.visits()
    reader.page.click("#submit")
    expect(reader.page.locator("#told")).to_have_text("Open a radiograph first.")
    reader.opens()
    reader.page.click("#submit")
    expect(reader.page.locator("#told")).to_contain_text("Type what to look for")
