"""The client's own manners: waiting where it is told to, problems as exceptions, what it sends."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from serve.answer_schemas import ReportOut
from serve.client import Client, Refused

FINDING = {
    "query": {"name": "edema", "text": "edema", "box": None}, "boxes": [], "sentence": "No edema.", "probabilities": {},
    "parents": [], "present": False,
}  # fmt: skip


class Server:
    """Answers in turn; keeps what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0)


def client(server: Server, **settings) -> Client:
    return Client("http://test", transport=httpx.MockTransport(server), **settings)


def problem(status: int, **headers: str) -> httpx.Response:
    content = {"type": "about:blank", "title": "No", "status": status, "detail": "because"}
    return httpx.Response(status, json=content, headers=headers)


def test_it_comes_back_when_it_is_told_to(monkeypatch):
    slept = []
    monkeypatch.setattr("serve.client.time.sleep", slept.append)
    server = Server(
        problem(503, **{"retry-after": "2"}), problem(503), problem(503, **{"retry-after": "Mon, 01 Jan 2029"}),
        httpx.Response(200, json={"findings": [FINDING]}),
    )  # fmt: skip
    with client(server, token="secret", seconds=7) as asking:
        (finding,) = asking.ask("1f", "edema", labels=["edema"])
    assert finding.sentence == "No edema." and slept == [2, 1, 1] and len(server.asked) == 4
    last = server.asked[-1]
    assert json.loads(last.content) == {"queries": [{"text": "edema"}], "labels": ["edema"]}
    assert last.headers["authorization"] == "Bearer secret" and last.headers["x-request-timeout"] == "7"


def test_problems_are_raised(monkeypatch):
    monkeypatch.setattr("serve.client.time.sleep", lambda seconds: None)
    with client(Server(problem(503), problem(503)), tries=2) as asking, pytest.raises(Refused, match="503 No: because"):
        asking.ask("1f", "edema")
    with client(Server(problem(404))) as asking, pytest.raises(Refused) as refused:
        asking.report("1f")
    assert refused.value.problem.status == 404
    with client(Server(httpx.Response(502, text="<html>"))) as asking, pytest.raises(Refused, match="502"):
        asking.upload(b"file")


def test_a_wrong_question_is_not_sent():
    server = Server()
    with client(server) as asking, pytest.raises(ValueError, match="colour"):
        asking.ask("1f", {"text": "edema", "colour": "red"})
    assert not server.asked


def test_events_until_a_problem():
    lines = [
        "event: selected", f"data: {json.dumps({'findings': [FINDING]})}", "", "event: finding",
        f"data: {json.dumps(FINDING)}", "", "event: problem",
        'data: {"type": "about:blank", "title": "Gateway Timeout", "status": 504, "detail": "too late"}', "", "",
    ]  # fmt: skip
    server = Server(httpx.Response(200, text="\n".join(lines), headers={"content-type": "text/event-stream"}))
    seen = []
    with client(server) as asking, pytest.raises(Refused, match="too late"):
        for kind, content in asking.report_events("1f", prompts=["edema"]):
            seen.append((kind, content))
    assert [kind for kind, _ in seen] == ["selected", "finding"] and seen[1][1].sentence == "No edema."
    assert server.asked[0].headers["accept"] == "text/event-stream"


def test_events_end_at_line_feeds_alone():
    odd = json.loads(json.dumps(FINDING)) | {"sentence": "one\u2028two\x85three"}
    text = f"event: finding\ndata: {json.dumps(odd, ensure_ascii=False)}\n\n"
    with client(Server(httpx.Response(200, text=text, headers={"content-type": "text/event-stream"}))) as asking:
        ((_, finding),) = asking.report_events("1f")
    assert finding.sentence == odd["sentence"]


def test_an_export_says_of_which_report_it_is():
    made = {
        "model_name": "tiny", "model_version": "1", "weights_sha256": "", "prompt_set": "chexpert",
        "prompts_sha256": "", "thresholds": {"box_score": 0.1}, "input_sha256": "", "software_version": "1",
        "sop_instance_uid": None,
    }  # fmt: skip
    report = ReportOut.model_validate({"text": "No edema.", "findings": [FINDING], "provenance": made})
    server = Server(*(httpx.Response(200, content=b"file") for _ in range(3)))
    with client(server) as asking:
        asking.export("1f", "text")
        asking.export("1f", "text", report=report)
        asking.export("1f", "text", [report.findings[0].model_copy(update={"sentence": "Edema."})], report=report)
    alone, whole, edited = (json.loads(request.content) for request in server.asked)
    assert alone == {"format": "text"}
    assert whole == {"format": "text", "findings": [FINDING], "provenance": made, "edited": False}
    assert edited["edited"] and edited["findings"][0]["sentence"] == "Edema." and edited["provenance"] == made


def test_files_go_without_their_names(tmp_path):
    file = tmp_path / "DOE^JANE.dcm"
    file.write_bytes(b"content")
    image = {"image_id": "1f", "width": 1, "height": 1, "view": None, "notes": [], "expires_in_s": 9}
    server = Server(httpx.Response(201, json=image))
    with client(server) as asking:
        assert asking.upload(file).image_id == "1f"
    sent = server.asked[0].read()
    assert b"content" in sent and b"DOE" not in sent


def test_it_loads_neither_ray_nor_torch():
    code = "import sys, serve.client; print(*{'ray', 'torch', 'fastapi'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.split() == []
