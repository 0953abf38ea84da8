"""A PACS as an input: a real Orthanc, and servers that are away, break off, or are no PACS at all."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import requests
from pydicom import uid

import jobs.dicomweb
from chex.pixels import UnusableImage, read_radiograph
from jobs.reporting.inputs import dicomweb
from jobs.routing.transport_security import server_context
from pipelines import stores
from pipelines.stores import StoreUnreachable
from tests.free_ports import free_port
from tests.jobs.routing.certificates import certificates  # noqa: F401  a fixture
from tests.jobs.routing.modality import as_bytes, phantom
from tests.orthanc_server import OrthancServer

CLASSES = (uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation)


@pytest.fixture(scope="module")
def sent():
    """Seven radiographs in as many studies, CR and DX, on three days."""
    return [
        phantom(
            number,
            SOPClassUID=CLASSES[number % 2],
            Modality=("CR", "DX")[number % 2],
            StudyDate=f"2026010{1 + number % 3}",
            StudyInstanceUID=f"1.2.3.{number}",
            SeriesInstanceUID=f"1.2.3.{number}.1",
            PatientID=f"patient {number}",
        )
        for number in range(7)
    ]


@pytest.fixture(scope="module")
def pacs(sent):
    """It holds them, and what is no radiograph."""
    server = OrthancServer()
    try:
        for image in sent:
            server.store(as_bytes(image))
        server.store(as_bytes(phantom(8, SOPClassUID=uid.CTImageStorage, Modality="CT")))
        yield server
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(stores, "WAITS", (0.05, 0.1))


def listed(uri: str) -> list[str]:
    return list(dicomweb.list_images(f"dicomweb+{uri}", Counter()))


def instances(uris: list[str]) -> set[str]:
    return {uri.rpartition("/")[2] for uri in uris}


def expected(sent, chosen: Callable) -> set[str]:
    return {image.SOPInstanceUID for image in sent if chosen(image)}


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ("", lambda image: True),
        ("?Modality=DX", lambda image: image.Modality == "DX"),
        ("?Modality=DX&Modality=CR", lambda image: True),
        ("?StudyDate=20260101-20260102", lambda image: image.StudyDate in ("20260101", "20260102")),
        ("?00080060=CR&StudyDate=20260103-", lambda image: image.Modality == "CR" and image.StudyDate == "20260103"),
        ("?BodyPartExamined=CHEST&Modality=CR", lambda image: image.Modality == "CR"),
        ("?PatientID=patient*", lambda image: True),
        ("?Modality=MG", lambda image: False),
    ],
)
def test_the_pacs_is_asked_for_what_the_address_says(pacs, sent, filters, chosen):
    found = listed(f"{pacs.dicomweb}{filters}")
    assert len(found) == len(set(found)) and instances(found) == expected(sent, chosen)


def test_page_by_page(pacs, sent, monkeypatch):
    monkeypatch.setattr(dicomweb, "PAGE", 3)
    pages = []
    search = dicomweb._page
    monkeypatch.setattr(dicomweb, "_page", lambda *asked: pages.append(asked) or search(*asked))
    found = dicomweb.list_images(f"dicomweb+{pacs.dicomweb}", Counter())
    next(found)
    assert len(pages) == 1  # nothing is asked for before it is wanted
    assert len(list(found)) == 6 and len(pages) == 4


def test_other_instances_are_left_alone_and_counted(pacs):
    left_alone = Counter()
    list(dicomweb.list_images(f"dicomweb+{pacs.dicomweb}", left_alone))
    assert left_alone == {"CT Image Storage": 1}


def test_an_instance_comes_as_it_was_stored(pacs, sent):
    by_instance = {image.SOPInstanceUID: image for image in sent}
    with dicomweb.reading() as read:
        for uri in listed(pacs.dicomweb)[:3]:
            got = read_radiograph(read(uri), uri)
            image = by_instance[got.sop_instance_uid]
            there = read_radiograph(as_bytes(image), "there.dcm")
            assert np.array_equal(got.pixels, there.pixels) and got.study_instance_uid == image.StudyInstanceUID


def test_compressed_pixels_are_not_touched(pacs):
    image = phantom(11, StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.1")
    image.compress(uid.JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    stored = pacs.store(as_bytes(image))["ID"]
    try:
        (uri,) = listed(f"{pacs.dicomweb}?StudyInstanceUID=1.2.4")
        assert image.PixelData in dicomweb.fetch(uri)
    finally:
        _delete(pacs, stored)


def _delete(pacs, instance: str) -> None:
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{pacs.uri}/instances/{instance}", method="DELETE")).close()


def test_an_instance_that_is_gone(pacs):
    uri = f"dicomweb+{pacs.dicomweb}/studies/1.2.3.0/series/1.2.3.0.1/instances/1.2.3.4.5"
    with pytest.raises(UnusableImage, match="the PACS does not have the instance"):
        dicomweb.fetch(uri)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("https://pacs/dicom-web?StudyDat=2026", "StudyDat is no attribute"),
        ("https://pacs/dicom-web?limit=3", "limit is not for you to set"),
        ("https://pacs/dicom-web?Modality=", "Modality has no value"),
        ("https://name:secret@pacs/dicom-web", "no credentials in an address"),
        ("https:///dicom-web", "expected https://HOST/PATH"),
        ("https://pacs:port/", "is wrong"),
        ("https://pacs/dicom-web?StudyDat=2026&offset=1", "offset is not for you to set"),
    ],
)
def test_a_wrong_address_is_refused_before_anybody_is_asked(uri, fault):
    with pytest.raises(ValueError, match=fault) as caught:
        listed(uri)
    assert "secret" not in str(caught.value)


def test_values_are_written_as_addresses_write_them():
    heard = []
    with server(lambda handler: (heard.append(handler.path), say(handler, b"[]"))) as url:
        listed(f"{url}?StudyDescription=Chest%20*%2BLAT")
    assert "StudyDescription=Chest%20*%2BLAT" in heard[0]


@contextmanager
def server(
    answer: Callable[[http.server.BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A DICOMweb service that says what the test wants."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer(self)

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        made.socket = tls.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{made.server_port}/dicom-web"
    finally:
        made.shutdown()
        made.server_close()


def say(handler, content: bytes, kind: str = "application/dicom+json", status: int = 200, length: int | None = None):
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def row(number: int) -> dict:
    values = {"00080018": f"1.{number}", "0020000D": "1.2", "0020000E": "1.3", "00080016": CLASSES[0]}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in values.items()}


def instance_at(url: str) -> str:
    return f"dicomweb+{url}/studies/1.2/series/1.3/instances/1.4"


def test_an_instance_without_proper_uids_is_left_alone():
    """They become part of an address."""
    tags, wrong, left_alone = ("00080018", "0020000D", "0020000E"), ("1.2.A", "../../admin", None, 7), Counter()
    improper = [row(3) | {tag: {"vr": "UI", "Value": [value]}} for tag in tags for value in wrong]
    rows = json.dumps([row(1), *improper, {}, row(2)]).encode()
    with server(lambda handler: say(handler, rows)) as url:
        listed = list(dicomweb.list_images(f"dicomweb+{url}", left_alone))
    assert instances(listed) == {"1.1", "1.2"}
    assert left_alone == {"without a proper UID": 12, "without a SOP class": 1}


def test_a_server_without_offsets_does_not_go_on_for_ever():
    with server(lambda handler: say(handler, json.dumps([row(1), row(2)]).encode())) as url:
        assert instances(listed(url)) == {"1.1", "1.2"}


@pytest.mark.parametrize(
    ("content", "status", "fault"),
    [
        (b"<html>", 200, "not JSON"),
        (b'["no", "rows"]', 200, "something else than DICOM JSON"),
        (b"", 400, "refuses the question .HTTP 400"),
        (b"", 404, "no DICOMweb service"),
    ],
)
def test_a_server_that_is_no_pacs(content, status, fault):
    with server(lambda handler: say(handler, content, status=status)) as url, pytest.raises(ValueError, match=fault):
        listed(url)


def test_a_pacs_that_is_away_ends_the_job():
    with server(lambda handler: say(handler, b"", status=503)) as url:
        with pytest.raises(StoreUnreachable, match="http://127.0.0.1:.*HTTP 503"):
            listed(url)
        with pytest.raises(StoreUnreachable):
            dicomweb.fetch(instance_at(url))
    url = f"http://127.0.0.1:{free_port()}/dicom-web"
    for action in (lambda: listed(url), lambda: dicomweb.fetch(instance_at(url))):
        with pytest.raises(StoreUnreachable, match="no connection") as caught:
            action()
        assert "1.4" not in str(caught.value)  # the instance is nobody's business


def test_a_pacs_that_is_away_for_a_moment_is_asked_again(sent):
    image, refused = as_bytes(sent[0]), []

    def answer(handler):
        if len(refused) < 2:
            refused.append(say(handler, b"", status=503))
        else:
            say(handler, image, "application/dicom")

    with server(answer) as url:
        assert dicomweb.fetch(instance_at(url)) == image  # not in parts, which some servers forget


def test_an_instance_that_breaks_off_again_and_again_is_the_instances_fault():
    def answer(handler):
        if handler.path.startswith("/dicom-web/instances"):
            say(handler, b"[]")
        else:
            say(handler, b"half", "application/dicom", length=100)
            handler.close_connection = True

    with server(answer) as url, pytest.raises(UnusableImage, match="the PACS does not give the instance"):
        dicomweb.fetch(instance_at(url))


@pytest.mark.parametrize("status", [400, 403, 406, 500])
def test_an_instance_that_the_pacs_cannot_give(status):
    refused = pytest.raises(UnusableImage, match=f"does not give the instance .HTTP {status}")
    with server(lambda handler: say(handler, b"", status=status)) as url, refused:
        dicomweb.fetch(instance_at(url))


def test_an_instance_that_is_larger_than_any_radiograph(monkeypatch):
    monkeypatch.setattr(dicomweb, "MOST_BYTES", 2**20)
    refused = pytest.raises(UnusableImage, match="more than 1 MiB")
    with server(lambda handler: say(handler, bytes(5 * 2**20), "application/dicom")) as url, refused:
        dicomweb.fetch(instance_at(url))


@pytest.mark.parametrize("kind", ["multipart/related; boundary=x", "multipart/related"])
@pytest.mark.parametrize("content", [b"", b"--x--", b"--x\r\nContent-Type: application/dicom\r\n\r\nhalf", b"\0" * 300])
def test_an_answer_without_an_instance(content, kind):
    """What has no part, or half a one, is not taken for an image; what is none is left to the decoder."""

    def answer(handler):
        say(handler, b"[]") if handler.path.startswith("/dicom-web/instances") else say(handler, content, kind)

    with server(answer) as url, pytest.raises(UnusableImage):
        read_radiograph(dicomweb.fetch(instance_at(url)), "image.dcm")


@pytest.fixture
def environment(monkeypatch):
    for function in (jobs.dicomweb.session_of, jobs.dicomweb.client_of):
        function.cache_clear()
    yield monkeypatch
    for function in (jobs.dicomweb.session_of, jobs.dicomweb.client_of):
        function.cache_clear()


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"DICOMWEB_TOKEN": "t0ken"}, "Bearer t0ken"),
        ({"DICOMWEB_USER": "reader", "DICOMWEB_PASSWORD": "secret"}, "Basic cmVhZGVyOnNlY3JldA=="),
        ({}, None),
    ],
)
def test_credentials_come_from_the_environment(environment, variables, header, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else")
    environment.setenv("NETRC", str(tmp_path / ".netrc") if variables else "/dev/null")
    for name, value in variables.items():
        environment.setenv(name, value)
    heard = []

    def answer(handler):
        heard.append(handler.headers.get("Authorization"))
        say(handler, b"[]")

    with server(answer) as url:
        listed(url)
    assert heard == [header]


def test_credentials_that_are_not_accepted_end_the_job(environment):
    environment.setenv("DICOMWEB_TOKEN", "t0ken")
    with server(lambda handler: say(handler, b"", status=401)) as url:
        for action in (lambda: listed(url), lambda: dicomweb.fetch(instance_at(url))):
            with pytest.raises(StoreUnreachable, match="does not accept the credentials") as caught:
                action()
            assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"DICOMWEB_TOKEN": "t", "DICOMWEB_USER": "u", "DICOMWEB_PASSWORD": "p"}, "both set"),
        ({"DICOMWEB_USER": "u"}, "one of them is missing"),
        ({"DICOMWEB_TOKEN": "t"}, "over https alone"),
        ({"DICOMWEB_CA_FILE": "/no/such/file"}, "does not exist"),
    ],
)
def test_credentials_that_cannot_be_meant(environment, variables, fault):
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(ValueError, match=fault):
        listed("http://pacs.example/dicom-web")


def test_a_server_has_to_show_a_certificate_that_can_be_believed(environment, certificates):  # noqa: F811
    authority, certificate, key = map(str, certificates)
    environment.setenv("DICOMWEB_TOKEN", "t0ken")
    environment.setenv("REQUESTS_CA_BUNDLE", requests.certs.where())  # as many machines have it
    with server(lambda handler: say(handler, b"[]"), server_context(certificate, key, None)) as url:
        with pytest.raises(StoreUnreachable, match="its certificate is not accepted"):
            listed(url)
        for function in (jobs.dicomweb.session_of, jobs.dicomweb.client_of):
            function.cache_clear()
        environment.setenv("DICOMWEB_CA_FILE", authority)
        assert listed(url) == []
