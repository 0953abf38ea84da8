"""The page without a pointer, for those who listen, on small screens, and under its own policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from serve.routes.pages import VIEWER


def test_a_whole_reading_by_keys(reader):
    page = reader.visits().page
    page.keyboard.press("o")  # opens the system's dialog, which Playwright catches
    reader.opens()
    page.keyboard.press("b")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
    assert reader.relative(reader.box) == pytest.approx([0.3, 0.35, 0.6, 0.7], abs=0.01)
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("opacity")
    page.keyboard.press("Escape")  # closes the suggestions, and leaves the box
    page.keyboard.press("Enter")
    expect(reader.answer().locator(".name")).to_have_text("opacity, in the drawn box")
    page.locator("#stage").focus()
    page.keyboard.press("r")
    expect(page.locator("#provenance")).not_to_be_empty()
    page.keyboard.press("k")
    expect(page.locator("#report .item").last).to_have_class("item lit")
    page.keyboard.press("s")
    page.keyboard.press("ArrowDown")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_single_keys_can_be_switched_off(reader):
    page = reader.visits().opens().page
    page.locator("#stage").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and pointer")).to_contain_text("Accept the lit sentence")
    page.get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    expect(page.locator('#tools [data-tool="invert"]')).to_have_attribute("aria-pressed", "false")


def test_the_toolbar_is_one_stop_of_the_tab_key(reader):
    page = reader.visits().opens().page
    page.locator('#tools [data-tool="open"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('#tools [data-tool="draw"]')).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#stage")).to_be_focused()


def test_the_toolbar_is_reached_while_its_tool_cannot_be_used(reader):
    page = reader.visits().opens().page
    page.locator('#tools [data-tool="fit"]').focus()
    page.route("**/v1/images", lambda route: None)  # the next image stays on its way
    reader.picks(reader.phantom)
    expect(page.locator('#tools [data-tool="fit"]')).to_be_disabled()
    page.locator("#show-keys").focus()
    page.keyboard.press("Tab")
    expect(page.locator('#tools [data-tool="open"]')).to_be_focused()


def test_everything_that_can_be_pressed_or_filled_has_a_name(reader):
    page = reader.visits().opens().page
    reader.asks("edema")
    reader.writes_the_report()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, summary, [role=listbox], [role=toolbar]")]
            .filter((node) => !(node.getAttribute("aria-label") || node.labels?.length || node.innerText?.trim()
              || node.textContent.trim()))
            .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert page.locator("#image").get_attribute("alt")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_an_answer_is_spoken(reader):
    reader.visits().opens()
    sentence = reader.asks("edema").locator(".sentence").inner_text()
    expect(reader.page.locator("#heard[aria-live=polite]")).to_have_text(f"Answer: {sentence}")


def test_nothing_sticks_out_of_the_screen(reader):
    reader.visits().opens()
    reader.asks("pleural effusion in the right lower lung zone")
    for width, height in ((390, 844), (768, 1024), (1440, 900)):
        reader.page.set_viewport_size({"width": width, "height": height})
        reader.page.locator("#export summary").click()
        expect(reader.page.locator('#export [data-ending="txt"]')).to_be_in_viewport()
        reader.page.locator("#export summary").click()
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        frame, stage = (reader.page.locator(name).bounding_box() for name in ("#image", "#stage"))
        assert stage["width"] > 0.45 * width and frame["x"] >= stage["x"]
        assert frame["y"] + frame["height"] <= stage["y"] + stage["height"]


def test_on_a_phone_a_sentence_is_read_with_its_boxes_in_sight(reader):
    reader.page.set_viewport_size({"width": 390, "height": 844})
    reader.visits().opens()
    line = reader.writes_the_report().last
    line.locator(".pick").click()
    box, stage = reader.boxes(line).first.bounding_box(), reader.page.locator("#stage").bounding_box()
    assert stage["y"] >= 0 and box["y"] + box["height"] / 2 < stage["y"] + stage["height"]
    assert line.bounding_box()["y"] >= stage["y"] + stage["height"] - 1


def test_no_script_within_the_page_is_run(reader, api):
    policy = api.get("").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    reader.visits().opens()
    reader.asks("<img src=x onerror=alert(1)>")
    expect(reader.answer().locator(".name")).to_have_text("<img src=x onerror=alert(1)>")
    expect(reader.page.locator("aside img")).to_have_count(0)


def test_every_module_is_fetched_at_once(api):
    """Each import would wait for the one before otherwise, which a slow network makes long."""
    page = api.get("").text
    modules = {file.relative_to(VIEWER).as_posix() for file in VIEWER.rglob("*.js")} - {"docs.js"}
    assert {module for module in modules if f'<link rel="modulepreload" href="viewer/{module}">' in page} == modules


def test_its_keys_and_suggestions_come_from_the_vocabulary(api):
    known = api.get("v1/vocabulary").json()
    effusion = next(term for term in known["findings"] if term["id"] == "pleural_effusion")
    assert effusion["prompt"] == "pleural effusion" and effusion["synonyms"]
    regions = {region["name"]: region for region in known["regions"]}
    assert regions["right lower lung zone"]["side"] == "right" and regions["mediastinum"]["side"] is None
    assert regions["lower lung zones"]["parts"] == ["right lower lung zone", "left lower lung zone"]
    assert api.get("v1/model").json()["notice"].startswith("Trained on synthetic phantoms only")
