"""Listeners, workers and destinations killed with SIGKILL: what was acknowledged is reported on, once."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest

from jobs.routing import supervisor as supervisor_module
from jobs.routing.queue import Queue
from jobs.routing.supervisor import Supervisor
from jobs.routing.worker import Work
from tests.jobs.routing.listening import Listening
from tests.jobs.routing.modality import phantom, storescu, written
from tests.jobs.routing.poisoned_worker import work_until_poisoned
from tests.orthanc_server import OrthancServer
from tests.talkative import save_talkative


@pytest.fixture
def prompts(tmp_path) -> str:
    """Few prompts: the model is not what is tested."""
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps({"name": "two", "queries": ["pleural effusion", "cardiomegaly"]}))
    return str(file)


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory) -> str:
    return str(save_talkative(tiny_model, tmp_path_factory.mktemp("model")))


@pytest.fixture
def pacs():
    server = OrthancServer()
    yield server
    server.stop()


def acknowledged(log: str) -> list[Path]:
    """The files whose Success is in storescu's log."""
    return [Path(name) for name in re.findall(r"Sending file: (.*)\n(?:(?!Sending file).*\n)*?.*\(Success\)", log)]


def reported_on(pacs: OrthancServer) -> list[str]:
    """The images that the reports in the PACS are about, sorted, one for each report."""
    images = []
    for instance in pacs.get("/instances"):
        with urllib.request.urlopen(f"{pacs.uri}/instances/{instance}/file", timeout=30) as answer:
            report = pydicom.dcmread(io.BytesIO(answer.read()))
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        images.append(study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
    return sorted(images)


def enlarged(image: pydicom.Dataset) -> pydicom.Dataset:
    """A megabyte, so that it takes a while to send."""
    pixels = image.pixel_array.repeat(8, axis=0).repeat(8, axis=1)
    image.Rows, image.Columns = pixels.shape
    image.PixelData = pixels.tobytes()
    return image


def test_a_listener_that_is_killed_again_and_again(tmp_path, model, prompts, pacs):
    """While it receives, reports and delivers; once with the destination dead, too. A modality sends what is not
    acknowledged again."""
    images = {written(enlarged(phantom(number)), tmp_path / f"{number}.dcm"): phantom(number) for number in range(24)}
    arguments = (
        "--deliver", f"dicom://ORTHANC@127.0.0.1:{pacs.dicom_port}", "--batch-size", "4", "--model", model,
        "--prompts", prompts,
    )  # fmt: skip
    missing, known, cut = list(images), set(), 0
    for round_, pause in enumerate((0.0, 0.0, 0.1, 8.0)):
        listening = Listening(tmp_path, *arguments)
        if round_ == 2:
            pacs.kill()
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(storescu, listening.port, *missing)
            before = Queue(listening.queue).counts().images
            listening.wait_for(lambda: Queue(listening.queue).counts().images > before + 2)  # noqa: B023
            time.sleep(pause)
            listening.kill()
            known |= set(acknowledged(sending.result().stdout))
        missing = [file for file in images if file not in known]
        cut += bool(missing)
        if round_ == 2:
            pacs.start()
        if not missing:
            break
    assert known and cut, "none of the kills came in the middle"
    listening = Listening(tmp_path, *arguments)
    if missing:
        known |= set(acknowledged(storescu(listening.port, *missing).stdout))
    assert known == set(images)
    listening.wait_for(lambda: Queue(listening.queue).counts().delivered >= len(images))
    assert listening.stop() == 0
    assert reported_on(pacs) == sorted(image.SOPInstanceUID for image in images.values())
    counts = Queue(listening.queue).counts()
    assert counts.delivered == counts.images == len(images)


def test_a_worker_that_is_killed_is_replaced(tmp_path, model, prompts, pacs):
    files = [written(phantom(number), tmp_path / f"{number}.dcm") for number in range(12)]
    listening = Listening(
        tmp_path, "--deliver", pacs.dicomweb, "--model", model, "--prompts", prompts, "--batch-size", "2"
    )  # fmt: skip
    assert len(acknowledged(storescu(listening.port, *files).stdout)) == 12
    for delivered in (1, 5):
        listening.wait_for(lambda: Queue(listening.queue).counts().delivered >= delivered)  # noqa: B023
        listening.worker().kill()
    listening.wait_for(lambda: Queue(listening.queue).counts().delivered == 12)
    assert listening.stop() == 0 and "the worker died (signal 9)" in listening.log
    assert reported_on(pacs) == sorted(phantom(number).SOPInstanceUID for number in range(12))


def test_an_orphaned_worker_ends(tmp_path, model, prompts, pacs):
    listening = Listening(tmp_path, "--deliver", pacs.dicomweb, "--model", model, "--prompts", prompts)
    worker = listening.worker()
    listening.kill()
    worker.wait(30)


def test_an_image_that_kills_workers_is_put_aside_and_the_others_are_reported_on(tmp_path, model, prompts, monkeypatch):
    monkeypatch.setattr(supervisor_module, "_FIRST_WAIT", 0.1)
    monkeypatch.setattr(supervisor_module, "_LONGEST_WAIT", 0.1)
    queue, keys = Queue(tmp_path / "queue", keep_free=0), []
    for number in range(5):
        name = "POISON" if number == 2 else "Phantom"
        image = phantom(number, PatientName=name)
        key, _ = queue.accept(written(image, queue.incoming / "arriving"), image.SOPInstanceUID)
        keys.append(key)
    work = Work(queue.root, model, prompts, "dicom-sr", 5, "cpu")
    supervisor = Supervisor(queue, work, work_until_poisoned)
    try:
        end = time.monotonic() + 600
        while queue.waiting() and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        supervisor.stop()
    assert sorted(queue.outgoing()) == sorted(key for key in keys if key != keys[2])
    assert queue.counts().quarantined == {"report: the process that made its report died (signal 11)": 1}


def test_a_model_that_cannot_be_loaded_lets_nothing_start(tmp_path):
    from jobs.listen import main

    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    assert main(["--queue", str(tmp_path / "q"), "--deliver", "dicom://P@127.0.0.1:1", "--model", str(broken)]) == 1
    assert Queue(tmp_path / "q").counts().images == 0
