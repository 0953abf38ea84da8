"""The listener against dcmtk's programs, Orthanc and strangers: what it takes, what it refuses and with which status."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pydicom
import pytest
from pydicom import uid
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from jobs.radiograph_storage import RADIOGRAPHY, TRANSFER_SYNTAXES
from jobs.routing import connection
from jobs.routing.listener import Listener
from jobs.routing.queue import Queue
from jobs.routing.transport_security import server_context
from tests.jobs.routing.certificates import certificates  # noqa: F401  a fixture
from tests.jobs.routing.modality import answers, as_bytes, echoscu, phantom, storescu, written
from tests.orthanc_server import OrthancServer


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue", keep_free=0)


@pytest.fixture
def listen(queue):
    """Starts listeners; `listen().port` is where one is."""
    started = []

    def start(**options) -> Listener:
        settings = {
            "ae_title": "CHEXRAY", "callers": ("MODALITY", "ORTHANC"), "sop_classes": RADIOGRAPHY, "associations": 4
        }  # fmt: skip
        started.append(Listener(queue, ("127.0.0.1", 0), **settings | options))
        return started[-1]

    yield start
    for listener in started:
        listener.stop()


def images(queue: Queue) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(queue.image(key)) for key in queue.waiting()]


def test_echo(listen):
    port = listen().port
    assert echoscu(port).returncode == 0
    assert echoscu(port, caller="STRANGER").returncode != 0


def test_a_modality_sends_images_and_they_are_in_the_queue_when_it_is_answered(listen, queue, tmp_path):
    sent = [phantom(number) for number in range(3)]
    log = storescu(listen().port, *(written(image, tmp_path / f"{place}.dcm") for place, image in enumerate(sent)))
    assert answers(log.stdout) == ["Success"] * 3
    arrived = {image.SOPInstanceUID: image for image in images(queue)}
    assert set(arrived) == {image.SOPInstanceUID for image in sent}
    for image in sent:
        assert arrived[image.SOPInstanceUID] == image and arrived[image.SOPInstanceUID].file_meta.TransferSyntaxUID
    assert not list(queue.incoming.iterdir())


def test_the_same_image_twice_is_one(listen, queue, tmp_path):
    file, port = written(phantom(0), tmp_path / "image.dcm"), listen().port
    for _ in range(2):
        assert answers(storescu(port, file).stdout) == ["Success"]
    assert len(queue.waiting()) == 1 and not list(queue.incoming.iterdir())


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES, ids=lambda syntax: syntax.name)
def test_what_the_decoder_reads_is_taken_as_it_is(listen, queue, syntax):
    """What the compressed pixels are does not matter here: nobody looks at them before the image is safe."""
    image = as_bytes(compressed(phantom(0), syntax))
    assert sent(listen().port, image) == 0
    (key,) = queue.waiting()
    arrived = pydicom.dcmread(queue.image(key))
    assert arrived.file_meta.TransferSyntaxUID == syntax and arrived == pydicom.dcmread(io.BytesIO(image))


def compressed(image: pydicom.Dataset, syntax: uid.UID) -> pydicom.Dataset:
    image.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        image.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
        image["PixelData"].VR = "OB"
    if not syntax.is_little_endian:
        image.PixelData = bytes(len(image.PixelData))
        image["PixelData"].VR = "OW"
    return image


def sent(port: int, image: bytes, *, agreed: str = "", **said: str) -> int | None:
    """The status of one C-STORE of a file's data set as it is; None if the line broke.

    `agreed`: the SOP class of the association. `said`: what the message tells of the image, where it lies.
    """
    told = pydicom.dcmread(io.BytesIO(image), specific_tags=["SOPClassUID", "SOPInstanceUID"], force=True)
    ae = AE("MODALITY")
    ae.add_requested_context(agreed or told.get("SOPClassUID"), told.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title="CHEXRAY")
    assert association.is_established
    message = C_STORE()
    message.MessageID, message.Priority = 1, 2
    for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID"):
        setattr(message, keyword, said.get(keyword) or told.get(keyword.removeprefix("Affected")))
    message.DataSet = io.BytesIO(image[_start_of_data_set(image) :])
    association._reactor_checkpoint.clear()  # as pynetdicom's own sender does
    association.dimse.send_msg(message, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    return None if answer is None else answer.Status


def _start_of_data_set(image: bytes) -> int:
    return 144 + int.from_bytes(
        image[140:144], "little"
    )  # behind (0002,0000), the length of the file's meta information


@pytest.mark.parametrize(
    "sop_class", [uid.CTImageStorage, uid.SecondaryCaptureImageStorage, uid.DigitalXRayImageStorageForProcessing]
)
def test_other_images_are_not_agreed_upon(listen, queue, tmp_path, sop_class):
    file = written(phantom(0, SOPClassUID=sop_class), tmp_path / "image.dcm")
    log = storescu(listen().port, file)
    assert log.returncode and "No Acceptable Presentation Contexts" in log.stdout
    assert queue.waiting() == []


def test_secondary_captures_are_taken_where_that_is_wanted(listen, queue, tmp_path):
    file = written(phantom(0, SOPClassUID=uid.SecondaryCaptureImageStorage), tmp_path / "image.dcm")
    port = listen(sop_classes=(*RADIOGRAPHY, uid.SecondaryCaptureImageStorage)).port
    assert answers(storescu(port, file).stdout) == ["Success"] and len(queue.waiting()) == 1


def test_strangers_and_wrong_numbers_get_no_association(listen, queue, tmp_path):
    file, port = written(phantom(0), tmp_path / "image.dcm"), listen().port
    for options in ({"caller": "STRANGER"}, {"called": "SOMEBODY"}):
        log = storescu(port, file, **options)
        assert log.returncode and "Rejected" in log.stdout
    assert queue.waiting() == []


def test_a_data_set_that_is_not_what_its_message_says(listen, queue):
    image, port = as_bytes(phantom(0)), listen().port
    assert (
        sent(port, image, agreed=uid.ComputedRadiographyImageStorage, AffectedSOPClassUID=uid.CTImageStorage) == 0xA900
    )
    assert sent(port, image, AffectedSOPInstanceUID="1.2.3") == 0xA900
    assert queue.waiting() == [] and not list(queue.incoming.iterdir())


def test_a_data_set_that_is_none(listen, queue):
    image = as_bytes(phantom(0))
    broken = image[: _start_of_data_set(image)] + b"no DICOM at all" * 100
    identity = {"AffectedSOPClassUID": uid.ComputedRadiographyImageStorage, "AffectedSOPInstanceUID": "1.2.3"}
    assert sent(listen().port, broken, agreed=uid.ComputedRadiographyImageStorage, **identity) == 0xC000
    assert queue.waiting() == []


def test_a_full_disk_is_told(listen, queue, tmp_path):
    queue._keep_free = 1 << 62
    log = storescu(listen().port, written(phantom(0), tmp_path / "image.dcm"))
    assert "OutOfResources" in log.stdout.replace(" ", "") and queue.waiting() == []


def test_a_line_that_breaks_leaves_nothing_in_the_queue(listen, queue, tmp_path):
    port = listen().port
    image = phantom(0, Rows=4096, Columns=4096, PixelData=bytes(2 * 4096**2))
    with FaultyLine(port, after=10**6) as line:
        log = storescu(line.port, written(image, tmp_path / "large.dcm"))
    assert answers(log.stdout) == [] and queue.waiting() == []
    assert echoscu(port).returncode == 0


class FaultyLine:
    """A TCP line to a port that breaks after so many bytes."""

    def __init__(self, target: int, *, after: int) -> None:
        self._target, self._after = target, after

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._carry, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()

    def _carry(self) -> None:
        caller, _ = self._listener.accept()
        target = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=_copy, args=(target, caller, 1 << 60), daemon=True).start()
        _copy(caller, target, self._after)
        for line in (caller, target):
            line.shutdown(socket.SHUT_RDWR)  # closing alone would wait for whoever reads from it
            line.close()


def _copy(source: socket.socket, target: socket.socket, most: int) -> None:
    try:
        while most > 0 and (data := source.recv(65536)):
            target.sendall(data)
            most -= len(data)
    except OSError:
        pass  # closed by the other side


def test_more_than_an_image_can_have_is_cut_off(listen, queue, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "MOST_MESSAGE", 10**5)
    port = listen().port
    files = [written(phantom(number), tmp_path / f"{number}.dcm") for number in range(8)]
    assert sum(file.stat().st_size for file in files) > 10**5
    assert answers(storescu(port, *files).stdout) == ["Success"] * 8  # together they may be more
    large = written(phantom(9, Rows=512, Columns=512, PixelData=bytes(2 * 512**2)), tmp_path / "large.dcm")
    assert answers(storescu(port, large).stdout) == [] and len(queue.waiting()) == 8


@pytest.mark.parametrize(
    "bytes_on_the_port",
    [b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n", b"\x01\x00\xff\xff\xff\xff" + bytes(100), b"\x04\x00\0\0\0\x08" + bytes(8),
     b"\x01\x00\0\0\0\x10" + b"\xff" * 16, bytes(range(256)) * 20],
    ids=["http", "four gigabytes announced", "data before anything else", "a broken greeting", "noise"],
)  # fmt: skip
def test_garbage_is_hung_up_on(listen, bytes_on_the_port):
    port = listen().port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
        stranger.sendall(bytes_on_the_port)
        assert _hung_up(stranger)
    assert echoscu(port).returncode == 0


def _hung_up(line: socket.socket) -> bool:
    """Whether the other side ends the connection, before or after an abort of its own."""
    try:
        while line.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_half_a_sentence_and_silence_is_hung_up_on(listen):
    listener = listen()
    listener._ae.network_timeout = 0.5
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as stranger:
        stranger.sendall(b"\x01\x00\0\0\x01\0")
        assert _hung_up(stranger)


def test_associations_beyond_the_limit_are_told_to_come_later(listen, queue, tmp_path):
    port, ae = listen(associations=2).port, AE("MODALITY")
    ae.add_requested_context(uid.ComputedRadiographyImageStorage)
    first, second, third = (ae.associate("127.0.0.1", port, ae_title="CHEXRAY") for _ in range(3))
    assert first.is_established and second.is_established
    assert third.is_rejected and third.acceptor.primitive.result == 2  # for the moment
    first.release()
    second.release()
    assert answers(storescu(port, written(phantom(0), tmp_path / "image.dcm")).stdout) == ["Success"]


def test_twenty_modalities_at_once(listen, queue, tmp_path):
    port = listen(associations=20).port
    files = [written(phantom(number), tmp_path / f"{number}.dcm") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        logs = list(pool.map(lambda file: storescu(port, file).stdout, files))
    assert [answers(log) for log in logs] == [["Success"]] * 20 and len(queue.waiting()) == 20


def test_a_pacs_sends(listen, queue):
    """Orthanc in the part of the modality."""
    port = listen().port
    pacs = OrthancServer(modalities={"chexray": ("CHEXRAY", "127.0.0.1", port)})
    try:
        instances = [pacs.store(as_bytes(phantom(number)))["ID"] for number in range(3)]
        request = urllib.request.Request(f"{pacs.uri}/modalities/chexray/store", json.dumps(instances).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["FailedInstancesCount"] == 0
    finally:
        pacs.stop()
    assert {image.SOPInstanceUID for image in images(queue)} == {phantom(number).SOPInstanceUID for number in range(3)}


def test_encrypted(listen, queue, tmp_path, certificates):  # noqa: F811
    authority, certificate, key = map(str, certificates)
    port = listen(tls=server_context(certificate, key, authority)).port
    file = written(phantom(0), tmp_path / "image.dcm")
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]  # they never shake hands
    assert answers(storescu(port, file, options=("+tls", key, certificate, "+cf", authority)).stdout) == ["Success"]
    assert storescu(port, file).returncode != 0
    assert storescu(port, file, options=("+tla", "+cf", authority)).returncode != 0  # shows no certificate
    assert len(queue.waiting()) == 1
    for line in silent:
        line.close()


def test_stopping_lets_an_association_end(listen, queue, tmp_path):
    listener, file = listen(), written(phantom(0), tmp_path / "image.dcm")
    with ThreadPoolExecutor(1) as pool:
        log = pool.submit(storescu, listener.port, file, options=("--repeat", "30", "+II"))
        while not queue.waiting():
            time.sleep(0.01)
        listener.stop()
        assert set(answers(log.result().stdout)) == {"Success"}
    assert len(queue.waiting()) == len(answers(log.result().stdout))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port))
