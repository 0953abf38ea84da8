"""What the reader has made of a report stays, whatever the server goes on to make of it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.serve.viewer.told_report import ToldReport, finding


def adds_an_answer(reader) -> str:
    """The sentence that the report has now, too."""
    reader.page.click("#tab-answers")
    sentence = reader.asks("cardiac silhouette").locator(".sentence").inner_text()
    reader.page.get_by_role("button", name="Add to the report").click()
    reader.page.click("#tab-report")
    return sentence


def edits(reader, number: int, words: str) -> None:
    reader.page.locator("#report .item").nth(number - 1).get_by_role("button", name="Edit").click()
    reader.page.get_by_role("textbox", name=f"Sentence {number}").fill(words)
    reader.page.keyboard.press("Enter")


def test_what_was_added_or_read_while_it_is_written_stays(reader):
    told = ToldReport.begun(reader, "edema", "opacity", "nodule", "fracture", "effusion")
    for name in ("edema", "opacity", "nodule", "fracture"):
        told.writes(name, f"There is {name}.")
    told.lines.nth(1).get_by_role("button", name="Reject").click()
    edits(reader, 3, "Written by the reader.")
    added = adds_an_answer(reader)
    told.writes("effusion", "There is effusion.")
    told.ends(finding("edema", "There is edema.", "opacity", "nodule", "fracture"), finding("effusion", "There it is."))

    expect(told.lines.locator(".sentence")).to_have_text(
        ["There is edema.", "There is opacity.", "Written by the reader.", "There it is.", added]
    )
    expect(told.lines.nth(1)).to_have_attribute("data-review", "rejected")
    # what stands for itself is not spoken for by another, which would state what was rejected
    expect(told.lines.first.locator(".also")).to_have_text("Also speaks for fracture")


def test_it_stays_when_the_report_begins_again(reader):
    told = ToldReport.begun(reader, "edema", "opacity", "nodule")
    told.writes("edema", "There is edema.")
    told.writes("opacity", "There is opacity.")
    told.lines.first.get_by_role("button", name="Accept").click()
    added = adds_an_answer(reader)
    told.fails(503, retry_after_s=0)
    told.selects("edema", "opacity", "nodule", unwritten=2)
    told.writes("nodule", "There is a nodule.")
    told.ends(*(finding(name, f"Now {name}.") for name in ("edema", "opacity", "nodule")))

    # accepted were those words, not what another model would say
    expect(told.lines.locator(".sentence")).to_have_text(["There is edema.", "Now opacity.", "Now nodule.", added])
    expect(told.lines.first.locator(".mark")).to_have_text("accepted, edited")
