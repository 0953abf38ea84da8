"""No path, no pickle and no address that a client sends is followed.

Why there is no way in: an upload is read from memory by its content (its file name is not looked at), images are found
by their hash in a dictionary, and models and prompt sets by names that are keys; what comes in is decoded as DICOM, JPEG,
PNG, JSON or a form and never unpickled (Ray pickles between its own processes only); nothing that the server does while it
answers opens an address. These tests try each.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pydicom
import pytest

from tests.made_dicom import made_dataset
from tests.serve.asking import is_problem, png, upload
from tests.serve.hostile.image_seeds import pickled, radiograph

PATHS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
]


@pytest.fixture
def listener() -> Iterator[tuple[str, list]]:
    """An address that notes who calls it."""
    calls: list = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    calls.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/image.dcm", calls


@pytest.mark.parametrize("name", [*PATHS, "a.png\0.exe", "x" * 10_000, "CON", "\u202egnp.a", ""])
def test_a_file_name_is_only_a_name(client, name):
    answer = client.post("/v1/images", files={"file": (name, png(0))})
    assert answer.status_code in (201, 400, 422)  # too long, or none: then a form's field is no file
    if answer.status_code == 201:
        assert answer.json()["image_id"] == upload(client, png(0)).json()["image_id"]
        assert name not in answer.text or not name


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_nowhere(client, path):
    for url in (f"/viewer/{path}", f"/v1/images/{path}/pixels", f"/v1/{path}", f"/{path}"):
        answer = client.get(url)
        assert answer.status_code in (404, 405) and "root:" not in answer.text
    image_id = upload(client, png(0)).json()["image_id"]
    assert client.post(f"/v1/images/{image_id}/report", json={"prompt_set": path}).status_code == 422
    question = {"queries": [{"text": "edema", "labels": [path]}]}
    assert client.post(f"/v1/images/{image_id}/queries", json=question).status_code == 422


def test_nothing_is_unpickled(client, tmp_path):
    image_id, witness = upload(client, png(0)).json()["image_id"], tmp_path / "witness"
    body = pickled(f"touch {witness}")
    assert upload(client, body, "model.pkl").status_code == 422
    kinds = ("application/json", "application/octet-stream", "application/x-pickle", "application/python-pickle")
    for kind in (*kinds, "application/dicom", "multipart/form-data; boundary=x"):
        for path in ("/v1/images", f"/v1/images/{image_id}/queries", f"/v1/images/{image_id}/report", "/v1/queries"):
            answer = client.post(path, content=body, headers={"content-type": kind})
            assert 400 <= answer.status_code < 500, (path, kind, answer.text)
    assert not witness.exists()


def test_no_address_is_called(client, listener):
    url, calls = listener
    dataset = made_dataset(radiograph(), RetrieveURL=url, RetrieveURI=url, PixelDataProviderURL=url)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    image_id = upload(client, file.getvalue()).json()["image_id"]
    del dataset.PixelData
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    assert is_problem(upload(client, file.getvalue()), 422, "not a usable radiograph")
    assert client.post("/v1/images", json={"url": url}).status_code == 422
    assert client.post("/v1/images", data={"file": url}).status_code == 422
    assert client.post("/v1/images", files={"file": ("a.url", f"[InternetShortcut]\nURL={url}")}).status_code == 422
    queries = f"/v1/images/{image_id}/queries"
    assert client.post(queries, json={"queries": [{"text": url}]}).status_code == 200
    assert client.post(queries, json={"queries": [{"text": "edema", "image": url}]}).status_code == 422
    assert client.post(queries, json={"queries": [{"text": "edema", "labels": [url]}]}).status_code == 422
    assert calls == []
