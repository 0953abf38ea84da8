"""What a reader does at the page, in the reader's own terms."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect


@dataclass
class Reader:
    page: Page
    address: str
    phantom: bytes

    def visits(self) -> Reader:
        self.page.goto(self.address)
        expect(self.page.locator("#hints [data-kind]").first).to_be_attached()
        return self

    def opens(self, *files: bytes, name="chest.png") -> Reader:
        """By default the phantom; returns when it is shown."""
        self.picks(*(files or [self.phantom]), name=name)
        expect(self.page.locator("#picture")).to_be_visible()
        return self

    def picks(self, *files: bytes, name="chest.png") -> None:
        self.page.set_input_files(
            "#file", [{"name": name, "mimeType": "application/octet-stream", "buffer": file} for file in files]
        )

    def asks(self, text: str | None = None) -> Locator:
        """The line of the answer, once it is there."""
        if text is not None:
            self.page.fill("#text", text)
        self.page.press("#text", "Tab")  # closes the suggestions
        self.page.click("#submit")
        return self.answer()

    def answer(self) -> Locator:
        line = self.page.locator("#answers .item").first
        expect(line).to_have_attribute("data-phase", "written")
        return line

    def draws(self, x_min: float, y_min: float, x_max: float, y_max: float) -> None:
        """From corner to corner, relative to the image."""
        start, end = self.place(x_min, y_min), self.place(x_max, y_max)
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()

    def place(self, x: float, y: float) -> tuple[float, float]:
        frame = self.page.locator("#image").bounding_box()
        return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]

    def relative(self, rectangle: Locator) -> list[float]:
        """Where a rectangle on the stage lies on the image, as x_min, y_min, x_max, y_max."""
        stage, frame = self.page.locator("#stage").bounding_box(), self.page.locator("#image").bounding_box()
        x, y, width, height = (float(rectangle.get_attribute(name)) for name in ("x", "y", "width", "height"))
        x, y = x + stage["x"] - frame["x"], y + stage["y"] - frame["y"]
        return [x / frame["width"], y / frame["height"], (x + width) / frame["width"], (y + height) / frame["height"]]

    @property
    def box(self) -> Locator:
        """The one that is drawn."""
        return self.page.locator("#boxes .drawn")

    def boxes(self, line: Locator) -> Locator:
        key = line.get_attribute("data-line")
        return self.page.locator(f'#boxes [data-line="{key}"] > rect')

    def writes_the_report(self) -> Locator:
        """The lines of the report, once all are written."""
        self.page.click("#tab-report")
        self.page.click("#write")
        expect(self.page.locator("#provenance")).not_to_be_empty()
        return self.page.locator("#report .item")

    def exports(self, ending: str) -> bytes:
        self.page.click("#export summary")
        with self.page.expect_download() as download:
            self.page.click(f'#export [data-ending="{ending}"]')
        assert download.value.suggested_filename.endswith(f".{ending}")
        with open(download.value.path(), "rb") as file:
            return file.read()

    def gray(self, x: float, y: float) -> float:
        """Mean gray level of a few shown pixels at a place of the image."""
        left, top = self.place(x, y)
        shown = self.page.screenshot(clip={"x": left - 3, "y": top - 3, "width": 6, "height": 6})
        return float(np.asarray(Image.open(io.BytesIO(shown)).convert("L")).mean())


def refuses(status: int, detail: str = "told by the test", **headers: str):
    """A handler of requests that answers as the server would: a problem (RFC 9457)."""

    def handler(route: Route) -> None:
        problem = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}
        route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(problem), headers=headers)

    return handler


def first(times: int, handler):
    """The handler for so many requests, the server itself for all others."""
    left = [times]

    def some(route: Route) -> None:
        left[0] -= 1
        handler(route) if left[0] >= 0 else route.continue_()

    return some
