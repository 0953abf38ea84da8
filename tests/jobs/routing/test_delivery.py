"""Delivery to real nodes (Orthanc, dcmtk's storescp) and through all that a destination can answer."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from jobs.routing import delivery as delivery_module
from jobs.routing.delivery import Delivery
from jobs.routing.destination import Away, NotNow, Rejected, destination_of, faults_of_destination, judge
from jobs.routing.queue import Queue
from tests.free_ports import free_port
from tests.jobs.routing.certificates import certificates  # noqa: F401  a fixture
from tests.jobs.routing.made_report import made_report
from tests.jobs.routing.modality import echoscu
from tests.needed_tools import require_tool
from tests.orthanc_server import OrthancServer

NO_TLS = (None, None, None)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    for name in ("FIRST_WAIT", "LONGEST_WAIT", "_LOOK"):
        monkeypatch.setattr(delivery_module, name, 0.02)


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue", keep_free=0)


def put(queue: Queue, number: int) -> str:
    """A report that waits for its destination."""
    file = queue.incoming / "arriving"
    file.write_bytes(b"%d" % number)
    key, _ = queue.accept(file, f"1.{number}")
    queue.put_report(key, made_report(number))
    return key


def soon(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture(scope="module")
def pacs():
    server = OrthancServer()
    yield server
    server.stop()


def address_of(pacs: OrthancServer, way: str) -> str:
    return pacs.dicomweb if way == "STOW-RS" else f"dicom://ORTHANC@127.0.0.1:{pacs.dicom_port}"


@pytest.mark.parametrize("way", ["C-STORE", "STOW-RS"])
def test_every_report_is_at_the_pacs_once_however_often_it_is_sent(pacs, queue, way):
    pacs.clear()
    destination = destination_of(address_of(pacs, way), ae_title="CHEXRAY", tls_files=NO_TLS)
    for number in (1, 2, 3, 1, 2):
        destination.send(made_report(number))
    destination.close()
    destination.send(made_report(3))  # a new association
    destination.close()
    there = [pacs.get(f"/instances/{instance}/simplified-tags") for instance in pacs.get("/instances")]
    assert sorted(tags["SOPInstanceUID"] for tags in there) == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert {tags["Modality"] for tags in there} == {"SR"}


@pytest.mark.parametrize("way", ["C-STORE", "STOW-RS"])
def test_a_queue_is_emptied_once_the_destination_is_there(queue, way):
    """Nobody is at the address at first."""
    keys = [put(queue, number) for number in range(3)]
    pacs = OrthancServer()
    address = address_of(pacs, way)
    pacs.kill()
    try:
        destination = destination_of(address, ae_title="CHEXRAY", tls_files=NO_TLS)
        assert queue.outgoing() == keys
        delivery = Delivery(queue, destination)
        time.sleep(0.3)
        assert queue.counts().delivered == 0
        pacs.start()
        assert soon(lambda: queue.counts().delivered == 3) and len(pacs.get("/instances")) == 3
        delivery.stop()
    finally:
        pacs.stop()


class Scripted:
    """Answers as it is told to: for each report a list of what happens, the last of it for ever."""

    def __init__(self, script: dict[int, list]) -> None:
        self.script, self.sent = {made_report(number): list(steps) for number, steps in script.items()}, []

    def send(self, report: bytes) -> None:
        steps = self.script[report]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if step is not None:
            raise step
        self.sent.append(report)

    def close(self) -> None:
        pass


def test_one_that_is_not_taken_goes_to_quarantine_and_holds_up_nobody(queue, caplog):
    script = {0: [Rejected("status C000")], 1: [None], 2: [Rejected("status C000"), None], 3: [RuntimeError("a bug")]}
    for number in script:
        put(queue, number)
    delivery = Delivery(queue, Scripted(script))
    assert soon(lambda: not queue.outgoing())
    delivery.stop()
    counts = queue.counts()
    assert counts.delivered == 2 and counts.quarantined == {
        "deliver: the destination does not take the report: status C000": 1,
        "deliver: the destination does not take the report: unforeseen fault (RuntimeError)": 1,
    }
    assert "RuntimeError" in caplog.text and "a bug" not in caplog.text, "what a fault says may quote a header"


def test_while_the_destination_is_away_all_wait_and_nothing_is_put_aside(queue):
    script = {number: [Away("nobody there")] * 9 + [None] for number in range(3)}
    for number in script:
        put(queue, number)
    delivery = Delivery(queue, Scripted(script))
    assert soon(lambda: not queue.outgoing())
    delivery.stop()
    assert queue.counts().delivered == 3 and not queue.counts().quarantined


def test_one_that_is_not_taken_now_holds_up_nobody_and_is_not_put_aside(queue):
    script = {0: [NotNow("status 0110")], 1: [NotNow("HTTP 500")] * 5 + [None], 2: [None], 3: [None]}
    keys = [put(queue, number) for number in script]
    delivery = Delivery(queue, Scripted(script))
    assert soon(lambda: queue.outgoing() == keys[:1])
    delivery.stop()
    assert queue.counts().delivered == 3 and not queue.counts().quarantined


def test_patience_with_one_that_is_not_taken_now_ends(queue, monkeypatch):
    monkeypatch.setattr(delivery_module, "PATIENCE", 0.2)
    put(queue, 0)
    destination = Scripted({0: [Away("")] * 3 + [NotNow("status A700")] * 3 + [Away("")] * 3 + [NotNow("status A700")]})
    delivery = Delivery(queue, destination)
    assert soon(lambda: not queue.outgoing())
    delivery.stop()
    assert queue.counts().quarantined == {"deliver: the destination does not take the report: status A700": 1}


def test_tries_of_one_that_is_not_taken_now_grow_rare(queue, monkeypatch):
    monkeypatch.setattr(delivery_module, "LONGEST_PUT_OFF", 0.5)
    put(queue, 0)
    destination, tries = Scripted({0: [NotNow("status 0110")]}), []
    monkeypatch.setattr(destination, "send", lambda report, send=destination.send: tries.append(1) or send(report))
    delivery = Delivery(queue, destination)
    time.sleep(2)
    delivery.stop()
    assert 4 <= len(tries) <= 10, "0, 0.02, 0.04, 0.08 … and then every half second"


def test_what_is_not_delivered_by_the_end_stays(queue):
    keys = [put(queue, number) for number in range(2)]
    delivery = Delivery(queue, Scripted({0: [Away("")], 1: [Away("")]}))
    delivery.stop()
    assert queue.outgoing() == keys


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0x0000, None), (0x0111, None), (0xB000, None), (0xA700, NotNow), (0x0110, NotNow), (0xA900, Rejected),
     (0xC123, Rejected), (0x0122, Rejected), (0x0124, Rejected)],
)  # fmt: skip
def test_what_a_status_means(status, outcome):
    if outcome is None:
        judge(status)
    else:
        with pytest.raises(outcome, match=f"{status:04X}"):
            judge(status)


def failed(reason: int) -> bytes:
    item = {"00081197": {"vr": "US", "Value": [reason]}, "00081155": {"vr": "UI", "Value": ["1.2.3.4.0"]}}
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"{}", None),
        (409, failed(0x0111), None),
        (409, failed(0xA700), NotNow),
        (409, failed(0xC000), Rejected),
        (202, failed(0x0110), NotNow),
        (409, b"no, thanks", Rejected),
        (400, b"", Rejected),
        (401, b"", Away),
        (404, b"", Away),
        (500, b"no database", NotNow),
        (500, failed(0xC000), Rejected),
        (507, b"", NotNow),
        (502, b"", Away),
        (503, b"", Away),
        (504, b"", Away),
    ],
)
def test_what_a_web_server_means(status, body, outcome):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    destination = destination_of(f"http://127.0.0.1:{server.server_port}/", ae_title="CHEXRAY", tls_files=NO_TLS)
    try:
        if outcome is None:
            destination.send(made_report(0))
        else:
            with pytest.raises(outcome):
                destination.send(made_report(0))
    finally:
        server.shutdown()
        server.server_close()


def test_nobody_there():
    for address in (f"dicom://PACS@127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}/"):
        with pytest.raises(Away):
            destination_of(address, ae_title="CHEXRAY", tls_files=NO_TLS).send(made_report(0))


def test_encrypted(tmp_path, certificates):  # noqa: F811
    authority, certificate, key = map(str, certificates)
    port, tls = free_port(), ["+tls", key, certificate, "+cf", authority]
    storescp = subprocess.Popen(
        [require_tool("storescp", "dcmtk"), "-od", str(tmp_path), *tls, str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert soon(lambda: echoscu(port, options=tls).returncode == 0)
        address, ours = f"dicom+tls://PACS@127.0.0.1:{port}", (authority, certificate, key)
        destination = destination_of(address, ae_title="CHEXRAY", tls_files=ours)
        destination.send(made_report(0))
        destination.close()
        assert len(list(tmp_path.glob("*1.2.3.4.0*"))) == 1
        with pytest.raises(Away):
            destination_of(address, ae_title="CHEXRAY", tls_files=NO_TLS).send(made_report(1))  # whom to believe?
        with pytest.raises(Away):
            destination_of(address.replace("+tls", ""), ae_title="CHEXRAY", tls_files=ours).send(made_report(1))
    finally:
        storescp.kill()
        storescp.wait()


@pytest.mark.parametrize(
    "uri", ["pacs:104", "dicom://pacs:104", "dicom://PACS@pacs", "dicom://PACS@pacs:port", "ftp://PACS@pacs:1",
            "dicom://A_TITLE_OF_MORE_THAN_SIXTEEN@pacs:104", "https://user:secret@pacs/dicom-web", "https://pacs/?a=b"]
)  # fmt: skip
def test_wrong_addresses(uri):
    faults = faults_of_destination(uri)
    assert faults and "secret" not in "".join(faults)


@pytest.mark.parametrize("uri", ["dicom://PACS@pacs:104", "dicom+tls://PACS@[::1]:2762", "https://pacs/dicom-web"])
def test_right_addresses(uri):
    assert faults_of_destination(uri) == []
