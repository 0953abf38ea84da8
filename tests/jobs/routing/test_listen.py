"""The whole way with real parties: dcmtk and Orthanc send, the model that comes along reports, Orthanc receives."""

from __future__ import annotations

import io
import urllib.request

import pydicom
import pytest
from pydicom import uid

from jobs.listen import main
from jobs.routing.queue import Queue
from jobs.routing.run import _only_listener
from tests.jobs.routing.listening import Listening, status
from tests.jobs.routing.modality import answers, as_bytes, phantom, storescu, written
from tests.orthanc_server import OrthancServer

STUDIES = 3


def identified(number: int, **elements) -> pydicom.Dataset:
    """A phantom with a name and a number that must not come up in a log."""
    return phantom(
        number, PatientName="Doe^Secretive", PatientID="SECRET-4711", StudyInstanceUID=f"1.2.3.{number}",
        SeriesInstanceUID=f"1.2.3.{number}.1", **elements,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pacs():
    server = OrthancServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("listen")


@pytest.fixture(scope="module")
def afterwards(pacs, folder):
    """What there is after a modality has sent three chests (one of them twice), a hand, and a file with broken pixels."""
    images = [identified(number) for number in range(STUDIES)]
    for image in images:
        pacs.store(as_bytes(image))
    hand = identified(10, BodyPartExamined="HAND")
    broken = identified(11)
    broken.file_meta.TransferSyntaxUID = uid.JPEG2000Lossless
    broken.PixelData = pydicom.encaps.encapsulate([b"no picture at all"])
    broken["PixelData"].VR = "OB"
    files = [written(image, folder / f"{place}.dcm") for place, image in enumerate([*images, images[0], hand])]
    prompts = folder / "prompts.json"
    prompts.write_text('{"name": "two", "queries": ["pleural effusion", "cardiomegaly"]}')
    listening = Listening(
        folder, "--deliver", f"dicom://ORTHANC@127.0.0.1:{pacs.dicom_port}", "--allow", "MODALITY",
        "--prompts", str(prompts), "--batch-size", "4",
    )  # fmt: skip
    try:
        sent = storescu(listening.port, *files)
        sent_broken = storescu(listening.port, written(broken, folder / "broken.dcm"), options=("-xv",))
        listening.wait_for(lambda: all_settled(Queue(listening.queue)))
        seen = status(listening.queue)
        exit_status = listening.stop()
    finally:
        listening.kill()
    return {
        "images": images, "answers": answers(sent.stdout) + answers(sent_broken.stdout), "status": seen,
        "exit status": exit_status, "log": listening.log,
    }  # fmt: skip


def all_settled(queue: Queue) -> bool:
    counts = queue.counts()
    return counts.images == STUDIES + 2 and not counts.waiting and not counts.outgoing


def reports_in(pacs: OrthancServer) -> list[pydicom.Dataset]:
    found = []
    for instance in pacs.get("/instances"):
        with urllib.request.urlopen(f"{pacs.uri}/instances/{instance}/file", timeout=30) as answer:
            dataset = pydicom.dcmread(io.BytesIO(answer.read()))
        if dataset.Modality == "SR":
            found.append(dataset)
    return found


def test_everything_was_acknowledged(afterwards):
    assert afterwards["answers"] == ["Success"] * (STUDIES + 3)


def test_each_image_has_one_report_in_its_study(afterwards, pacs):
    reports = reports_in(pacs)
    assert {report.StudyInstanceUID for report in reports} == {image.StudyInstanceUID for image in afterwards["images"]}
    assert len(reports) == STUDIES
    for report in reports:
        assert (report.PatientID, str(report.PatientName)) == ("SECRET-4711", "Doe^Secretive")
        (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
        assert evidence.StudyInstanceUID == report.StudyInstanceUID and report.ContentSequence


def test_what_became_of_the_others(afterwards):
    told = afterwards["status"]
    assert told["listening"] is True and told["images"] == STUDIES + 2
    assert told["delivered"] == STUDIES and told["not_reported"] == {"BodyPartExamined is HAND, not CHEST": 1}
    (reason,) = told["quarantined"]
    assert reason.startswith("decode: ") and told["quarantined"][reason] == 1


def test_it_stops_gracefully_and_says_what_it_did(afterwards, folder):
    assert afterwards["exit status"] == 0
    assert f"{STUDIES + 2} images, {STUDIES} of their reports delivered" in afterwards["log"]
    assert status(folder / "queue")["listening"] is False


def test_no_log_line_names_a_patient_or_a_study(afterwards):
    assert "1.2.3." not in afterwards["log"] and "1.2.826" not in afterwards["log"]
    assert not any(word in afterwards["log"] for word in ("Doe", "Secretive", "SECRET", "4711"))


def test_every_fault_of_a_configuration_is_told_at_once(tmp_path, capsys):
    arguments = ["--queue", "s3://bucket/queue", "--deliver", "pacs:104", "--model", str(tmp_path), "--port", "70000",
                 "--host", "0.0.0.0", "--ae-title", "A_TITLE_OF_MORE_THAN_SIXTEEN", "--format", "text",
                 "--tls-certificate", "no.pem", "--associations", "0", "--prompts", "no.json"]  # fmt: skip
    assert main(arguments) == 2
    told = capsys.readouterr().err
    for fault in (
        "--queue: expected a folder on a disk", "expected dicom://AE@HOST:PORT", "no config.json", "port must be",
        "name the AE titles", "is no AE title", "format must be", "go together", "associations must be",
        "no.json does not exist",
    ):  # fmt: skip
        assert fault in told, fault
    assert not (tmp_path / "queue").exists()


def test_without_a_destination_nothing_starts(tmp_path, capsys):
    assert main(["--queue", str(tmp_path / "queue")]) == 2
    assert "--deliver is missing" in capsys.readouterr().err


def test_two_listeners_do_not_share_a_queue(tmp_path, capsys):
    with _only_listener(tmp_path / "queue"):
        assert main(["--queue", str(tmp_path / "queue"), "--deliver", "dicom://PACS@127.0.0.1:104"]) == 1
    assert "another listener works on the queue" in capsys.readouterr().err


def test_the_status_of_what_is_no_queue(tmp_path, capsys):
    assert main(["--queue", str(tmp_path), "--status"]) == 2
    assert "is no queue" in capsys.readouterr().err and not list(tmp_path.iterdir())
