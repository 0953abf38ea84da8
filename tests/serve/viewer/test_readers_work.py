"""What the reader has made of a report stays, whatever the server goes on to make of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.serve.viewer.told_report import ToldReport, finding


def adds_an_answer(reader) -> str:
    """The sentence that the report has now, too."""
    reader.page.click("#tab-answers")
    sentence = reader.asks("cardiac silhouette").locator(".sentence").inner_text()
    reader.page.get_by_role("button", name="Add to the report").click()
    reader.page.click("#tab-report")
    return sentence


def accepts(reader) -> None:
    reader.page.locator("#report .item").first.get_by_role("button", name="Accept").click()


def edits(reader, number: int = 1, words: str = "Written by the reader.") -> None:
    reader.page.locator("#report .item").nth(number - 1).get_by_role("button", name="Edit").click()
    reader.page.get_by_role("textbox", name=f"Sentence {number}").fill(words)
    reader.page.keyboard.press("Enter")


def test_what_was_added_or_read_while_it_is_written_stays(reader):
    told = ToldReport.begun(reader, "edema", "opacity", "nodule", "fracture", "effusion")
    for name in ("edema", "opacity", "nodule", "fracture"):
        told.writes(name, f"There is {name}.")
    told.lines.nth(1).get_by_role("button", name="Reject").click()
    edits(reader, 3)
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
    accepts(reader)
    added = adds_an_answer(reader)
    told.fails(503, retry_after_s=0)
    told.selects("edema", "opacity", "nodule", unwritten=2)
    told.writes("nodule", "There is a nodule.")
    told.ends(*(finding(name, f"Now {name}.") for name in ("edema", "opacity", "nodule")))

    # accepted were those words, not what another model would say
    expect(told.lines.locator(".sentence")).to_have_text(["There is edema.", "Now opacity.", "Now nodule.", added])
    expect(told.lines.first.locator(".mark")).to_have_text("accepted, edited")


@pytest.mark.parametrize("work", [accepts, edits, adds_an_answer])
def test_it_is_replaced_only_if_the_reader_agrees(reader, work):
    page = reader.visits().opens().page
    lines, question = reader.writes_the_report(), page.get_by_role("dialog", name="Write the report again?")
    count = lines.count()
    work(reader)
    read = lines.all_inner_texts()
    for refusal in ("Enter", "Escape"):
        page.locator("#stage").focus()
        page.keyboard.press("r")
        expect(question).to_contain_text("will be gone")
        page.keyboard.press(refusal)
        expect(question).to_be_hidden()
    assert lines.all_inner_texts() == read
    page.click("#write")
    question.get_by_role("button", name="Write it again").click()
    expect(page.locator("#reviewed")).to_have_text(f"0 of {count} reviewed")

    with page.expect_response("**/report"):
        page.keyboard.press("r")  # nothing of the reader's is in it


def test_the_key_does_nothing_while_it_is_written(reader):
    told = ToldReport.begun(reader, "edema")
    told.writes("edema", "There is edema.")
    reader.page.keyboard.press("r")
    told.ends(finding("edema", "There is edema."))
    reader.page.keyboard.press("r")
    reader.page.keyboard.press("r")  # of this one, no box is known yet
    told.selects("edema")
    assert told.times_asked() == 2


def test_it_comes_back_when_the_new_one_fails_or_is_stopped(reader):
    told = ToldReport.begun(reader, "edema")
    told.ends(finding("edema", "There is edema."))
    accepts(reader)

    def writes_again():
        reader.page.click("#write")
        reader.page.get_by_role("button", name="Write it again").last.click()
        told.selects("opacity")
        told.writes("opacity", "There is opacity.")

    writes_again()
    added = adds_an_answer(reader)
    told.fails(500)
    expect(reader.page.locator("#faults .fault")).to_contain_text("Something went wrong on the server.")
    expect(told.lines.locator(".sentence")).to_have_text(["There is edema.", added])
    expect(told.lines.first).to_have_attribute("data-review", "accepted")
    expect(reader.page.locator("#provenance")).to_contain_text("chex-told")

    writes_again()
    reader.page.click("#stop")
    expect(told.lines.locator(".sentence")).to_have_text(["There is edema.", added])
