"""Radiographs are opened, shown, windowed, zoomed and moved."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.serve.asking import png
from tests.serve.viewer.reader import first


def test_a_picked_file_is_shown_as_the_model_sees_it(reader):
    reader.visits().opens()
    shown = np.asarray(Image.open(io.BytesIO(reader.phantom)))
    assert reader.page.locator("#facts").inner_text().split("   ")[0] == f"{shown.shape[1]} × {shown.shape[0]}"
    for x, y in ((0.3, 0.4), (0.5, 0.9), (0.02, 0.02)):
        expected = shown[int(y * shown.shape[0]), int(x * shown.shape[1])]
        assert reader.gray(x, y) == pytest.approx(expected, abs=14)
    expect(reader.page.locator("#notice")).to_contain_text("synthetic phantoms")
    expect(reader.page.locator("#research")).to_contain_text("not a medical device")


def test_a_dropped_file_and_a_strip_of_several(reader):
    reader.visits()
    dropped = reader.page.evaluate_handle(
        """bytes => { const brought = new DataTransfer();
           brought.items.add(new File([new Uint8Array(bytes)], "dropped.png")); return brought; }""",
        list(reader.phantom),
    )
    for kind in ("dragenter", "dragover", "drop"):
        reader.page.dispatch_event("#stage", kind, {"dataTransfer": dropped})
    expect(reader.page.locator("#picture")).to_be_visible()
    expect(reader.page.locator("#strip")).to_be_hidden()
    reader.picks(png(1, size=(90, 200)))
    expect(reader.page.locator("#facts")).to_contain_text("200 × 90")
    reader.page.locator("#strip .thumbnail").first.click()
    expect(reader.page.locator("#facts")).not_to_contain_text("200 × 90")
    reader.page.locator("#strip").get_by_role("button", name="Close chest.png").click()
    expect(reader.page.locator("#strip")).to_be_hidden()


def test_what_is_closed_is_not_sent(reader):
    page, sent = reader.visits().page, []
    page.route("**/v1/images", first(1, lambda route: None))  # the first stays on its way
    page.on("request", lambda request: sent.append(request.method))
    with page.expect_request("**/v1/images"):
        reader.picks(png(1), png(2), png(3, size=(90, 200)))
    close = page.locator("#strip").get_by_role("button", name="Close chest.png")
    close.nth(1).click()  # before its turn
    with page.expect_event("requestfailed"):
        close.first.click()  # while it travels
    expect(page.locator("#facts")).to_contain_text("200 × 90")
    assert sent.count("POST") == 2


def test_what_is_closed_leaves_no_picture_behind(reader):
    page, held = reader.page, []
    page.add_init_script(
        """const made = window.made = new Set(), { createObjectURL, revokeObjectURL } = URL;
           URL.createObjectURL = (blob) => { const address = createObjectURL(blob); made.add(address); return address; };
           URL.revokeObjectURL = (address) => { made.delete(address); revokeObjectURL(address); };"""
    )
    page.route("**/pixels", first(1, lambda route: held.append(route)))
    reader.visits()
    with page.expect_request("**/pixels"):
        reader.picks(png(1), png(2), png(3))
    page.locator("#strip").get_by_role("button", name="Close chest.png").first.click()
    held[0].continue_()
    expect(page.locator("#strip img:visible")).to_have_count(2)
    assert page.evaluate("made.size") == 2


def test_window_invert_and_reset(reader):
    reader.visits().opens()
    place = (0.3, 0.4)
    before = reader.gray(*place)
    reader.page.keyboard.press("i")
    assert reader.gray(*place) == pytest.approx(255 - before, abs=3)
    reader.page.keyboard.press("i")
    # the right button: to the right widens the window, down raises the level
    reader.page.mouse.move(*reader.place(0.5, 0.5))
    reader.page.mouse.down(button="right")
    reader.page.mouse.move(*reader.place(0.5, 0.7), steps=3)
    reader.page.mouse.up(button="right")
    assert reader.gray(*place) < before - 20
    expect(reader.page.locator("#grays")).not_to_contain_text("level 128")
    reader.page.keyboard.press("0")
    assert reader.gray(*place) == pytest.approx(before, abs=2)
    expect(reader.page.locator("#grays")).to_contain_text("window 255 level 128")


def test_zoom_keeps_the_place_under_the_pointer_and_boxes_keep_to_the_image(reader):
    reader.visits().opens()
    reader.draws(0.2, 0.2, 0.5, 0.6)
    at = reader.place(0.4, 0.3)
    wide = reader.page.locator("#image").bounding_box()["width"]
    reader.page.mouse.move(*at)
    reader.page.mouse.wheel(0, -400)
    assert reader.page.locator("#image").bounding_box()["width"] > 1.5 * wide
    assert reader.place(0.4, 0.3) == pytest.approx(at, abs=1)
    assert reader.relative(reader.box) == pytest.approx([0.2, 0.2, 0.5, 0.6], abs=0.01)
    reader.page.click('[data-tool="pan"]')
    reader.page.mouse.move(*at)
    reader.page.mouse.down()
    reader.page.mouse.move(at[0] - 30, at[1] + 20, steps=2)
    reader.page.mouse.up()
    assert reader.place(0.4, 0.3) == pytest.approx((at[0] - 30, at[1] + 20), abs=1)
    assert reader.relative(reader.box) == pytest.approx([0.2, 0.2, 0.5, 0.6], abs=0.01)
    reader.page.click('[data-tool="fit"]')
    assert reader.page.locator("#image").bounding_box()["width"] == pytest.approx(wide, abs=1)
