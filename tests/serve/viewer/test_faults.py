"""What goes wrong is told in plain words, and the page finds its way out where there is one."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from serve.ingress import MOST_UPLOAD_BYTES
from tests.serve.asking import png, upload
from tests.serve.viewer.conftest import TOKEN
from tests.serve.viewer.reader import first, refuses


def fault(reader):
    return reader.page.locator("#faults .fault")


def test_what_is_no_radiograph(reader):
    reader.visits()
    for data, reason in ((b"GIF89a" + bytes(99), "Not a DICOM"), (b"", "empty"), (png(0)[:150], "truncated")):
        reader.picks(data, name="holiday.png")
        expect(fault(reader)).to_contain_text("This is no chest radiograph that can be read.")
        expect(fault(reader)).to_contain_text(reason)
        expect(reader.page.locator("#drop")).to_be_visible()
    reader.opens()
    expect(fault(reader)).to_have_count(0)


def test_a_real_file_of_another_body_part(reader, shared):
    reader.visits().picks((shared / "data/real/dicom/extremity_cr_jpeg2000_monochrome1.dcm").read_bytes(), name="a.dcm")
    expect(fault(reader)).to_contain_text("EXTREMITY, not CHEST")


def test_a_real_dicom_file_is_read(reader, shared):
    file = shared / "data/real/dicom/chest_cr_jpeg_baseline_monochrome2.dcm"
    reader.visits().opens(file.read_bytes(), name="chest.dcm")
    assert reader.asks("cardiac silhouette").locator(".sentence").inner_text()


def test_a_file_that_is_too_large_does_not_travel(reader, tmp_path):
    large = tmp_path / "large.dcm"
    with large.open("wb") as file:
        file.truncate(MOST_UPLOAD_BYTES + 1)
    sent = []
    reader.page.on("request", lambda request: sent.append(request.method))
    reader.visits().page.set_input_files("#file", large)
    expect(fault(reader)).to_contain_text(f"The file has 97 MB, and at most {MOST_UPLOAD_BYTES // 2**20} MB are taken.")
    assert "POST" not in sent


def test_the_server_says_too_large(reader):
    reader.visits().page.route("**/v1/images", refuses(413, "the request is larger than the limit of 5 bytes"))
    reader.picks(reader.phantom)
    expect(fault(reader)).to_contain_text("This is too large for the server.")


def test_a_forgotten_image_is_sent_again(reader, api):
    reader.visits().opens()
    for seed in (1, 2):  # the server keeps two
        assert upload(api, png(seed)).status_code == 201
    with reader.page.expect_response(lambda answer: answer.status == 404):
        line = reader.asks("edema")
    assert line.locator(".sentence").inner_text()
    expect(fault(reader)).to_have_count(0)


def test_a_busy_server_is_asked_again(reader):
    reader.visits().opens()
    reader.page.route("**/queries", first(2, refuses(503, "too many questions are waiting", **{"Retry-After": "1"})))
    reader.page.fill("#text", "edema")
    reader.page.press("#text", "Enter")
    expect(reader.page.locator(".waiting")).to_contain_text("The server is busy. Asking again in 1 s.")
    assert reader.answer().locator(".sentence").inner_text()


def test_waiting_for_a_busy_server_can_be_stopped(reader):
    reader.visits().opens()
    reader.page.route("**/queries", refuses(503, **{"Retry-After": "600"}))
    reader.page.fill("#text", "edema")
    reader.page.press("#text", "Enter")
    reader.page.get_by_role("button", name="Stop waiting").click()
    expect(reader.page.locator("#answers .item")).to_have_attribute("data-phase", "failed")


def tells(status: int, detail: str = "told by the test", **more):
    """A handler of reports whose stream has no event but a problem."""
    problem = {"title": "Problem", "status": status, "detail": detail} | more
    stream = f"event: problem\ndata: {json.dumps(problem)}\n\n"
    return lambda route: route.fulfill(content_type="text/event-stream", body=stream)


def before_and_within(status: int, retry_after_s: int = 1) -> list:
    """A fault of a report as it is told before the first event, and as one."""
    return [refuses(status, **{"Retry-After": str(retry_after_s)}), tells(status, retry_after_s=retry_after_s)]


@pytest.mark.parametrize("busy", before_and_within(503, 1), ids=["before", "within"])
def test_a_queue_is_waited_out_before_the_stream_begins_and_within(reader, busy):
    reader.visits().opens().page.route("**/report", first(2, busy))
    reader.page.click("#tab-report")
    reader.page.click("#write")
    expect(reader.page.locator(".waiting")).to_contain_text("The server is busy. Asking again in 1 s.")
    expect(reader.page.locator("#provenance")).not_to_be_empty()
    expect(fault(reader)).to_have_count(0)


@pytest.mark.parametrize("busy", before_and_within(503, 0), ids=["before", "within"])
def test_a_queue_that_stays_full_is_asked_as_often_before_the_stream_as_within(reader, busy):
    asked = []
    reader.visits().opens().page.route("**/report", lambda route: (asked.append(route), busy(route)))
    reader.page.click("#tab-report")
    reader.page.click("#write")
    expect(fault(reader)).to_contain_text("The server is still busy.")
    assert len(asked) == 6


@pytest.mark.parametrize(
    "status, words",
    [(504, "The answer took too long."), (500, "Something went wrong on the server. Told by the test.")],
)
def test_a_report_that_fails_before_the_stream_begins_and_within(reader, status, words):
    reader.visits().opens()
    reader.page.click("#tab-report")
    for failing in before_and_within(status):
        reader.page.route("**/report", failing)
        reader.page.click("#write")
        expect(fault(reader)).to_contain_text(words)
        fault(reader).get_by_role("button", name="Close").click()
        expect(reader.page.locator("#report .item")).to_have_count(0)
    reader.page.unroute("**/report")
    assert reader.writes_the_report().count()


def test_a_stream_that_breaks_off_keeps_what_was_written(reader):
    reader.visits().opens()
    answers = []

    def cut(route):
        whole = route.fetch(timeout=60_000).text()
        answers.append(whole)
        events = re.split(r"(?<=\n\n)", whole)
        route.fulfill(content_type="text/event-stream", body="".join(events[:3]))

    reader.page.route("**/report", cut)
    reader.page.click("#tab-report")
    reader.page.click("#write")
    expect(fault(reader)).to_contain_text("The server cannot be reached.")
    expect(reader.page.locator("#report .item")).to_have_count(2)
    reader.page.unroute("**/report")
    fault(reader).get_by_role("button", name="Try again").click()
    expect(reader.page.locator("#provenance")).not_to_be_empty()


def test_a_server_that_is_away_and_comes_back(reader):
    reader.visits().opens()
    reader.page.route("**/queries", lambda route: route.abort("connectionrefused"))
    reader.page.fill("#text", "edema")
    reader.page.press("#text", "Enter")
    line = reader.page.locator("#answers .item")
    expect(line).to_contain_text("The server cannot be reached.")
    reader.page.unroute("**/queries")
    line.get_by_role("button", name="Try again").click()
    assert reader.answer().locator(".sentence").inner_text()


def test_a_fault_of_the_server(reader):
    reader.visits().page.route("**/v1/images", first(1, refuses(500, "an unforeseen fault")))
    reader.picks(reader.phantom)
    expect(fault(reader)).to_contain_text("Something went wrong on the server. An unforeseen fault.")
    fault(reader).get_by_role("button", name="Try again").click()
    expect(reader.page.locator("#picture")).to_be_visible()


def test_a_token_is_asked_for_and_kept_in_this_tab_alone(stranger):
    page = stranger.page
    page.goto(stranger.address)
    dialog = page.get_by_role("dialog", name="Access token")
    for token, words in (("wrong", "only those who have an access token"), (TOKEN, "did not accept")):
        expect(dialog).to_contain_text(words)
        page.get_by_label("Token", exact=True).fill(token)
        page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    stranger.opens()
    assert stranger.asks("edema").locator(".sentence").inner_text()
    assert stranger.writes_the_report().count()
    kept = page.evaluate("[Object.values(sessionStorage), Object.values(localStorage), document.cookie]")
    assert kept == [[TOKEN], [], ""]


def test_without_a_token_the_page_says_so(stranger):
    stranger.page.goto(stranger.address)
    stranger.page.get_by_role("button", name="Cancel").click()
    expect(fault(stranger)).to_contain_text("The server wants an access token.")


def test_a_slow_network_shows_how_far_it_is(reader):
    reader.visits()
    network = reader.page.context.new_cdp_session(reader.page)
    slow = {"offline": False, "latency": 50, "downloadThroughput": -1, "uploadThroughput": 60_000}
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", slow)
    reader.picks(png(3, size=(300, 300)))
    expect(reader.page.locator("#loading-words")).to_contain_text(re.compile(r"Sending the image, \d+ %"))
    expect(reader.page.locator("#picture")).to_be_visible()
    network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    held = []
    reader.page.route("**/queries", lambda route: held.append(route))
    reader.page.fill("#text", "edema")
    reader.page.press("#text", "Enter")
    expect(reader.page.locator("#answers .skeleton")).to_be_visible()
    held[0].continue_()
    expect(reader.answer().locator(".skeleton")).to_have_count(0)
