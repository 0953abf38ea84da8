"""The log files of a real Serve: one id through all deployments, an audit line, and no patient in any of them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np

from tests.made_dicom import made_dicom
from tests.serve.asking import BOX, ask, png, upload

PATIENT = "ZYXWROTHSCHILD"


def log_files() -> dict[str, str]:
    """Everything that the Ray of these tests and its Serve have written."""
    files = (path for path in Path(os.environ["RAY_TMPDIR"]).rglob("*") if path.is_file())
    return {str(path): path.read_text(errors="replace") for path in files if path.suffix in (".log", ".out", ".err")}


def lines_with(request_id: str, *kinds: str, patience: float = 15.0) -> dict[str, list[dict]]:
    """JSON log lines of a request by deployment, once every one of `kinds` has some."""
    deadline = time.monotonic() + patience
    while True:
        found: dict[str, list[dict]] = {}
        for text in log_files().values():
            for line in text.splitlines():
                if request_id in line and line.startswith("{") and line.endswith("}"):
                    told = json.loads(line)
                    name = told.get("deployment", "proxy").rpartition("_")[2]  # Serve puts the application's before
                    found.setdefault(name, []).append(told)
        if found.keys() >= set(kinds) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_headers_and_id_are_on_answers_over_http(client):
    answer = client.get("/healthz", headers={"X-Request-ID": "one-id"})
    assert answer.headers.get_list("x-request-id") == ["one-id"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    missing = client.post("/v1/images/nothing/report")
    assert missing.json()["request_id"] == missing.headers["x-request-id"]


def test_the_id_goes_through_to_detector_and_generator(client):
    image_id = upload(client, png(0)).json()["image_id"]
    request_id = f"through-{time.time_ns()}"
    answer = client.post(
        f"/v1/images/{image_id}/queries", json={"queries": [{"text": "edema"}]}, headers={"X-Request-ID": request_id}
    )
    assert answer.status_code == 200
    lines = lines_with(request_id, "Ingress", "PromptDetector", "SentenceGenerator")
    assert [line["queries"] for line in lines["PromptDetector"]] == [1]
    assert [line["sentences"] for line in lines["SentenceGenerator"]] == [1]
    assert all(line["request_id"] == request_id for line in lines["Ingress"])


def test_the_audit_log_says_who_asked_what(client):
    image_id = upload(client, png(1)).json()["image_id"]
    request_id = f"audited-{time.time_ns()}"
    queries = [{"text": "edema"}, {"box": BOX}, {"text": "nodule", "box": BOX}, {"text": "mass"}]
    client.post(f"/v1/images/{image_id}/queries", json={"queries": queries}, headers={"X-Request-ID": request_id})
    lines = lines_with(request_id, "Ingress")["Ingress"]
    (line,) = (line["audit"] for line in lines if line["message"] == "audit")
    assert line["caller"] == "loopback" and line["queries"] == {"text": 2, "box": 1, "text+box": 1}
    assert len(line["images"]) == 1 and line["images"][0].startswith(image_id)
    assert (line["status"], line["outcome"], line["method"]) == (200, "answered", "POST")
    assert line["route"] == "/v1/images/{image_id}/queries" and 0 < line["seconds"] < 60


def named_dicom() -> bytes:
    names = {"PatientName": f"{PATIENT}^JANE", "PatientID": f"{PATIENT}-4711", "InstitutionName": f"{PATIENT} clinic"}
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    return made_dicom(values, BodyPartExamined="CHEST", StudyDescription=f"{PATIENT} chest", **names)


def test_no_log_holds_what_a_patient_could_be_known_by(client):
    data = named_dicom()
    image_id = upload(client, data, f"{PATIENT}.dcm").json()["image_id"]
    assert ask(client, image_id, {"text": f"edema of {PATIENT}", "name": PATIENT}).status_code == 200
    report = {"prompts": [{"text": f"{PATIENT} has a nodule"}]}
    for headers in ({}, {"accept": "text/event-stream"}):
        assert client.post(f"/v1/images/{image_id}/report", json=report, headers=headers).status_code == 200
    # refusals tell the client what is wrong, and the log nothing of it
    assert ask(client, image_id, {"text": "x", PATIENT: 1}).status_code == 422
    assert ask(client, f"{PATIENT}^JANE", {"text": "edema"}).status_code == 404
    assert client.get(f"/v1/{PATIENT}?name={PATIENT}").status_code == 404
    assert client.get("/healthz", headers={"Authorization": f"Bearer {PATIENT}"}).status_code == 200
    assert client.get("/healthz", headers={"User-Agent": PATIENT, "Referer": PATIENT}).status_code == 200
    for broken in (data[:-500], data[:700], PATIENT.encode() * 100):
        assert upload(client, broken, f"{PATIENT}.dcm").status_code in (201, 422)
    last = f"last-{time.time_ns()}"
    client.get("/healthz", headers={"X-Request-ID": last})
    assert lines_with(last, "Ingress")
    logs = log_files()
    assert any("SentenceGenerator" in name for name in logs)
    assert [name for name, text in logs.items() if PATIENT.lower() in text.lower()] == []
