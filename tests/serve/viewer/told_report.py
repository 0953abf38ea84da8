"""A report whose events a test tells one by one, in the place of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from playwright.sync_api import Page, expect

from tests.serve.viewer.reader import Reader

PROVENANCE = {
    "model_name": "chex-told",
    "model_version": "7",
    "weights_sha256": "ab" * 32,
    "prompt_set": "of-the-test",
    "prompts_sha256": "cd" * 32,
    "thresholds": {"box_score": 0.5},
    "input_sha256": "ef" * 32,
    "software_version": "0",
    "sop_instance_uid": None,
}
# the page's own requests, but for reports, whose events come through `telling`
HELD = """
const ask = window.fetch;
window.fetch = (address, options) => {
  if (!String(address).endsWith("/report")) return ask(address, options);
  window.reports = (window.reports ?? 0) + 1;
  const body = new ReadableStream({ start(stream) {
    window.telling = stream;
    options.signal.addEventListener("abort", () => { stream.error(options.signal.reason); window.telling = null; });
  } });
  return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
};
"""
TELL = """
([kind, content, isLast]) => {
  const stream = window.telling;
  stream.enqueue(new TextEncoder().encode(`event: ${kind}\\ndata: ${JSON.stringify(content)}\\n\\n`));
  if (!isLast) return;
  window.telling = null;
  stream.close();
}
"""


def finding(name: str, sentence: str | None = None, *parents: str) -> dict:
    query = {"name": name, "text": name.replace("_", " "), "box": None}
    boxes = [{"box": [0.2, 0.2, 0.6, 0.6], "box_px": [20, 20, 60, 60], "score": 0.8}]
    return {
        "query": query,
        "boxes": boxes,
        "sentence": sentence,
        "probabilities": {},
        "parents": list(parents),
        "present": True if sentence else None,
    }


@dataclass
class ToldReport:
    page: Page

    @classmethod
    def begun(cls, reader: Reader, *names: str) -> Self:
        """An image is opened, and of its report the boxes are there."""
        reader.page.add_init_script(HELD)
        reader.visits().opens()
        reader.page.click("#tab-report")
        told = cls(reader.page)
        reader.page.click("#write")
        told.selects(*names)
        return told

    @property
    def lines(self):
        return self.page.locator("#report .item")

    def selects(self, *names: str, unwritten: int | None = None) -> None:
        self.page.wait_for_function("() => window.telling")
        self._tell("selected", {"findings": [finding(name) for name in names]})
        expect(self.lines.locator(".skeleton")).to_have_count(len(names) if unwritten is None else unwritten)

    def writes(self, name: str, sentence: str) -> None:
        self._tell("finding", finding(name, sentence))
        expect(self.page.locator("#report")).to_contain_text(sentence)

    def ends(self, *findings: dict) -> None:
        self._tell("report", {"findings": findings, "text": "", "provenance": PROVENANCE}, is_last=True)
        expect(self.page.locator("#provenance")).to_contain_text("chex-told")

    def fails(self, status: int, **more) -> None:
        self._tell("problem", {"title": "Problem", "status": status, "detail": "told by the test"} | more, is_last=True)

    def times_asked(self) -> int:
        return self.page.evaluate("window.reports")

    def _tell(self, kind: str, content: dict, is_last=False) -> None:
        self.page.evaluate(TELL, [kind, content, is_last])
