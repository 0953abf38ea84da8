"""`serve deploy infra/serve.yaml`, for real: keys, ids through all deployments, audit, and no patient in any log."""

from __future__ import annotations

import io
import json
import time

import pydicom
import pytest

from tests.serve.asking import BOX, ask, is_problem, png, upload

PATIENT = "ZYXWROTHSCHILD"


@pytest.fixture(scope="module")
def client(deployment):
    with deployment.client() as client:
        yield client


def lines_with(deployment, request_id: str, *kinds: str, patience: float = 15.0) -> dict[str, list[dict]]:
    """JSON log lines of a request by deployment, once every one of `kinds` has some."""
    deadline = time.monotonic() + patience
    while True:
        found: dict[str, list[dict]] = {}
        for text in deployment.logs().values():
            for line in text.splitlines():
                if request_id in line and line.startswith("{"):
                    told = json.loads(line)
                    found.setdefault(told.get("deployment", "proxy"), []).append(told)
        if all(any(kind in name for name in found) for kind in kinds) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_without_a_key_it_is_closed(deployment):
    with deployment.client(None) as stranger:
        assert is_problem(upload(stranger, png(0)), 401, "Authorization")
        assert stranger.get("/").status_code == stranger.get("/healthz").status_code == 200


def test_headers_and_id_are_on_answers_over_http(client):
    answer = client.get("/healthz", headers={"X-Request-ID": "one-id"})
    assert answer.headers.get_list("x-request-id") == ["one-id"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    missing = client.post("/v1/images/nothing/report")
    assert missing.json()["request_id"] == missing.headers["x-request-id"]


def test_the_id_goes_through_to_detector_and_generator(deployment, client):
    image_id = upload(client, png(0)).json()["image_id"]
    request_id = f"through-{time.time_ns()}"
    answer = client.post(
        f"/v1/images/{image_id}/queries", json={"queries": [{"text": "edema"}]}, headers={"X-Request-ID": request_id}
    )
    assert answer.status_code == 200
    lines = lines_with(deployment, request_id, "Ingress", "PromptDetector", "SentenceGenerator")
    assert [line["queries"] for line in lines["PromptDetector"]] == [1]
    assert [line["sentences"] for line in lines["SentenceGenerator"]] == [1]
    assert all(line["request_id"] == request_id for line in lines["Ingress"])


def test_the_audit_log_says_who_asked_what(deployment, client):
    image_id = upload(client, png(1)).json()["image_id"]
    request_id = f"audited-{time.time_ns()}"
    queries = [{"text": "edema"}, {"box": BOX}, {"text": "nodule", "box": BOX}, {"text": "mass"}]
    client.post(f"/v1/images/{image_id}/queries", json={"queries": queries}, headers={"X-Request-ID": request_id})
    lines = lines_with(deployment, request_id, "Ingress")["Ingress"]
    (line,) = (line["audit"] for line in lines if line["message"] == "audit")
    assert line["caller"] == "ward-3" and line["queries"] == {"text": 2, "box": 1, "text+box": 1}
    assert len(line["images"]) == 1 and line["images"][0].startswith(image_id)
    assert (line["status"], line["outcome"], line["method"]) == (200, "answered", "POST")
    assert line["route"] == "/v1/images/{image_id}/queries" and 0 < line["seconds"] < 60


def named_dicom(shared) -> bytes:
    dataset = pydicom.dcmread(shared / "data" / "real" / "dicom" / "chest_cr_jpeg_baseline_monochrome2.dcm")
    dataset.PatientName, dataset.PatientID = f"{PATIENT}^JANE", f"{PATIENT}-4711"
    dataset.StudyDescription = dataset.InstitutionName = f"{PATIENT} clinic"
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def test_no_log_holds_what_a_patient_could_be_known_by(deployment, client, shared):
    data = named_dicom(shared)
    image_id = upload(client, data, f"{PATIENT}.dcm").json()["image_id"]
    assert ask(client, image_id, {"text": f"edema of {PATIENT}", "name": PATIENT}).status_code == 200
    report = {"prompts": [{"text": f"{PATIENT} has a nodule"}]}
    for headers in ({}, {"accept": "text/event-stream"}):
        assert client.post(f"/v1/images/{image_id}/report", json=report, headers=headers).status_code == 200
    # refusals tell the client what is wrong, and the log nothing of it
    assert ask(client, image_id, {"text": "x", PATIENT: 1}).status_code == 422
    assert ask(client, f"{PATIENT}^JANE", {"text": "edema"}).status_code == 404
    assert client.get(f"/v1/{PATIENT}?name={PATIENT}").status_code == 404
    assert client.get("/v1/images", headers={"Authorization": f"Bearer {PATIENT}"}).status_code == 401
    assert client.get("/healthz", headers={"User-Agent": PATIENT, "Referer": PATIENT}).status_code == 200
    for broken in (data[:-5000], data[:3000], PATIENT.encode() * 100):
        assert upload(client, broken, f"{PATIENT}.dcm").status_code in (201, 422)
    last = f"last-{time.time_ns()}"
    client.get("/healthz", headers={"X-Request-ID": last})
    assert lines_with(deployment, last, "Ingress")
    logs = deployment.logs()
    assert any("SentenceGenerator" in name for name in logs)
    assert [name for name, text in logs.items() if PATIENT.lower() in text.lower()] == []
